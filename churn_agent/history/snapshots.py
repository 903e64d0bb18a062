"""Snapshots from the history."""

import difflib
from datetime import date

from sqlalchemy import Engine

from churn_agent.domain import sensitive
from churn_agent.domain.days import real_day
from churn_agent.domain.interactions import Label
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.errors import EmptyStore, UnknownCustomer
from churn_agent.history import book, interactions, measurements
from churn_agent.history.latest import last_day


def default_as_of(engine: Engine, card: Card) -> date:
    """Returns the day of the latest plausible interaction, in the book's time zone; see `latest.last_day`.

    Interactions that the company started count only if there are no others.

    Raises:
        EmptyStore: there are no interactions.
    """
    return last_day(engine, card).day


def take(engine: Engine, customer_id: str, *, as_of: date | None = None) -> Snapshot:
    """Returns a customer at the end of a day, without vectors.

    Raises:
        EmptyStore: the history is empty.
        UnknownCustomer: the customer has neither interaction nor measurement up to that day; the message names the
            nearest ids.
    """
    card = book.card(engine) or Card()
    day = as_of or default_as_of(engine, card)
    history = interactions.of_customer(engine, customer_id, until=card.end_of_day(day))
    known_at = day if card.attributes_as_of == "import" else None
    attributes = book.attributes(engine, customer_id, known_at=known_at, as_of=day)
    measured = measurements.of_customer(engine, customer_id, until=day)
    if not history and not measured:
        raise UnknownCustomer(_unknown(engine, card, customer_id, day))
    return Snapshot(
        customer_id=customer_id,
        as_of=day,
        card=card,
        interactions=history,
        measurements=measured,
        attributes=sensitive.usable(attributes, card),
        outcomes=tuple(
            label for label in book.labels_in_full(engine, customer_id) if _was_known(label, day, card.horizon_days)
        ),
    )


def _was_known(label: Label, day: date, horizon_days: int) -> bool:
    """Whether an outcome was known on a day: its window was over, or the customer had given notice or left."""
    over = (day - date.fromisoformat(label.as_of)).days >= (label.horizon_days or horizon_days)
    happened = [known for text in (label.left_on, label.notice_on) if (known := real_day(text))]
    return over or any(known <= day for known in happened)


def _unknown(engine: Engine, card: Card, customer_id: str, day: date) -> str:
    ids = interactions.customer_ids(engine)
    if not ids:
        raise EmptyStore
    if customer_id in ids:
        later = interactions.of_customer(engine, customer_id, until=card.end_of_day(date.max))
        first = f"; the first one is of {card.local(later[0].occurred_at).date()}" if later else ""
        return f"customer {customer_id!r} has no interactions up to {day}{first}"
    near = difflib.get_close_matches(customer_id, ids, n=3, cutoff=0.5)
    hint = f"; nearest: {', '.join(near)}" if near else "; see: churn-agent customers"
    return f"unknown customer {customer_id!r}{hint}"
