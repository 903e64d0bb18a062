"""The yearly value of customers who left."""

from collections.abc import Mapping
from datetime import date, timedelta

from more_itertools import map_reduce

from churn_agent.history import book, interactions
from churn_agent.lookback.observing import Departure, departures
from churn_agent.reports.portfolio import values
from churn_agent.store.store import Store

_YEAR = timedelta(days=365)


def lost_values(store: Store) -> dict[str, float]:
    """Returns customer -> yearly value, for customers who left and whose value is known.

    It is the attribute that the card names, as it is known today, or else the amounts of the year before the month of
    the departure. Negative values (more was refunded than paid) count as unknown.
    """
    left, _ = departures(store.labels())
    card = store.card
    amounts: dict[str, float | None] = {}
    if card.value_attribute:
        attributes = book.all_attributes(store.history)
        main = values.main_currency(attributes.values(), card)
        amounts = {id_: values.value_of(attributes.get(id_, {}), card, main)[0] for id_ in left}
    else:
        for month, of_month in map_reduce(left.values(), _month).items():
            paid = _paid(store, month)
            amounts |= {departure.customer_id: paid.get(departure.customer_id) for departure in of_month}
    return {id_: value for id_, value in amounts.items() if value is not None and value >= 0}


def _month(departure: Departure) -> date:
    return departure.day.replace(day=1)


def _paid(store: Store, before: date) -> Mapping[str, float]:
    card = store.card
    year = {"after": card.end_of_day(before - _YEAR), "until": card.end_of_day(before)}
    return interactions.amounts(store.history, **year, currency=card.currency)[0]
