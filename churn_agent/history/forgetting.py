"""How a customer is found and erased in each table.

Forecasts, outcomes and assignments stay under a name that leads to nobody, without words, so that it can still be told
how good the forecasts were. All of it can be done again where it was cut off.
"""

import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from more_itertools import chunked
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, Engine, Table, func, select

from churn_agent.domain.assessment import Assessment, LeftOut
from churn_agent.domain.interactions import template_of
from churn_agent.history import tables
from churn_agent.history.records import FORGOTTEN

_BATCH = 500
_REDACTED = "(forgotten)"
_FREE_TEXT = ("where", "file")
"""Of what a run was asked for: conditions that people write, and paths."""


class Traces(BaseModel):
    """What leads to a customer's data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer_id: str
    nobody: str
    """The name that what stays is given."""
    interaction_ids: tuple[str, ...]
    text_ids: tuple[str, ...]
    """Of all their texts, also those that other customers share."""


def traces(engine: Engine, customer_id: str, earlier: Traces | None = None) -> Traces:
    """What leads to a customer's data.

    Args:
        earlier: what was noted by a call that was cut off, and may be gone from the history.
    """
    said = tables.interactions
    with engine.connect() as connection:
        rows = connection.execute(select(said.c.id, said.c.text_id).where(said.c.customer_id == customer_id)).all()
    return Traces(
        customer_id=customer_id,
        nobody=earlier.nobody if earlier else f"{FORGOTTEN}{secrets.token_hex(8)}",
        interaction_ids=tuple(sorted({row.id for row in rows}.union(earlier.interaction_ids if earlier else ()))),
        text_ids=tuple(sorted({row.text_id for row in rows}.union(earlier.text_ids if earlier else ()))),
    )


def unshared_text_ids(engine: Engine, of: Traces) -> list[str]:
    """Ids of the customer's texts that no other customer shares."""
    said = tables.interactions
    found = set(of.text_ids)
    with engine.connect() as connection:
        for batch in chunked(of.text_ids, _BATCH):
            others = said.c.text_id.in_(batch), said.c.customer_id != of.customer_id
            found.difference_update(connection.scalars(select(said.c.text_id).where(*others)))
    return sorted(found)


def forecasts_kept(engine: Engine, of: Traces) -> int:
    """How many forecasts stay under the name of nobody."""
    kept = select(func.count()).select_from(tables.records).where(tables.records.c.customer_id == of.nobody)
    with engine.connect() as connection:
        return connection.scalar(kept) or 0


# --- reading


def rows(engine: Engine, table: Table, of: Traces) -> Iterator[Mapping[str, Any]]:
    """The rows of a customer in a table that names customers, or interactions."""
    with engine.connect() as connection:
        for theirs in _theirs(table, of):
            for row in connection.execute(select(table).where(theirs)).mappings():
                yield dict(row)


def mentions(engine: Engine, table: Table, of: Traces) -> Iterator[Mapping[str, Any]]:
    """The rows of runs or imports in whose free text the customer is named."""
    with engine.connect() as connection:
        redact = _Redaction(connection, of)
        for row in connection.execute(select(table)).mappings():
            if redact.changes(table, row):
                yield dict(row)


# --- erasing


def delete(connection: Connection, table: Table, of: Traces) -> None:
    """Deletes the customer's rows."""
    for theirs in _theirs(table, of):
        connection.execute(table.delete().where(theirs))


def rename(connection: Connection, table: Table, of: Traces) -> None:
    """Gives labels or assignments to nobody, without metadata. They are one for each of the table's other keys."""
    key = next(column for column in table.primary_key if column.name != "customer_id")
    newer = select(key).where(table.c.customer_id == of.customer_id)
    connection.execute(table.delete().where(table.c.customer_id == of.nobody, key.in_(newer)))
    values = {"customer_id": of.nobody} | ({"metadata": {}} if "metadata" in table.c else {})
    connection.execute(table.update().where(table.c.customer_id == of.customer_id).values(**values))


