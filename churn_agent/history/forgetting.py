"""Reads and erases the data of a customer in each table.

Forecasts, outcomes and assignments stay under an anonymous id, without texts, so that the quality of forecasts can
still be measured. Every step can be repeated after an interruption.
"""

import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from more_itertools import chunked
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, Engine, Table, func, select

from churn_agent.domain.assessment import Assessment
from churn_agent.domain.interactions import template_of
from churn_agent.history import aliases, answers, tables
from churn_agent.history.records import FORGOTTEN, stripped

_BATCH = 500
_REDACTED = "(forgotten)"
_FREE_TEXT = ("where", "file")
"""Free-text options of a run: conditions and paths."""


class Traces(BaseModel):
    """The keys to a customer's data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer_id: str
    aliases: tuple[str, ...] = ()
    """Older ids of the customer."""
    nobody: str
    """The anonymous id of the data that stay."""
    interaction_ids: tuple[str, ...]
    text_ids: tuple[str, ...]
    """Ids of all their texts, including those shared with other customers."""

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids of the customer: assessments and files from before a merge have the older ones."""
        return (*self.aliases, self.customer_id)


def traces(engine: Engine, customer_id: str, earlier: Traces | None = None) -> Traces:
    """Returns the keys to a customer's data.

    Args:
        engine: the history.
        customer_id: the customer to forget.
        earlier: the note of an interrupted call; its keys may be gone from the history.
    """
    interactions = tables.interactions
    with engine.connect() as connection:
        rows = connection.execute(
            select(interactions.c.id, interactions.c.text_id).where(interactions.c.customer_id == customer_id)
        ).all()
        old_ids = aliases.of(connection, customer_id)
    return Traces(
        customer_id=customer_id,
        aliases=tuple(sorted({*old_ids, *(earlier.aliases if earlier else ())})),
        nobody=earlier.nobody if earlier else f"{FORGOTTEN}{secrets.token_hex(8)}",
        interaction_ids=tuple(sorted({row.id for row in rows}.union(earlier.interaction_ids if earlier else ()))),
        text_ids=tuple(sorted({row.text_id for row in rows}.union(earlier.text_ids if earlier else ()))),
    )


def unshared_text_ids(engine: Engine, of: Traces) -> list[str]:
    """Returns the ids of texts that only the customer has."""
    interactions = tables.interactions
    unshared = set(of.text_ids)
    with engine.connect() as connection:
        for batch in chunked(of.text_ids, _BATCH):
            others = interactions.c.text_id.in_(batch), interactions.c.customer_id != of.customer_id
            unshared.difference_update(connection.scalars(select(interactions.c.text_id).where(*others)))
    return sorted(unshared)


def forecasts_kept(engine: Engine, of: Traces) -> int:
    """Returns the number of forecasts kept under the anonymous id."""
    kept = select(func.count()).select_from(tables.records).where(tables.records.c.customer_id == of.nobody)
    with engine.connect() as connection:
        return connection.scalar(kept) or 0


# --- reading


def rows(engine: Engine, table: Table, of: Traces) -> Iterator[Mapping[str, Any]]:
    """Yields the rows of a customer in a table with ids of customers or interactions."""
    with engine.connect() as connection:
        for theirs in _theirs(table, of):
            for row in connection.execute(select(table).where(theirs)).mappings():
                yield dict(row)


def mentions(engine: Engine, table: Table, of: Traces) -> Iterator[Mapping[str, Any]]:
    """Yields the rows of runs or imports whose free text names the customer."""
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
    """Moves labels or assignments to the anonymous id, without metadata, one for each of the table's other keys."""
    key = next(column for column in table.primary_key if column.name != "customer_id")
    values: dict[str, object] = {"customer_id": of.nobody}
    if "metadata" in table.c:
        values["metadata"] = {}
    for id_ in of.ids:
        newer = select(key).where(table.c.customer_id == id_)
        connection.execute(table.delete().where(table.c.customer_id == of.nobody, key.in_(newer)))
        connection.execute(table.update().where(table.c.customer_id == id_).values(**values))


