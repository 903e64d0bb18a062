"""States of risk items coming back from a CRM or a spreadsheet."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from churn_agent.content.task_rules import TaskRules, load_task_rules
from churn_agent.domain.days import real_day
from churn_agent.domain.headers import header_name
from churn_agent.errors import FileFormatError, InputError
from churn_agent.followup.editing import LONGEST_NOTE, Edit, apply, check, judged
from churn_agent.followup.exporting import HEADINGS
from churn_agent.history import feedback, tasks
from churn_agent.history.feedback import Feedback
from churn_agent.history.tasks import ACTIVE, State, Task
from churn_agent.ingest.readers.base import ReadOptions
from churn_agent.ingest.readers.text import read_text
from churn_agent.store.store import Store

_DONE = "done"
"""A task is done over there, which does not say how it ended for the customer."""
_STATES: Mapping[str, State | Literal["done"]] = {
    **dict.fromkeys(("open", "new", "not started", "to do", "todo", "offen", "neu", "nicht begonnen"), "open"),
    **dict.fromkeys(
        ("working", "in progress", "started", "waiting", "waiting on someone else", "deferred", "in arbeit",
         "in bearbeitung"),
        "working",
    ),
    **dict.fromkeys(("saved", "retained", "renewed", "won", "closed won", "gehalten", "gerettet"), "saved"),
    **dict.fromkeys(("lost", "churned", "closed lost", "verloren"), "lost"),
    **dict.fromkeys(("accepted", "hingenommen", "akzeptiert"), "accepted"),
    **dict.fromkeys(("false alarm", "fehlalarm"), "false alarm"),
    **dict.fromkeys(("done", "completed", "complete", "closed", "erledigt", "abgeschlossen"), _DONE),
    "cleared": "cleared",
}  # fmt: skip
_NAMES: Mapping[str, tuple[str, ...]] = {
    "key": ("churn_agent_key", "external_id"),
    "number": ("task", "risk_item"),
    "state": ("status",),
    "result": ("outcome", "resolution", "ergebnis"),
    "owner": ("assigned_to", "owner_name", "zuständig"),
    "due_date": ("due", "due_on", "fällig_am"),
    "code": ("reason_code", "grund"),
    "note": ("comment", "comments", "notiz", "kommentar"),
}
"""Other names of the columns, as they are after `header_name`; those of our layouts count as well."""


@dataclass(frozen=True)
class Refused:
    """A row that was not imported."""

    line: int
    why: str


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    rows: int
    changed: int
    """Items that were changed."""
    undecided: tuple[int, ...]
    """Items that are done over there, without a word on how it ended; their state is `working`."""
    refused: tuple[Refused, ...]
    """Rows that were not imported; the others were."""


def import_states(store: Store, path: Path, *, by: str | None = None, today: date) -> Imported:
    """Imports a CSV file of risk items. Empty cells change nothing; a row that cannot be used does not stop the others.

    An item is found by its key or number. Its state is never set back to open: in a CRM, that is where every task
    starts.

    Args:
        store: with the items.
        path: the file.
        by: who imports it; stored only if the settings allow names of staff.
        today: day of the decisions.

    Raises:
        FileFormatError: the file cannot be read, or has no column with the key or number, or nothing to import.
    """
    rules = load_task_rules(store.settings.prompts_dir)
    rows = _read(path)
    refused: list[Refused] = []
    undecided: list[int] = []
    judgements: list[Feedback] = []
    changed = 0
    with store.history.begin() as connection:
        every = tasks.all_tasks(connection)
        known = {task.key: task for task in every} | {str(task.number): task for task in every}
        wanted: dict[int, tuple[int, Edit]] = {}
        for line, cells in rows:
            try:
                task, change, done = _edit(cells, known, rules)
                if task.number in wanted and wanted[task.number][1] != change:
                    first = wanted[task.number][0]
                    raise InputError(f"risk item {task.number} is in line {first} as well, with other values")
            except InputError as error:
                refused.append(Refused(line, str(error)))
                continue
            wanted[task.number] = line, change
            if done and task.number not in undecided:
                undecided.append(task.number)
        by = by if store.settings.staff_names else None
        for number, (_, change) in wanted.items():
            task = known[str(number)]
            if apply(connection, task, change, by=by, today=today):
                changed += 1
                judgements += filter(None, [judged(task, change) if change.state != task.state else None])
    feedback.add(store.history, judgements)
    return Imported(len(rows), changed, tuple(undecided), tuple(refused))


def _read(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Returns line number and cells by our names of columns."""
    names = {header_name(other): name for name, others in _NAMES.items() for other in (name, *others)}
    for layout in HEADINGS.values():
        names |= {header_name(heading): name for name, heading in layout.items() if name in _NAMES}
    options = ReadOptions(table="tasks", needed=frozenset(names), names=frozenset(names))
    rows: list[tuple[int, dict[str, str]]] = []
    header: set[str] = set()
    for row in read_text(path, "csv", {}, None, options, lambda done, total: None):
        header.update(row.values)
        cells = {names[name]: value.strip() for name, value in row.values.items() if name in names and value.strip()}
        rows.append((row.line, cells | ({"problem": row.problem} if row.problem else {})))
    if not rows:
        raise FileFormatError(f"{path}: the file has no rows")
    found = {names[name] for name in header if name in names}
    if not found & {"key", "number"}:
        raise FileFormatError(
            f"{path}: no column with the key of a risk item; the header has {', '.join(header)[:200]}"
        )
    if not found - {"key", "number"}:
        raise FileFormatError(f"{path}: no column to import; there may be: {', '.join(_NAMES)}")
    return rows