def strip_records(connection: Connection, table: Table, of: Traces) -> None:
    """Leaves number, date and how it was made of the customer's records, and gives them to nobody."""
    mine = select(table.c.id, table.c.record).where(table.c.customer_id == of.customer_id)
    for row in connection.execute(mine).all():
        whole = Assessment.model_validate(row.record)
        nothing: dict[str, Any] = dict.fromkeys(("reasons", "actions", "facts", "signals"), ())
        bare = whole.model_copy(
            update=nothing
            | {
                "customer_id": of.nobody,
                "status_reason": None,
                "leaning": None,
                "left_out": LeftOut(),
                "provenance": whole.provenance.model_copy(update={"evidence_ids": ()}),
            }
        )
        values = {"customer_id": of.nobody, "record": bare.model_dump(mode="json")}
        connection.execute(table.update().where(table.c.id == row.id).values(**values))


def delete_written(connection: Connection, table: Table, of: Traces) -> None:
    """Deletes all that models wrote. It is kept by a hash that names nobody, and may quote; scores do not."""
    written = [row.key for row in connection.execute(select(table)) if isinstance(row.answer, str)]
    for batch in chunked(written, _BATCH):
        connection.execute(table.delete().where(table.c.key.in_(batch)))


def redact(connection: Connection, table: Table, of: Traces) -> None:
    """Takes the customer's name, and attributes that nobody else has, out of the free text of runs or imports."""
    redaction = _Redaction(connection, of)
    for row in connection.execute(select(table)).mappings().all():
        changes = redaction.changes(table, row)
        if changes:
            connection.execute(table.update().where(table.c.id == row["id"]).values(**changes))


def _theirs(table: Table, of: Traces) -> Iterator[ColumnElement[bool]]:
    if "customer_id" in table.c:
        yield table.c.customer_id == of.customer_id
    else:
        for batch in chunked(of.interaction_ids, _BATCH):
            yield table.c.interaction_id.in_(batch)


class _Redaction:
    """What names a customer in free text. Needs the customer's interactions and attributes, so it comes before them."""

    def __init__(self, connection: Connection, of: Traces) -> None:
        names = {of.customer_id, *self._own_attributes(connection, of.customer_id)}
        longest_first = sorted(names, key=len, reverse=True)
        # An underscore, as in a file's name, is a boundary.
        self._named = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest_first))})(?![^\W_])")
        said = tables.interactions
        texts = select(func.coalesce(said.c.original, said.c.text)).where(said.c.customer_id == of.customer_id)
        self._templates = Counter(template_of(text) for text in connection.scalars(texts))

    def changes(self, table: Table, row: Mapping[Any, Any]) -> dict[str, Any]:
        """Column -> new value, of the columns that name the customer."""
        new = self._of_run(row) if table is tables.runs else self._of_import(row)
        return {name: value for name, value in new.items() if value != row[name]}

    def _of_run(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        spec: dict[str, Any] = dict(row["spec"])
        texts = {name: spec[name] for name in _FREE_TEXT if isinstance(spec.get(name), str)}
        return {"spec": spec | {name: self._without_names(text) for name, text in texts.items()}}

    def _of_import(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        summary: dict[str, Any] = dict(row["summary"])
        if "columns" in summary:
            summary["columns"] = {self._without_names(source): each for source, each in summary["columns"].items()}
        if "templates" in summary:
            # A template that this customer alone may have written.
            summary["templates"] = [[text, n] for text, n in summary["templates"] if self._templates[text] < n]
        return {"source": self._without_names(row["source"]), "summary": summary}

    def _without_names(self, text: str) -> str:
        return self._named.sub(_REDACTED, text)

    @staticmethod
    def _own_attributes(connection: Connection, customer_id: str) -> Iterable[str]:
        """Words among the customer's attributes that nobody else has: a name, an address."""
        table = tables.customers
        stored = connection.scalar(select(table.c.attributes).where(table.c.customer_id == customer_id))
        for name, value in (stored or {}).items():
            if any(map(str.isalpha, value)):
                same = select(func.count()).select_from(table).where(table.c.attributes[name].as_string() == value)
                if connection.scalar(same) == 1:
                    yield value
