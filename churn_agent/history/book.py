"""Data besides interactions: the card of the book, attributes of customers, labels, imports."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, Engine, or_, select

from churn_agent.domain.interactions import Label
from churn_agent.domain.snapshot import Card
from churn_agent.history.database import from_stored, now
from churn_agent.history.tables import book, customers, imports, labels

_CARD = "card"
_BATCH = 500


def card(engine: Engine) -> Card | None:
    """Returns the card of the book; None if there is none."""
    with engine.connect() as connection:
        stored = connection.scalar(select(book.c.value).where(book.c.key == _CARD))
    return Card.model_validate(stored) if stored is not None else None


def set_card(connection: Connection, new: Card) -> None:
    """Replaces the card of the book."""
    connection.execute(book.delete().where(book.c.key == _CARD))
    connection.execute(book.insert().values(key=_CARD, value=new.model_dump(mode="json")))


def attributes(engine: Engine, customer_id: str) -> Mapping[str, str]:
    """Attributes of a customer; empty if none are stored."""
    with engine.connect() as connection:
        stored = connection.scalar(select(customers.c.attributes).where(customers.c.customer_id == customer_id))
    return stored or {}


def all_attributes(engine: Engine) -> dict[str, Mapping[str, str]]:
    """Returns customer -> attributes, for customers with any."""
    with engine.connect() as connection:
        return {row.customer_id: row.attributes for row in connection.execute(select(customers))}


def values_of(engine: Engine, attribute: str) -> set[str]:
    """Returns the distinct values of an attribute, without empty ones."""
    query = select(customers.c.attributes[attribute].as_string()).distinct()
    with engine.connect() as connection:
        return {value for value in connection.scalars(query) if value}


def set_attributes(connection: Connection, rows: Iterable[tuple[str, Mapping[str, str]]]) -> int:
    """Replaces the attributes of customers. Returns the number of customers."""
    done = 0
    for batch in chunked(rows, _BATCH):
        new = dict(batch)
        connection.execute(customers.delete().where(customers.c.customer_id.in_(list(new))))
        connection.execute(
            customers.insert(), [{"customer_id": id_, "attributes": dict(values)} for id_, values in new.items()]
        )
        done += len(new)
    return done


def add_labels(connection: Connection, rows: Iterable[Label]) -> int:
    """Stores labels, replacing those for the same customer and date. Returns the number of labels."""
    done = 0
    for batch in chunked(rows, _BATCH):
        new = {(row.customer_id, date.fromisoformat(row.as_of)): row for row in batch}
        for customer_id, as_of in new:
            connection.execute(labels.delete().where(labels.c.customer_id == customer_id, labels.c.as_of == as_of))
        values: list[dict[str, Any]] = [
            {
                "customer_id": customer_id,
                "as_of": as_of,
                "churned": row.churned,
                "horizon_days": row.horizon_days,
                "metadata": dict(row.metadata),
            }
            for (customer_id, as_of), row in new.items()
        ]
        connection.execute(labels.insert(), values)
        done += len(new)
    return done


def labelled(engine: Engine, as_of: date) -> dict[str, bool]:
    """Returns customer -> churned for the labels of a date."""
    query = select(labels.c.customer_id, labels.c.churned).where(labels.c.as_of == as_of)
    with engine.connect() as connection:
        return {row.customer_id: row.churned for row in connection.execute(query)}


def all_labels(engine: Engine) -> list[tuple[str, date, bool]]:
    """Returns (customer, date, churned) for all labels, sorted by customer and date."""
    query = select(labels.c.customer_id, labels.c.as_of, labels.c.churned).order_by(
        labels.c.customer_id, labels.c.as_of
    )
    with engine.connect() as connection:
        return [(row.customer_id, row.as_of, row.churned) for row in connection.execute(query)]


def outcomes(engine: Engine, *, horizon_days: int | None = None) -> dict[tuple[str, date], bool]:
    """Returns (customer, date) -> churned for all labels.

    Args:
        horizon_days: exclude labels with another horizon; labels without one are included.
    """
    query = select(labels.c.customer_id, labels.c.as_of, labels.c.churned)
    if horizon_days is not None:
        query = query.where(or_(labels.c.horizon_days.is_(None), labels.c.horizon_days == horizon_days))
    with engine.connect() as connection:
        return {(row.customer_id, row.as_of): row.churned for row in connection.execute(query)}


def marked_as_treated(engine: Engine) -> set[tuple[str, date]]:
    """Returns (customer, date) of the labels whose metadata say that the customer was treated."""
    query = select(labels.c.customer_id, labels.c.as_of).where(labels.c.metadata["treated"].as_string() == "yes")
    with engine.connect() as connection:
        return {(row.customer_id, row.as_of) for row in connection.execute(query)}


def label_horizons(engine: Engine) -> set[int]:
    """Returns the horizons of labels, in days, where they are given."""
    query = select(labels.c.horizon_days).where(labels.c.horizon_days.is_not(None)).distinct()
    with engine.connect() as connection:
        return set(connection.scalars(query))


def imports_done(engine: Engine) -> list[Mapping[str, Any]]:
    """Returns all imports, oldest first: `started_at`, `source`, `rows_added` and the summary of the processing."""
    query = select(imports.c.started_at, imports.c.source, imports.c.rows_added, imports.c.summary).order_by(
        imports.c.id
    )
    with engine.connect() as connection:
        return [
            {
                "started_at": from_stored(row.started_at),
                "source": row.source,
                "rows_added": row.rows_added,
                **row.summary,
            }
            for row in connection.execute(query)
        ]


def add_import(connection: Connection, *, source: str, rows_added: int, summary: Mapping[str, Any]) -> None:
    """Logs an import with a summary of its processing."""
    connection.execute(
        imports.insert().values(started_at=now(), source=source, rows_added=rows_added, summary=dict(summary))
    )
