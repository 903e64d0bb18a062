"""Adds and reads interactions."""

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from more_itertools import chunked
from sqlalchemy import ColumnElement, Connection, Engine, exists, func, or_, select

from churn_agent.domain.interactions import Interaction
from churn_agent.history.database import from_stored, insert_if_new, to_stored
from churn_agent.history.tables import interactions as table

_BATCH = 500
_INSERTED = 2000


class CustomerSummary(NamedTuple):
    """Size and span of a customer's history."""

    customer_id: str
    interactions: int
    """Number of interactions."""
    first: datetime
    """Time of the first interaction, in UTC."""
    last: datetime
    """Time of the last interaction, in UTC."""


def add(connection: Connection, rows: Iterable[Interaction]) -> int:
    """Stores new interactions in the caller's transaction. Returns the number of new ones."""
    before = _count(connection)
    for batch in chunked(rows, _INSERTED):
        connection.execute(insert_if_new(connection, table), [_to_row(row) for row in batch])
    return _count(connection) - before


@contextmanager
def bulk_loading(connection: Connection) -> Generator[None]:
    """Builds the indexes of an empty table after its rows are inserted, which is about twice as fast."""
    empty = not connection.scalar(select(exists().select_from(table)))
    if empty:
        for index in table.indexes:
            index.drop(connection)
    yield
    if empty:
        for index in table.indexes:
            index.create(connection)


def of_customer(engine: Engine, customer_id: str, *, until: datetime) -> tuple[Interaction, ...]:
    """Returns a customer's interactions up to `until` (aware, inclusive), oldest first."""
    query = (
        select(table)
        .where(table.c.customer_id == customer_id, table.c.occurred_at <= to_stored(until))
        .order_by(table.c.occurred_at, table.c.id)
    )
    with engine.connect() as connection:
        return tuple(_from_row(row) for row in connection.execute(query).mappings())


def with_texts(engine: Engine, text_ids: Sequence[str], *, since: datetime | None = None) -> list[Interaction]:
    """Returns the interactions of all customers with one of the texts, from `since` on."""
    rows: list[Interaction] = []
    with engine.connect() as connection:
        for batch in chunked(text_ids, _BATCH):
            query = select(table).where(table.c.text_id.in_(batch))
            if since is not None:
                query = query.where(table.c.occurred_at >= to_stored(since))
            rows += [_from_row(row) for row in connection.execute(query).mappings()]
    return rows


def one(engine: Engine, interaction_id: str) -> Interaction | None:
    """Returns an interaction by its id; None if there is none."""
    with engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.id == interaction_id)).mappings().first()
    return _from_row(row) if row else None


def existing(engine: Engine, ids: Collection[str]) -> set[str]:
    """Returns the ids that are stored."""
    stored: set[str] = set()
    with engine.connect() as connection:
        for batch in chunked(ids, _BATCH):
            stored.update(connection.scalars(select(table.c.id).where(table.c.id.in_(batch))))
    return stored


def active_customers(engine: Engine, channels: Collection[str], *, after: datetime, until: datetime) -> set[str]:
    """Returns customers with an interaction in the channels after one time and up to another."""
    query = select(table.c.customer_id).where(table.c.channel.in_(channels), *_between(after, until)).distinct()
    with engine.connect() as connection:
        return set(connection.scalars(query))


def with_metadata(engine: Engine, names: Collection[str], *, after: datetime, until: datetime) -> list[Interaction]:
    """Returns interactions after one time and up to another whose metadata contain one of the names."""
    query = select(table).where(_has_metadata(names), *_between(after, until)).order_by(table.c.occurred_at)
    with engine.connect() as connection:
        return [_from_row(row) for row in connection.execute(query).mappings()]


def any_metadata(engine: Engine, names: Collection[str]) -> bool:
    """Whether any interaction's metadata contain one of the names."""
    with engine.connect() as connection:
        return bool(connection.scalar(select(exists().select_from(table).where(_has_metadata(names)))))


