"""Customers at month ends, written as one letter each: h, m, l for a band, - for no number."""

from datetime import date

from churn_agent.lookback.measures import Frame
from churn_agent.lookback.observing import Departure, Observation, courses, month_ends

LAST_DAY = date(2026, 6, 20)
FRAME = Frame(horizon_days=90, last_day=LAST_DAY)
ENDS = month_ends(LAST_DAY, 12)
BANDS = {"h": "high", "m": "medium", "l": "low", "-": None}
NUMBERS = {"h": 0.9, "m": 0.5, "l": 0.1, "-": None}


def seen(customer_id, letters, *, ends=ENDS, **more):
    """What was seen of a customer, up to the last month end; fewer letters mean that they came later."""
    days = ends[len(ends) - len(letters) :]
    return [
        Observation(customer_id, day, NUMBERS[letter], BANDS[letter], **more)
        for day, letter in zip(days, letters, strict=True)
        if letter != " "
    ]


def book(rows, left=None, **more):
    """Courses of customers from (id -> letters) and (id -> (notice, left))."""
    gone = {id_: Departure(id_, notice, day) for id_, (notice, day) in (left or {}).items()}
    return courses([each for id_, letters in rows.items() for each in seen(id_, letters)], gone, **more)
