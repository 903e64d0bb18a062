"""What people do with risk items: take them on, close them, hand them over, disagree."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from churn_agent.content.task_rules import Decision, TaskRules, load_task_rules
from churn_agent.domain.assessment import Band
from churn_agent.errors import InputError
from churn_agent.history import feedback, tasks
from churn_agent.history.feedback import Feedback
from churn_agent.history.tasks import ACTIVE, Entry, State, Task
from churn_agent.store.store import Store

LONGEST_NOTE = 2000
_RANK: Mapping[Band, int] = {"low": 1, "medium": 2, "high": 3}


@dataclass(frozen=True)
class Edit:
    """A person's change of an item. None leaves a field as it is."""

    state: State | None = None
    owner: str | None = None
    due: date | None = None
    override: Band | None = None
    code: str | None = None
    """Code of the decision: required with `override` and with a state that closes the item."""
    note: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return self == Edit(code=self.code)


def edit(store: Store, number: int, change: Edit, *, by: str | None = None, today: date) -> Task:
    """Changes an item for a person, and logs it.

    A false alarm, and an override to a lower risk, count as a judgement of the assessment ("disagree"), as if it had
    been made in a report.

    Args:
        store: with the item.
        number: of the item.
        change: the change.
        by: who makes it; stored only if the settings allow names of staff.
        today: day of the decision.

    Raises:
        InputError: there is no such item, nothing would change, or a code is missing or unknown.
    """
    rules = load_task_rules(store.settings.prompts_dir)
    with store.history.begin() as connection:
        task = tasks.find(connection, number)
        check(change, task, rules)
        apply(connection, task, change, by=by if store.settings.staff_names else None, today=today)
        changed = tasks.find(connection, number)
    judgement = judged(task, change)
    if judgement:
        feedback.add(store.history, [judgement])
    return changed


def check(change: Edit, task: Task, rules: TaskRules, *, code_needed: bool = True) -> None:
    """Raises `InputError` if a change is empty or not allowed.

    Args:
        change: the change.
        task: the item.
        rules: with the codes of decisions.
        code_needed: whether a decision needs a code; it is checked in any case.
    """
    if change.is_empty:
        raise InputError(f"nothing to change in risk item {task.number}: name a state, an owner, a due date or a note")
    if change.state == "cleared":
        raise InputError("only the program clears a risk item; use saved, lost, accepted or false alarm")
    if change.override and change.state not in (None, *ACTIVE):
        raise InputError("an override is for an open item; give either --override or a state that closes it")
    if change.note and len(change.note) > LONGEST_NOTE:
        raise InputError(f"the note has {len(change.note)} characters; at most {LONGEST_NOTE} are stored")
    decision = _decision(change)
    if decision and (change.code or code_needed):
        rules.require_code(decision, change.code)
    if not decision and change.code:
        raise InputError(f"the code {change.code!r} belongs to a decision: close the item, or override its risk")


def _decision(change: Edit) -> Decision | None:
    """The decision that a change is; None if it is none that takes a code."""
    if change.override:
        return "override"
    return None if change.state in (None, "open", "working", "cleared") else change.state


def apply(connection: Connection, task: Task, change: Edit, *, by: str | None, today: date) -> bool:
    """Applies a checked change in a transaction. Returns whether anything changed; what is as it was is not logged."""
    values: dict[str, Any] = {}
    entries: list[Entry] = []
    if change.state and change.state != task.state:
        closes = change.state not in ACTIVE
        values |= {
            "state": change.state,
            "closed_on": today if closes else None,
            "code": change.code if closes else None,
            "untrue_since": None if closes else task.closed_on if task.state == "cleared" else task.untrue_since,
        }
        entries.append(Entry("state", task.state, change.state, change.code, change.note, person=True, by=by))
    if change.override and change.override != task.risk:
        values["override"] = None if change.override == task.band else change.override
        entries.append(Entry("override", task.risk, change.override, change.code, change.note, person=True, by=by))
    if change.owner is not None and change.owner != task.owner:
        values |= {"owner": change.owner, "owner_set": True}
        entries.append(Entry("owner", task.owner, change.owner, person=True, by=by))
    if change.due is not None and change.due != task.due:
        values |= {"due": change.due, "due_set": True}
        entries.append(Entry("due", str(task.due or ""), str(change.due), person=True, by=by))
    if change.note and not any(entry.note for entry in entries):
        entries.append(Entry("note", note=change.note, person=True, by=by))
    if not entries:
        return False
    tasks.change(connection, task, values | {"touched": True}, entries)
    return True


def judged(task: Task, change: Edit) -> Feedback | None:
    """Returns the judgement of the assessment that a change implies; None if it implies none."""
    lower = change.override and task.band and _RANK[change.override] < _RANK[task.band]
    if change.state != "false alarm" and not lower:
        return None
    words = ": ".join(filter(None, (f"risk item {task.number}", change.code, change.note)))
    return Feedback(
        run_id=task.run_id,
        customer_id=task.customer_id,
        as_of=task.as_of,
        verdict="disagree",
        note=words[:LONGEST_NOTE],
    )