def _between(after: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return table.c.occurred_at > to_stored(after), table.c.occurred_at <= to_stored(until)


def _has_metadata(names: Collection[str]) -> ColumnElement[bool]:
    return or_(*(table.c.metadata[name].as_string().is_not(None) for name in names))


def count(engine: Engine) -> int:
    """Number of interactions stored."""
    with engine.connect() as connection:
        return _count(connection)


def _count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def span(engine: Engine) -> tuple[datetime, datetime] | None:
    """Returns the times of the first and last interaction; None in an empty store."""
    with engine.connect() as connection:  # separate queries, because each reads only one end of an index
        first = connection.scalar(select(func.min(table.c.occurred_at)))
        last = connection.scalar(select(func.max(table.c.occurred_at)))
    return (from_stored(first), from_stored(last)) if first and last else None


def customer_ids(engine: Engine, *, until: datetime | None = None) -> list[str]:
    """Returns the customers with an interaction (up to `until`), sorted."""
    query = select(table.c.customer_id).distinct().order_by(table.c.customer_id)
    if until is not None:
        query = query.where(table.c.occurred_at <= to_stored(until))
    with engine.connect() as connection:
        return list(connection.scalars(query))


def summaries(engine: Engine) -> list[CustomerSummary]:
    """Returns a summary of every customer with an interaction, sorted by id."""
    query = (
        select(table.c.customer_id, func.count(), func.min(table.c.occurred_at), func.max(table.c.occurred_at))
        .group_by(table.c.customer_id)
        .order_by(table.c.customer_id)
    )
    with engine.connect() as connection:
        return [
            CustomerSummary(id_, n, from_stored(first), from_stored(last))
            for id_, n, first, last in connection.execute(query)
        ]


def latest(engine: Engine, *, until: datetime) -> dict[str, datetime]:
    """Returns customer -> time of the last interaction up to `until`."""
    query = (
        select(table.c.customer_id, func.max(table.c.occurred_at))
        .where(table.c.occurred_at <= to_stored(until))
        .group_by(table.c.customer_id)
    )
    with engine.connect() as connection:
        return {customer_id: from_stored(last) for customer_id, last in connection.execute(query)}


def amounts(engine: Engine, *, after: datetime, until: datetime) -> dict[str, float]:
    """Returns customer -> sum of amounts after one time and up to another, for customers with any."""
    query = (
        select(table.c.customer_id, func.sum(table.c.amount))
        .where(table.c.amount.is_not(None), *_between(after, until))
        .group_by(table.c.customer_id)
    )
    with engine.connect() as connection:
        return {customer_id: float(total) for customer_id, total in connection.execute(query)}


def texts_by_id(engine: Engine, ids: Sequence[str]) -> dict[str, str]:
    """Returns the texts by id."""
    texts: dict[str, str] = {}
    with engine.connect() as connection:
        for batch in chunked(ids, _BATCH):
            query = select(table.c.text_id, table.c.text).where(table.c.text_id.in_(batch))
            texts.update({row.text_id: row.text for row in connection.execute(query)})
    return texts


def channels(engine: Engine) -> list[str]:
    """Returns all channels in the history."""
    with engine.connect() as connection:
        return list(connection.scalars(select(table.c.channel).distinct()))


def text_ids(engine: Engine, *, channels: Sequence[str]) -> set[str]:
    """Returns the ids of all distinct, non-blank texts in the channels."""
    conditions = (table.c.channel.in_(channels), func.trim(table.c.text) != "")
    query = select(table.c.text_id).where(*conditions).distinct()
    with engine.connect() as connection:
        return set(connection.scalars(query))


def _to_row(interaction: Interaction) -> dict[str, Any]:
    return {
        "id": interaction.id,
        "customer_id": interaction.customer_id,
        "occurred_at": to_stored(interaction.occurred_at),
        "utc_offset_minutes": interaction.utc_offset_minutes,
        "channel": interaction.channel,
        "direction": interaction.direction,
        "author": interaction.author,
        "text": interaction.text,
        "text_id": interaction.text_id,
        "amount": interaction.amount,
        "metadata": dict(interaction.metadata),
        "original": interaction.original,
        "language": interaction.language,
    }


def _from_row(row: Any) -> Interaction:
    values: dict[str, Any] = {name: value for name, value in row.items() if name != "text_id"}
    values["occurred_at"] = from_stored(row["occurred_at"])
    return Interaction(**values)
