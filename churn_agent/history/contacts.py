"""The person of the company who last spoke to each customer."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, or_, select

from churn_agent.history.database import from_stored, to_stored
from churn_agent.history.tables import interactions as table


class Contact(NamedTuple):
    """A message or a call of the company."""

    at: datetime
    """Time in UTC."""
    author: str | None


def last_contacts(engine: Engine, *, until: datetime, holds_words: Callable[[str], bool]) -> dict[str, Contact]:
    """Returns customer -> the last message or call of the company up to a time.

    Args:
        engine: database of the history.
        until: end, inclusive.
        holds_words: whether a channel holds texts by people; bills and deliveries are no contacts.
    """
    by_company = or_(table.c.speaker == "company", (table.c.speaker.is_(None)) & (table.c.direction == "outbound"))
    query = (
        select(table.c.customer_id, table.c.occurred_at, table.c.author, table.c.channel)
        .where(by_company, table.c.occurred_at <= to_stored(until))
        .order_by(table.c.occurred_at)
    )
    with engine.connect() as connection:
        rows = connection.execution_options(yield_per=2000).execute(query)
        return {
            row.customer_id: Contact(from_stored(row.occurred_at), row.author)
            for row in rows
            if holds_words(row.channel)
        }
