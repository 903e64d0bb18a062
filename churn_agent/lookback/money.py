"""What a list of a capacity would have been worth in money. It claims nothing saved: that takes a control group."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn_agent.lookback.estimates import Share, bootstrapped, exact_share
from churn_agent.lookback.flags import lead_days, listed
from churn_agent.lookback.observing import Course
from churn_agent.lookback.rivals import top_places
from churn_agent.measuring.metrics import Interval


@dataclass(frozen=True)
class Money:
    """The worth of calling the customers with the highest numbers at each month end."""

    capacity: int
    """Places at each month end."""
    calls: int
    """Places in all; a customer on the list at two month ends is called twice."""
    accounts: int
    """Different customers called."""
    reached: Share
    """Customers who left and were on the list in time, of those who left."""
    lost: float
    """Yearly value of the customers who left, where it is known."""
    flagged: float
    """That of those on the list in time."""
    flagged_share: Interval | None
    """`flagged` divided by `lost`."""
    values_unknown: int
    """Customers who left whose value is unknown: they count as nothing."""
    calls_for_one: Interval | None
    """Calls for each customer who left and was reached in time."""
    call_cost: float | None
    cost: float | None
    """Cost of all calls."""
    cost_of_one: Interval | None
    """Cost for each customer who left and was reached in time."""
    save_rate: Interval | None
    """Share of the flagged yearly value that has to be kept for the list to pay for its calls; more than 1 if it cannot
    pay. It is no estimate of what calls keep."""


def money(courses: Sequence[Course], *, capacity: int, horizon_days: int, call_cost: float | None = None) -> Money:
    """Counts the money behind a list. Intervals are bootstraps over customers.

    Args:
        courses: what was seen of the customers.
        capacity: places at each month end.
        horizon_days: a customer was on the list in time if notice came within the horizon after it.
        call_cost: cost of a call in the book's currency; None if it is unknown.
    """
    places = top_places(courses, capacity)
    flagged = listed(places)
    left = [course for course in courses if course.event and course.before]
    in_time = {course.customer_id for course in left if lead_days(course, flagged, horizon_days) is not None}
    calls: dict[str, int] = {}
    for customer_id, _ in places:
        calls[customer_id] = calls.get(customer_id, 0) + 1
    seen = [course for course in courses if course.before]
    rows = np.array(
        [
            (
                calls.get(course.customer_id, 0),
                course.customer_id in in_time,
                (course.value or 0.0) if course.event else 0.0,
                (course.value or 0.0) if course.customer_id in in_time else 0.0,
            )
            for course in seen
        ],
        dtype=float,
    ).reshape(-1, 4)
    cost = None if call_cost is None else call_cost * len(places)
    calls_for_one = bootstrapped(_calls_for_one, rows)
    return Money(
        capacity=capacity,
        calls=len(places),
        accounts=len(calls),
        reached=exact_share(len(in_time), len(left)),
        lost=float(rows[:, 2].sum()),
        flagged=float(rows[:, 3].sum()),
        flagged_share=bootstrapped(_share, rows),
        values_unknown=sum(course.value is None for course in left),
        calls_for_one=calls_for_one,
        call_cost=call_cost,
        cost=cost,
        cost_of_one=None if call_cost is None else _times(calls_for_one, call_cost),
        save_rate=None if call_cost is None else _times(bootstrapped(_calls_for_money, rows), call_cost),
    )


def _calls_for_one(rows: NDArray[Any]) -> float:
    return _ratio(rows[:, 0].sum(), rows[:, 1].sum())


def _share(rows: NDArray[Any]) -> float:
    return _ratio(rows[:, 3].sum(), rows[:, 2].sum())


def _calls_for_money(rows: NDArray[Any]) -> float:
    return _ratio(rows[:, 0].sum(), rows[:, 3].sum())


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else math.nan


def _times(interval: Interval | None, factor: float) -> Interval | None:
    if interval is None:
        return None
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)
