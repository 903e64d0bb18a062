"""From which day attributes are known.

Rows with their own day (`known_from`) are known from then on. Others are known from the day of their import on, or
from the last day of the history as it is now, if that is earlier: a history of last year that is imported today is
described by attributes that are imported today, in whichever order the files come.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from churn_agent.domain.snapshot import Card
from churn_agent.errors import EmptyStore
from churn_agent.history.database import from_stored
from churn_agent.history.latest import last_day_in


def rows_known(connection: Connection, rows: Sequence[Any], day: date, card: Card) -> list[Any]:
    """Returns the rows that are known at the end of a day.

    Args:
        connection: connection to the history.
        rows: rows with `known_from`, and with the time `started_at` of their import.
        day: the day.
        card: card of the book.
    """
    return [row for row in rows if is_known(row, day, card, lambda: _last_day(connection, card))]


def is_known(row: Any, day: date, card: Card, last_day: Callable[[], date]) -> bool:
    """Whether a row is known at the end of a day. Rows of no import are known at every date.

    Args:
        row: row with `known_from`, and with the time `started_at` of its import.
        day: the day.
        card: card of the book.
        last_day: returns the last day of the history; called only where it matters.
    """
    return known_day(row, card) <= day or (row.known_from is None and last_day() <= day)


def known_day(row: Any, card: Card) -> date:
    """Returns the day since which a row is known: its own one, or that of its import in the book's time zone.

    Rows of no import are older than all others.
    """
    if row.known_from is not None:
        return row.known_from
    return card.local(from_stored(row.started_at)).date() if row.started_at is not None else date.min


def _last_day(connection: Connection, card: Card) -> date:
    try:
        return last_day_in(connection, card).day
    except EmptyStore:
        return date.max
