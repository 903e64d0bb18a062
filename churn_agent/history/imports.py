"""The log of imports, and undoing one: the values that it brought give way to those from before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from more_itertools import chunked
from sqlalchemy import Connection, Engine, Text, cast, select

from churn_agent.errors import InputError
from churn_agent.history import aliases, book, measurements, openings, records
from churn_agent.history.database import from_stored, now
from churn_agent.history.openings import Stack
from churn_agent.history.resting import on_values as resting_on_values
from churn_agent.history.tables import contributions, corrections, imports, interactions, versions
from churn_agent.history.tables import measurements as measured_table

State = Literal["stored", "undoing", "undone"]
"""`undoing`: the history no longer has its data; other places of the store may."""
_BATCH = 500
_FIRST_TOO_LARGE = 2**63
"""Databases cannot store this integer, and their drivers reject it."""


@dataclass(frozen=True)
class Import:
    """An import in the log."""

    id: int
    started_at: datetime
    """In UTC."""
    source: str
    rows_added: int
    state: State
    mapping: Mapping[str, Any] | None
    """The mapping as understood; None for imports by versions that did not keep it."""
    contents: Mapping[str, str]
    """Source -> SHA-256 of its bytes, for files."""
    summary: Mapping[str, Any]

    @property
    def kinds(self) -> Mapping[str, Sequence[str]]:
        """File -> the kinds of data read from it."""
        kinds: Mapping[str, str | Sequence[str]] = self.summary.get("files") or {}  # one kind in earlier versions
        return {file: [of_file] if isinstance(of_file, str) else of_file for file, of_file in kinds.items()}

    @property
    def can_be_undone(self) -> bool:
        """Whether its values were kept apart (since schema 0005)."""
        return self.mapping is not None and self.state != "undone"


@dataclass(frozen=True)
class Undone:
    """The result of undoing an import in the history."""

    removed: tuple[str, ...]
    """Ids of interactions that no import has brought any more."""
    restored: tuple[str, ...]
    """Ids of interactions with the values of an earlier import."""
    kept: int
    """Number of interactions that a later import has brought as well."""
    customers: int
    """Number of customers with other attributes."""
    labels: int
    records: int
    """Number of assessments made on the data; their words and facts are removed."""
    measurements: int = 0
    """Number of measurements removed."""


def begin(connection: Connection) -> int:
    """Logs an import that is running. Returns its id."""
    result = connection.execute(imports.insert().values(started_at=now(), source="", rows_added=0, summary={}))
    [import_id] = result.inserted_primary_key or (0,)
    return import_id


def finish(connection: Connection, import_id: int, **values: Any) -> None:
    """Completes the log of an import."""
    connection.execute(imports.update().where(imports.c.id == import_id).values(**values))


def all_imports(engine: Engine) -> list[Import]:
    """Returns all imports, oldest first."""
    with engine.connect() as connection:
        return [_import(row) for row in connection.execute(select(imports).order_by(imports.c.id))]


def find(engine: Engine, import_id: int) -> Import:
    """Returns an import. Raises `InputError` if there is none."""
    row = None
    if 0 < import_id < _FIRST_TOO_LARGE:
        with engine.connect() as connection:
            row = connection.execute(select(imports).where(imports.c.id == import_id)).first()
    if row is None:
        raise InputError(f"no import {import_id}; see: churn-agent imports list")
    return _import(row)


def _import(row: Any) -> Import:
    at = from_stored(row.started_at)
    return Import(row.id, at, row.source, row.rows_added, row.state, row.mapping, row.contents or {}, row.summary)


def with_newer_values(engine: Engine, import_id: int) -> list[int]:
    """Returns the later imports that replaced values of an import, oldest first."""
    replaced = select(versions.c.interaction_id).where(versions.c.import_id == import_id, versions.c.row.is_not(None))
    holders = select(interactions.c.import_id).where(interactions.c.id.in_(replaced))
    mine, other = contributions.alias("mine"), contributions.alias("other")
    same = (
        mine.c.kind == other.c.kind,
        mine.c.customer_id.is_not_distinct_from(other.c.customer_id),
        mine.c.as_of.is_not_distinct_from(other.c.as_of),
        cast(mine.c.content, Text) != cast(other.c.content, Text),
    )
    stated = select(other.c.import_id).where(mine.c.import_id == import_id, *same)
    measured = select(measured_table.c.superseded_by).where(measured_table.c.import_id == import_id)
    with engine.connect() as connection:
        ids = {row for query in (holders, stated, measured) for row in connection.scalars(query.distinct())}
    return sorted(later for later in ids if later is not None and later > import_id)


_customer = select(interactions.c.customer_id)


def undo(connection: Connection, import_id: int) -> Undone:
    """Takes an import out of the tables of the history, in the caller's transaction.

    Interactions get the values that they had before, or stay if a later import brought the same ones; attributes,
    labels and the card are merged anew from the other imports.
    """
    mine = select(interactions.c.id, interactions.c.customer_id).where(interactions.c.import_id == import_id)
    customer_of = {row.id: row.customer_id for row in connection.execute(mine)}
    removed: list[str] = []
    restored: list[str] = []
    kept = 0
    known = aliases.read(connection)
    openings_ = openings.of_import(connection, import_id)
    for id_ in openings_:
        outcome = openings.withdraw(connection, id_, import_id, _stacks(connection, [id_])[id_], known)
        kept += outcome == "kept"
        if outcome == "restored":
            restored.append(id_)
            customer_of.setdefault(id_, connection.scalars(_customer.where(interactions.c.id == id_)).one())
    for batch in chunked((id_ for id_ in customer_of if id_ not in openings_), _BATCH):
        stacks = _stacks(connection, batch)
        gone = [id_ for id_ in batch if not stacks.get(id_)]
        connection.execute(interactions.delete().where(interactions.c.id.in_(gone)))
        connection.execute(corrections.delete().where(corrections.c.interaction_id.in_(gone)))
        removed += gone
        for id_, stack in stacks.items():
            later = next((of for of, values in stack.items() if of > import_id and values is None), None)
            if later is not None:
                _hand_over(connection, id_, later)
                kept += 1
            else:
                _restore(connection, id_, stack, known)
                restored.append(id_)
    _drop_versions(connection, import_id)
    resting = resting_on_values(connection, import_id)
    customers, labels = book.withdraw(connection, import_id)
    measured = measurements.withdraw(connection, import_id)
    changed = {*removed, *restored}
    resting |= records.resting_on(connection, {customer_of[id_] for id_ in changed}, changed)
    records.withdraw(connection, resting)
    connection.execute(imports.update().where(imports.c.id == import_id).values(state="undoing"))
    return Undone(tuple(removed), tuple(restored), kept, customers, labels, len(resting), measured)


def strip_log(connection: Connection, row: Import) -> None:
    """Drops what the log of an import quotes of its data."""
    summary = {name: value for name, value in row.summary.items() if isinstance(value, int)}
    finish(connection, row.id, summary=summary)


def _stacks(connection: Connection, ids: Sequence[str]) -> dict[str, Stack]:
    query = select(versions).where(versions.c.interaction_id.in_(ids)).order_by(versions.c.import_id)
    stacks: dict[str, Stack] = {}
    for row in connection.execute(query).mappings():
        stacks.setdefault(row["interaction_id"], {})[row["import_id"]] = row["row"]
    return stacks


def _hand_over(connection: Connection, id_: str, later: int) -> None:
    """A later import brought the same values: they are its own now."""
    connection.execute(interactions.update().where(interactions.c.id == id_).values(import_id=later))
    _delete_version(connection, id_, later)


def _restore(connection: Connection, id_: str, stack: Stack, known: Mapping[str, str]) -> None:
    """Gives an interaction its values from before, under the customer id that counts today (`known`: aliases)."""
    base = max(of for of, values in stack.items() if values is not None)
    values = openings.as_today(stack[base] or {}, known)
    connection.execute(interactions.update().where(interactions.c.id == id_).values(**values, import_id=base or None))
    _delete_version(connection, id_, base)


def _drop_versions(connection: Connection, import_id: int) -> None:
    """Removes the earlier values that came with an import, unless a later one repeated them."""
    ids = list(connection.scalars(select(versions.c.interaction_id).where(versions.c.import_id == import_id)))
    for batch in chunked(ids, _BATCH):
        for id_, stack in _stacks(connection, batch).items():
            values = stack[import_id]
            following = next((of for of in stack if of > import_id), None)
            if values is not None and following is not None and stack[following] is None:
                at = versions.c.interaction_id == id_, versions.c.import_id == following
                connection.execute(versions.update().where(*at).values(row=dict(values)))
    connection.execute(versions.delete().where(versions.c.import_id == import_id))


def _delete_version(connection: Connection, id_: str, import_id: int) -> None:
    at = versions.c.interaction_id == id_, versions.c.import_id == import_id
    connection.execute(versions.delete().where(*at))