def _edit(cells: Mapping[str, str], known: Mapping[str, Task], rules: TaskRules) -> tuple[Task, Edit, bool]:
    """Returns the item of a row, its change, and whether it is done without a result. Raises `InputError`."""
    if "problem" in cells:
        raise InputError(cells["problem"])
    name = cells.get("key") or cells.get("number")
    if not name:
        raise InputError("the row has no key")
    task = known.get(name)
    if task is None:
        raise InputError(f"no risk item has the key {name!r}")
    state, result = _state(cells.get("state")), _state(cells.get("result"))
    done = state == _DONE and result in (None, _DONE)
    if state == _DONE or (state in (None, "working") and result not in (None, _DONE)):
        state = result if result not in (None, _DONE) else None if not task.active else "working"
    assert state != _DONE
    change = Edit(
        state=_wanted(task, state),
        owner=cells.get("owner"),
        due=_day(cells.get("due_date")),
        code=cells.get("code"),
        note=cells.get("note", "")[:LONGEST_NOTE] or None,
    )
    if change.code and (change.state is None or change.state in ACTIVE):
        change = replace(change, code=None)
    if not change.is_empty:
        check(change, task, rules, code_needed=False)
    return task, change, done and task.active


def _wanted(task: Task, state: State | None) -> State | None:
    """Returns the state to set; None to keep it. Raises `InputError` if two decisions contradict each other."""
    if state in (None, "open", "cleared", task.state):
        return None
    if task.active or task.state == "cleared":
        return state
    if state == "working":
        return None
    raise InputError(
        f"risk item {task.number} is closed as {task.state!r} here, and {state!r} in the file; to change it: "
        f"churn-agent tasks set {task.number} --state {state!r} --code CODE"
    )


def _state(text: str | None) -> State | Literal["done"] | None:
    if text is None:
        return None
    word = " ".join(text.replace("_", " ").replace("-", " ").casefold().split())
    if word not in _STATES:
        raise InputError(f"{text!r} is not a state; use one of: open, working, saved, lost, accepted, false alarm")
    return _STATES[word]


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    day = real_day(text)
    if day is None:
        try:
            day = datetime.strptime(text, "%d.%m.%Y").date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            raise InputError(f"{text!r} is not a date such as 2026-03-31") from None
    return day
