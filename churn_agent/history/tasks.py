"""Risk items and their log. The reasons of an item are those of a record: an item holds no words of customers."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, select

from churn_agent.domain.assessment import Band
from churn_agent.errors import InputError
from churn_agent.history.database import from_stored, now
from churn_agent.history.tables import task_log, tasks

State = Literal["open", "working", "saved", "lost", "accepted", "false alarm", "cleared"]
"""`cleared`: the program has closed it, because its reasons are no longer true. People set the others."""
STATES: tuple[State, ...] = get_args(State)
ACTIVE: frozenset[State] = frozenset({"open", "working"})
What = Literal["opened", "state", "owner", "due", "override", "rules", "marked", "unmarked", "note"]


@dataclass(frozen=True)
class Task:
    """A risk item."""

    number: int
    key: str
    """Random and unique: the id by which other systems know the item."""
    customer_id: str
    state: State
    rules: tuple[str, ...]
    """Ids of the rules that were true on `as_of`."""
    band: Band | None
    """Band of the assessment on `as_of`."""
    owner: str | None
    due: date | None
    opened_on: date
    """Date of the batch that opened it, as are the other dates but `due` and, for people's decisions, `closed_on`."""
    run_id: str
    """The latest batch in which its reasons were true."""
    as_of: date
    """Date of that batch."""
    checked_on: date
    """Date of the latest batch with an assessment of the customer."""
    previous: int | None = None
    """Number of the customer's item before."""
    override: Band | None = None
    """The risk as a person sees it."""
    owner_set: bool = False
    """Whether a person chose the owner; the customer file then no longer decides."""
    due_set: bool = False
    touched: bool = False
    """Whether a person has done anything to it; the program does not close it then."""
    untrue_since: date | None = None
    """Date of the first batch in which its reasons were no longer true; set only if a person has touched it."""
    closed_on: date | None = None
    code: str | None = None
    """Code of the decision that closed it."""
    exported: str | None = None
    """Hash of what was last exported of it."""

    @property
    def active(self) -> bool:
        """Whether it is open or being worked on."""
        return self.state in ACTIVE

    @property
    def risk(self) -> Band | None:
        """The band that counts: a person's override, else that of the assessment."""
        return self.override or self.band


@dataclass(frozen=True)
class Entry:
    """A line of an item's log."""

    what: What
    before: str | None = None
    after: str | None = None
    code: str | None = None
    note: str | None = None
    person: bool = False
    """Whether a person did it; otherwise the program."""
    by: str | None = None
    """The person; only stored if the settings allow names of staff."""
    at: datetime | None = None
    """Set when it is stored."""


def add(connection: Connection, values: Mapping[str, Any], entries: Sequence[Entry]) -> int:
    """Stores a new item with its first log entries.

    Args:
        connection: connection in a transaction.
        values: fields of `Task`, without number and key.
        entries: log entries.

    Returns:
        Its number.
    """
    defaults = {"owner_set": False, "due_set": False, "touched": False}
    made = {"key": secrets.token_hex(8), "rules": list(values["rules"])}
    row: dict[str, Any] = {**defaults, **values, **made}
    number = connection.execute(tasks.insert().values(**row)).inserted_primary_key
    assert number
    log(connection, number[0], row["customer_id"], entries)
    return number[0]


def change(connection: Connection, task: Task, values: Mapping[str, Any], entries: Sequence[Entry] = ()) -> None:
    """Changes fields of an item and logs it."""
    if values:
        row = dict(values) | ({"rules": list(values["rules"])} if "rules" in values else {})
        connection.execute(tasks.update().where(tasks.c.number == task.number).values(**row))
    log(connection, task.number, task.customer_id, entries)


def log(connection: Connection, number: int, customer_id: str, entries: Sequence[Entry]) -> None:
    """Appends to the log of an item."""
    for entry in entries:
        values = vars(entry) | {"at": now(), "task": number, "customer_id": customer_id}
        connection.execute(task_log.insert().values(**values))


def all_tasks(connection: Connection) -> list[Task]:
    """Returns all items, by number."""
    return [_from_row(row) for row in connection.execute(select(tasks).order_by(tasks.c.number)).mappings()]


def read(engine: Engine, *, states: Collection[State] | None = None) -> list[Task]:
    """Returns the items in some states, or all, by number."""
    with engine.connect() as connection:
        return [task for task in all_tasks(connection) if states is None or task.state in states]


def find(connection: Connection, number: int) -> Task:
    """Returns an item by its number. Raises `InputError` if there is none."""
    row = connection.execute(select(tasks).where(tasks.c.number == number)).mappings().one_or_none()
    if row is None:
        raise InputError(f"there is no risk item {number}; to list them: churn-agent tasks list")
    return _from_row(row)


def log_of(engine: Engine, number: int) -> list[Entry]:
    """Returns the log of an item, oldest first."""
    query = select(task_log).where(task_log.c.task == number).order_by(task_log.c.id)
    fields = ("what", "before", "after", "code", "note", "person", "by")
    with engine.connect() as connection:
        return [
            Entry(**{name: row[name] for name in fields}, at=from_stored(row["at"]))
            for row in connection.execute(query).mappings()
        ]


def _from_row(row: Mapping[Any, Any]) -> Task:
    fields: dict[str, Any] = {name: row[name] for name in Task.__dataclass_fields__}
    fields["rules"] = tuple(row["rules"])
    return Task(**fields)