def strip_records(connection: Connection, table: Table, of: Traces) -> None:
    """Reduces the customer's records to number, date and provenance, and moves them to the anonymous id."""
    mine = select(table.c.id, table.c.record).where(table.c.customer_id.in_(of.ids))
    for row in connection.execute(mine).all():
        record = Assessment.model_validate(row.record)
        bare = stripped(record, customer_id=of.nobody)
        values = {"customer_id": of.nobody, "record": bare.model_dump(mode="json")}
        connection.execute(table.update().where(table.c.id == row.id).values(**values))


def delete_written(connection: Connection, table: Table, of: Traces) -> None:
    """Deletes all texts by models."""
    answers.delete_texts(connection)


def redact(connection: Connection, table: Table, of: Traces) -> None:
    """Removes the customer's id and unique attributes from the free text of runs or imports."""
    redaction = _Redaction(connection, of)
    for row in connection.execute(select(table)).mappings().all():
        changes = redaction.changes(table, row)
        if changes:
            connection.execute(table.update().where(table.c.id == row["id"]).values(**changes))


def _theirs(table: Table, of: Traces) -> Iterator[ColumnElement[bool]]:
    if "customer_id" in table.c:
        yield table.c.customer_id.in_(of.ids)
        if table is tables.contributions:  # statements that another one has replaced
            yield (table.c.kind == aliases.KIND) & table.c.content["new"].as_string().in_(of.ids)
    elif "old" in table.c:
        yield table.c.new == of.customer_id
    else:
        for batch in chunked(of.interaction_ids, _BATCH):
            yield table.c.interaction_id.in_(batch)


class _Redaction:
    """Finds names of a customer in free text. It needs the customer's interactions and attributes, so it runs first."""

    def __init__(self, connection: Connection, of: Traces) -> None:
        names = {*of.ids, *self._own_attributes(connection, of.customer_id)}
        longest_first = sorted(names, key=len, reverse=True)
        # An underscore, as in a file's name, is a boundary.
        self._named = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest_first))})(?![^\W_])")
        interactions = tables.interactions
        texts = select(func.coalesce(interactions.c.original, interactions.c.text)).where(
            interactions.c.customer_id == of.customer_id
        )
        self._templates = Counter(template_of(text) for text in connection.scalars(texts))

    def changes(self, table: Table, row: Mapping[Any, Any]) -> dict[str, Any]:
        """Returns column -> new value for the columns that name the customer."""
        new = self._of_run(row) if table is tables.runs else self._of_import(row)
        return {name: value for name, value in new.items() if value != row[name]}

    def _of_run(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        spec: dict[str, Any] = dict(row["spec"])
        texts = {name: spec[name] for name in _FREE_TEXT if isinstance(spec.get(name), str)}
        return {"spec": spec | {name: self._without_names(text) for name, text in texts.items()}}

    def _of_import(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        summary: dict[str, Any] = dict(row["summary"])
        if "templates" in summary:
            # Drop templates that only this customer may have written.
            summary["templates"] = [[text, n] for text, n in summary["templates"] if self._templates[text] < n]
        named = {"source": row["source"], "summary": summary, "contents": row["contents"], "mapping": row["mapping"]}
        return {name: self._redacted(value) for name, value in named.items()}

    def _redacted(self, value: Any) -> Any:
        """Returns a JSON value without the names, in keys as well."""
        if isinstance(value, str):
            return self._without_names(value)
        if isinstance(value, Mapping):
            items = cast("Mapping[str, Any]", value).items()
            return {self._redacted(key): self._redacted(inner) for key, inner in items}
        return [self._redacted(inner) for inner in cast("list[Any]", value)] if isinstance(value, list) else value

    def _without_names(self, text: str) -> str:
        return self._named.sub(_REDACTED, text)

    @staticmethod
    def _own_attributes(connection: Connection, customer_id: str) -> Iterable[str]:
        """Yields attributes that only this customer has, such as a name or an address."""
        table = tables.customers
        stored: Mapping[str, str] | None = connection.scalar(
            select(table.c.attributes).where(table.c.customer_id == customer_id)
        )
        for name, value in (stored or {}).items():
            if any(map(str.isalpha, value)):
                same = select(func.count()).select_from(table).where(table.c.attributes[name].as_string() == value)
                if connection.scalar(same) == 1:
                    yield value
