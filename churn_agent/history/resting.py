"""Which assessments rest on the attributes and measurements of an import, before it is undone.

An assessment rests on them if, without the import, its snapshot would have held other values. Values that another
import brought as well stay, and so do the assessments that were made on them.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection, exists, func, or_, select

from churn_agent.domain import sensitive
from churn_agent.domain.snapshot import Card
from churn_agent.errors import EmptyStore
from churn_agent.history import aliases, book, combining
from churn_agent.history.database import day_number, from_stored
from churn_agent.history.known import is_known
from churn_agent.history.latest import last_day_in
from churn_agent.history.tables import contributions, imports, measurements, records


def on_values(connection: Connection, import_id: int) -> set[int]:
    """Returns the ids of the assessments that rest on attributes or measurements of an import."""
    started = connection.scalar(select(imports.c.started_at).where(imports.c.id == import_id))
    unmarked = records.c.record["provenance"]["on_withdrawn_data"].as_boolean().is_not(True)
    later = records.c.created_at >= started, unmarked
    first_measured = _first_measured(connection, import_id, later)
    described = aliases.families(connection, _described(connection, import_id))
    card = book.card_in(connection)
    query = select(records.c.id, records.c.customer_id, records.c.as_of, records.c.created_at).where(*later)
    last_day = cache(partial(_last_day_then, connection, card))
    resting: set[int] = set()
    rows: dict[str, Sequence[Any]] = {}
    for id_, customer_id, as_of, created_at in connection.execute(query).all():
        if customer_id in first_measured and day_number(as_of) >= first_measured[customer_id]:
            resting.add(id_)
        elif customer_id in described:
            if customer_id not in rows:
                rows = {customer_id: book.contributed(connection, described[customer_id])}
            known = [row for row in rows[customer_id] if _known(row, as_of, created_at, card, last_day)]
            others = [row for row in known if row.import_id != import_id]
            with_it, without = (sensitive.usable(combining.merged(some, card, as_of), card) for some in (known, others))
            if with_it != without:
                resting.add(id_)
    return resting


def _described(connection: Connection, import_id: int) -> set[str]:
    mine = contributions.c.import_id == import_id, contributions.c.kind == book.ATTRIBUTES
    return set(connection.scalars(select(contributions.c.customer_id).where(*mine).distinct()))


def _known(row: Any, as_of: date, created_at: datetime, card: Card, last_day: Callable[[datetime], date]) -> bool:
    """Whether an assessment at a day that was made at a time could know a row."""
    if row.started_at is not None and row.started_at > created_at:
        return False
    return card.attributes_as_of == "label" or is_known(row, as_of, card, lambda: last_day(created_at))


def _last_day_then(connection: Connection, card: Card, created_at: datetime) -> date:
    """Returns the last day of the history when an assessment was made, or an earlier one if that is not known."""
    last_import = connection.scalar(select(func.max(imports.c.id)).where(imports.c.started_at <= created_at))
    today = card.local(from_stored(created_at)).date()
    try:
        return last_day_in(connection, card, today=today, up_to_import=last_import or 0).day
    except EmptyStore:
        return date.min


def _first_measured(connection: Connection, import_id: int, later: Sequence[Any]) -> dict[str, int]:
    """Returns customer with an assessment -> day of the first measurement that only the import has."""
    mine, other = measurements.alias("mine"), measurements.alias("other")
    assessed = select(records.c.customer_id).where(*later)
    same = (
        getattr(other.c, name).is_not_distinct_from(getattr(mine.c, name))
        for name in ("customer_id", "metric", "day", "at", "person", "value", "seats")
    )
    elsewhere = exists().where(or_(other.c.import_id.is_(None), other.c.import_id != import_id), *same)
    query = (
        select(mine.c.customer_id, func.min(mine.c.day))
        .where(mine.c.customer_id.in_(assessed), mine.c.import_id == import_id, ~elsewhere)
        .group_by(mine.c.customer_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
