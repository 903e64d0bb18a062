"""The tests that people quote of a score: yes, no, or cannot tell with the number that would tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from churn_agent.lookback.estimates import (
    Estimate,
    Share,
    clustered_share,
    customers_needed,
    exact_share,
    lift,
)
from churn_agent.lookback.flags import at_least, in_band, seen_between
from churn_agent.lookback.measures import Frame, counts_of
from churn_agent.lookback.observing import Course
from churn_agent.measuring.metrics import REACH

Answer = Literal["yes", "no", "cannot tell"]
TestName = Literal["lift", "early", "green"]
LEAST_LIFT = 3.0
LEAST_EARLY = 2 / 3
MOST_GREEN = 0.8
EARLY_DAYS = (60, 90)


@dataclass(frozen=True)
class Quoted:
    """A test and its answer: "yes" and "no" where the 95 % interval is all on one side of the bound."""

    test: TestName
    bound: float
    answer: Answer
    value: float | None
    low: float | None
    high: float | None
    n: int
    """Number of customers behind the value: those who left for `lift` and `early`, all for `green`."""
    needed: int | None
    """Number of such customers that would tell, if the value stayed as it is; None if the answer is known, or the value
    equals the bound."""


def quoted_tests(courses: Sequence[Course], frame: Frame) -> list[Quoted]:
    """Answers three tests.

    * `lift`: notice within the horizon is at least 3 times as frequent in the highest band as overall.
    * `early`: at least two thirds of those who left were above the lowest band at the month end 60 to 90 days before
      notice. Customers who were not seen then do not count.
    * `green`: at most 80% of customer-months are in the lowest band.
    """
    seen = [course for course in courses if course.before]
    return [_lift(seen, frame), _early(seen), _green(seen)]


def _lift(courses: Sequence[Course], frame: Frame) -> Quoted:
    counts = [counts_of(course, in_band("high"), frame) for course in courses]
    left = sum(1 for *_, came in counts if came)
    estimate = lift(counts)
    if estimate is None:
        return Quoted("lift", LEAST_LIFT, "cannot tell", None, None, None, left, _least_customers(LEAST_EARLY))
    answer = _answer(estimate, LEAST_LIFT, more=True)
    return Quoted(
        "lift", LEAST_LIFT, answer, estimate.value, estimate.low, estimate.high, left, _more(estimate, left, answer)
    )


def _more(estimate: Estimate, left: int, answer: Answer) -> int | None:
    """Customers who left that would tell: the interval of the logarithm shrinks with their square root."""
    if answer != "cannot tell" or estimate.value == LEAST_LIFT:
        return None
    low, value = max(estimate.low, 0.01), max(estimate.value, 0.01)
    error = math.log(max(estimate.high, value) / low) / (2 * REACH)
    return max(left + 1, math.ceil(left * (REACH * error / math.log(value / LEAST_LIFT)) ** 2))


def _early(courses: Sequence[Course]) -> Quoted:
    above = at_least("medium")
    then = [between for course in courses if (between := seen_between(course, *EARLY_DAYS))]
    return _of_share(
        "early", exact_share(sum(any(map(above, seen)) for seen in then), len(then)), LEAST_EARLY, more=True
    )


def _green(courses: Sequence[Course]) -> Quoted:
    banded = [[seen for seen in course.before if seen.band] for course in courses]
    green = in_band("low")
    share = clustered_share([sum(map(green, of)) for of in banded], [len(of) for of in banded])
    return _of_share("green", share, MOST_GREEN, more=False)


def _of_share(test: TestName, share: Share, bound: float, *, more: bool) -> Quoted:
    if share.value is None:
        return Quoted(test, bound, "cannot tell", None, None, None, 0, _least_customers(bound if more else 1 - bound))
    answer = _answer(share, bound, more=more)
    needed = customers_needed(share.value, bound) if answer == "cannot tell" else None
    if needed is not None:
        needed = max(needed, share.customers + 1)
    return Quoted(test, bound, answer, share.value, share.low, share.high, share.customers, needed)


def _answer(estimate: Share | Estimate, bound: float, *, more: bool) -> Answer:
    low, high = estimate.low, estimate.high
    assert low is not None
    assert high is not None
    if more:
        return "yes" if low >= bound else "no" if high < bound else "cannot tell"
    return "yes" if high <= bound else "no" if low > bound else "cannot tell"


def _least_customers(bound: float) -> int:
    """Customers with whom the clearest answer would tell: all of them above the bound."""
    return math.ceil(math.log(0.025) / math.log(bound))
