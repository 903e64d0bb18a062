"""Risk items as a task file for a CRM: new ones to insert, and changes of what is ours."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from churn_agent.domain.assessment import Band
from churn_agent.files import atomic
from churn_agent.followup.items import Item, items
from churn_agent.history import tasks
from churn_agent.history.tasks import ACTIVE, Task
from churn_agent.reports import wording
from churn_agent.reports.language import day, gettext, speaking
from churn_agent.reports.portfolio.rows import FORMULA
from churn_agent.reports.sentences import translated
from churn_agent.store.store import Store

Part = Literal["new", "changes", "all"]
Layout = Literal["plain", "salesforce", "hubspot"]
OURS = ("key", "customer_id", "customer", "subject", "description", "risk", "reasons")
"""Columns that only churn-agent fills; each cell of them has a value."""
THEIRS = ("due_date", "owner", "state")
"""Columns that people change in the CRM. They are in the file for new items only."""
HEADINGS: Mapping[Layout, Mapping[str, str]] = {
    "plain": {},
    "salesforce": {
        "key": "Churn_Agent_Key__c",
        "customer_id": "Customer_Id__c",
        "customer": "Customer__c",
        "subject": "Subject",
        "description": "Description",
        "risk": "Priority",
        "reasons": "Churn_Agent_Reasons__c",
        "due_date": "ActivityDate",
        "owner": "Owner",
        "state": "Status",
    },
    "hubspot": {
        "key": "Churn agent key",
        "customer_id": "Customer id",
        "customer": "Company name",
        "subject": "Task Title",
        "description": "Task Notes",
        "risk": "Priority",
        "reasons": "Churn agent reasons",
        "due_date": "Due Date",
        "owner": "Assigned to",
        "state": "Task Status",
    },
}
_PRIORITY: Mapping[Layout, Mapping[Band | None, str]] = {
    "plain": {"high": "high", "medium": "medium", "low": "low", None: "unknown"},
    "salesforce": {"high": "High", "medium": "Normal", "low": "Low", None: "Normal"},
    "hubspot": {"high": "HIGH", "medium": "MEDIUM", "low": "LOW", None: "NONE"},
}
_STATE: Mapping[Layout, Mapping[str, str]] = {
    "plain": {},
    "salesforce": {"open": "Not Started", "working": "In Progress"},
    "hubspot": {"open": "NOT_STARTED", "working": "IN_PROGRESS"},
}


@dataclass(frozen=True)
class Exported:
    """The result of an export."""

    rows: int
    """Items in the file."""
    new: int
    """Open items that were never exported before this one."""
    changed: int
    """Items exported before whose risk or reasons have changed since, before this export."""
    empty: int
    """Empty cells in rows of items that were exported before: they clear fields in some systems."""


def export(
    store: Store,
    path: Path | None,
    *,
    part: Part = "new",
    layout: Layout = "plain",
    words: bool = False,
    owner: str | None = None,
) -> Exported:
    """Writes a task file (CSV) and notes what was exported.

    Args:
        store: with the items.
        path: the file; None to count only, without noting anything.
        part: `new`: open items that were never exported, with all columns. `changes`: items exported before whose risk
            or reasons have changed since, with our columns only. `all`: all open items, with all columns.
        layout: names of the columns and words for priority and status.
        words: also write quotes of customers.
        owner: only the items of this account manager.

    Raises:
        InputError: the file cannot be written.
    """
    with speaking(store.card.language):
        every = items(store, states=(*ACTIVE, "cleared"), owner=owner)
        now = {item.task.number: _ours(item, layout, words=False) for item in every}
    new = [item for item in every if item.task.active and item.task.exported is None]
    changed = [item for item in every if item.task.exported not in (None, _hash(now[item.task.number]))]
    chosen = {"new": new, "changes": changed, "all": [item for item in every if item.task.active]}[part]
    columns = OURS if part == "changes" else (*OURS, *THEIRS)
    with speaking(store.card.language):
        rows = [_row(item, layout, words=words) for item in chosen]
    empty = sum(not row[name] for item, row in zip(chosen, rows, strict=True) if item.task.exported for name in columns)
    if path:
        atomic.save(path, _csv(rows, columns, layout))
        with store.history.begin() as connection:
            for item in chosen:
                tasks.change(connection, item.task, {"exported": _hash(now[item.task.number])})
    return Exported(len(chosen), len(new), len(changed), empty)


def _hash(row: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([row["risk"], row["reasons"], row["description"]]).encode()).hexdigest()[:16]


def _ours(item: Item, layout: Layout, *, words: bool) -> dict[str, str]:
    """Returns the cells of our columns. None is empty: some systems clear a field where a file has an empty cell."""
    task = item.task
    return {
        "key": task.key,
        "customer_id": task.customer_id,
        "customer": item.customer,
        "subject": gettext("Risk of leaving: {customer}", customer=item.customer),
        "description": _description(item, words=words),
        "risk": _PRIORITY[layout][task.risk],
        "reasons": _standing(task),
    }


def _row(item: Item, layout: Layout, *, words: bool) -> dict[str, str]:
    task = item.task
    theirs = {
        "due_date": str(task.due or ""),
        "owner": task.owner or "",
        "state": _STATE[layout].get(task.state, task.state),
    }
    return _ours(item, layout, words=words) | theirs


def _standing(task: Task) -> str:
    if task.state == "cleared":
        return gettext("closed: no longer true since {day}", day=day(task.closed_on))
    if task.untrue_since:
        return gettext("no longer true since {day}", day=day(task.untrue_since))
    return gettext("true")


def _description(item: Item, *, words: bool) -> str:
    lines = [translated(line) for line in item.says]
    for reason in item.reasons:
        lines.append(translated(wording.statement(reason)))
        if words:
            lines += [f"{wording.in_their_words(each)} ({day(each.occurred_at.date())})" for each in reason.citations]
    return "\n".join(lines) or gettext("The reasons were withdrawn.")


def _csv(rows: Sequence[Mapping[str, str]], columns: Sequence[str], layout: Layout) -> str:
    """Returns CSV. A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([HEADINGS[layout].get(name, name) for name in columns])
    for row in rows:
        writer.writerow([f"'{row[name]}" if row[name].startswith(FORMULA) else row[name] for name in columns])
    return "\ufeff" + buffer.getvalue()
