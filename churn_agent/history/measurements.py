"""Adds measurements, takes them back, and aggregates them in the database.

The rows of all imports are kept. Those with the identity of a row of a later import are marked as superseded by it and
do not count; undoing that import makes them count again. The identity is the source's own key and the metric, or else
customer, metric, time and person.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from more_itertools import chunked
from sqlalchemy import Column, Connection, Engine, Select, and_, case, exists, func, select, tuple_

from churn_agent.domain.measurements import WINDOW_DAYS, Measurement, Series, Window
from churn_agent.history.database import binders, day_number, day_of, insert_many, to_stored
from churn_agent.history.tables import measurements as table

_INSERTED = 5000


def add(connection: Connection, rows: Iterable[tuple[Measurement, str]], *, import_id: int) -> int:
    """Stores measurements; they replace earlier ones of the same identity. Returns their number.

    Args:
        connection: connection in a transaction.
        rows: measurements, each with the customer's id in the source.
        import_id: the import that brings them.
    """
    added = keyed = 0
    with _indexed_later(connection) as was_empty:
        [at_to_driver] = binders(connection, table, ["at"])
        for batch in chunked(rows, _INSERTED):
            values = [_values(measurement, source_id, import_id, at_to_driver) for measurement, source_id in batch]
            insert_many(connection, table, _COLUMNS, values)
            keyed += sum(bool(measurement.key) for measurement, _ in batch)
            added += len(batch)
    if added and not was_empty:
        _supersede(connection, import_id, keyed=keyed > 0)
    return added


_COLUMNS = ("customer_id", "source_customer_id", "at", "day", "metric", "value", "person", "seats", "key", "import_id")


def _values(
    measurement: Measurement, source_id: str, import_id: int, at_to_driver: Callable[[Any], Any] | None
) -> tuple[Any, ...]:
    at = to_stored(measurement.at)
    return (
        measurement.customer_id,
        source_id,
        at_to_driver(at) if at_to_driver else at,
        day_number(measurement.day),
        measurement.metric,
        measurement.value,
        measurement.person,
        measurement.seats,
        measurement.key,
        import_id,
    )


@contextmanager
def _indexed_later(connection: Connection) -> Generator[bool]:
    """Builds the indexes of an empty table after its rows are inserted, which is faster. Yields whether it is empty."""
    empty = connection.execute(select(table.c.id).limit(1)).first() is None
    later = list(table.indexes) if empty else []
    for index in later:
        index.drop(connection)
    yield empty
    for index in later:
        index.create(connection)


def _supersede(connection: Connection, import_id: int, *, keyed: bool) -> None:
    earlier = table.c.superseded_by.is_(None), table.c.import_id < import_id
    if connection.execute(select(table.c.id).where(*earlier).limit(1)).first() is None:
        return
    identities: list[tuple[Any, ...]] = [(table.c.source_customer_id, table.c.metric, table.c.at, table.c.person)]
    identities += [(table.c.key, table.c.metric)] if keyed else []
    for identity, has_key in zip(identities, (table.c.key == "", table.c.key != ""), strict=False):
        new = select(*identity).where(table.c.import_id == import_id, has_key)
        old = table.update().where(*earlier, has_key, tuple_(*identity).in_(new))
        connection.execute(old.values(superseded_by=import_id))


def withdraw(connection: Connection, import_id: int) -> int:
    """Takes out the measurements of an import; those that it replaced count again. Returns the number taken out."""
    removed = connection.execute(table.delete().where(table.c.import_id == import_id)).rowcount
    if removed:
        freed = table.update().where(table.c.superseded_by == import_id).values(superseded_by=None)
        connection.execute(freed)
        later = select(table.c.import_id).where(table.c.import_id > import_id).distinct().order_by(table.c.import_id)
        for other in connection.scalars(later).all():
            _supersede(connection, other, keyed=True)
    return removed


def of_customer(engine: Engine, customer_id: str, *, until: date) -> tuple[Series, ...]:
    """Returns the metrics of a customer up to a day, sorted by name, aggregated by the database."""
    until_day = day_number(until)
    counts = table.c.superseded_by.is_(None)
    mine = table.c.customer_id == customer_id, table.c.day <= until_day, counts
    with engine.connect() as connection:
        newest = func.row_number().over(partition_by=table.c.metric, order_by=(table.c.at.desc(), table.c.id.desc()))
        ranked = select(table.c.metric, table.c.value, table.c.day, newest.label("place")).where(*mine).subquery()
        latest = connection.execute(select(ranked).where(ranked.c.place == 1).order_by(ranked.c.metric)).all()
        return tuple(_series(connection, row, mine, until_day) for row in latest)


def _series(connection: Connection, latest: Any, mine: Sequence[Any], until_day: int) -> Series:
    of_metric = table.c.metric == latest.metric
    end = connection.scalar(select(func.max(table.c.day)).where(of_metric, table.c.day <= until_day)) or latest.day
    number = ((end - table.c.day) // WINDOW_DAYS).label("number")
    active = table.c.value != 0
    query = (
        select(
            number,
            func.sum(table.c.value),
            func.count(),
            func.count(func.distinct(case((active, table.c.day)))),
            func.count(func.distinct(case((and_(active, table.c.person != ""), table.c.person)))),
            func.avg(table.c.seats),
            func.max(case((active, table.c.day))),
        )
        .where(*mine, of_metric)
        .group_by(number)
    )
    rows = connection.execute(query).all()
    windows = {number: Window(*parts) for number, *parts, _ in rows}
    actives = [day for *_, day in rows if day is not None]
    return Series(
        latest.metric, day_of(end), latest.value, day_of(latest.day), day_of(max(actives)) if actives else None, windows
    )


def customer_ids(until: datetime | None = None) -> Select[tuple[str]]:
    """Returns a query for the customers with a measurement (up to `until`)."""
    query = _distinct(table.c.customer_id)
    if until is None:
        return query
    value = query.selected_columns[0]
    return query.where(exists().where(table.c.customer_id == value, table.c.at <= to_stored(until)))


def last_day(connection: Connection, until: date) -> date | None:
    """Returns the last day with a measurement up to a day; None if there is none."""
    metrics = _distinct(table.c.metric).subquery()
    of_metric = select(func.max(table.c.day)).where(table.c.metric == metrics.c.value, table.c.day <= day_number(until))
    number = connection.scalar(select(func.max(of_metric.scalar_subquery())).select_from(metrics))
    return None if number is None else day_of(number)


def _distinct(column: Column[Any]) -> Select[tuple[str]]:
    """Returns a query for the values of a column that an index begins with; it seeks each value, and reads no rows."""
    values = select(func.min(column).label("value")).cte(recursive=True)
    following = select(func.min(column)).where(column > values.c.value).scalar_subquery()
    values = values.union_all(select(following).select_from(values).where(values.c.value.is_not(None)))
    return select(values.c.value).where(values.c.value.is_not(None))
