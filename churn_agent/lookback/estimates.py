"""Shares, leads and lifts with 95 % intervals and the numbers that they rest on. None where nothing can be said."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import REACH, Interval

_DRAWS = 1000
_SEED = 0
_TOLERANCE = 0.2
"""A share is known well enough if its interval reaches this far to either side."""
ENOUGH = math.ceil((REACH / _TOLERANCE) ** 2 / 4)
"""Number of customers for which a share is known to 20 points either way."""


@dataclass(frozen=True)
class Share:
    """A part of a whole with its 95 % interval."""

    part: float
    whole: float
    customers: int
    """Number of different customers in the whole."""
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def known(self) -> bool:
        """Whether the whole is not empty."""
        return self.value is not None


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Lead:
    """Days from the first flag to notice: quartiles, and the exact interval of the median."""

    n: int
    median: float
    low: float
    high: float
    first_quartile: float
    third_quartile: float
    days: tuple[int, ...]
    """All of them, shortest first."""


def exact_share(part: int, whole: int) -> Share:
    """A share of customers, with the exact interval of Clopper & Pearson (1934)."""
    if not whole:
        return Share(part, whole, whole)
    interval = metrics.share(part, whole)
    return Share(part, whole, whole, interval.value, interval.low, interval.high)


def clustered_share(parts: Sequence[float], wholes: Sequence[float]) -> Share:
    """A share over customers with several counts each, with the interval of a bootstrap over customers.

    A share of 0 or 1 has the exact interval of as many customers: a bootstrap would give it no width.

    Args:
        parts: count of each customer.
        wholes: count of each customer that the part is of; customers with 0 do not count.
    """
    kept = [(part, whole) for part, whole in zip(parts, wholes, strict=True) if whole]
    part, whole = (float(sum(column)) for column in zip(*kept, strict=True)) if kept else (0.0, 0.0)
    if not whole:
        return Share(0, 0, 0)
    value = part / whole
    if value in (0.0, 1.0):
        exact = metrics.share(round(value * len(kept)), len(kept))
        return Share(part, whole, len(kept), value, exact.low, exact.high)
    columns = np.array(kept, dtype=float)
    interval = metrics.ratio(columns[:, 0], columns[:, 1], draws=_DRAWS, seed=_SEED)
    return Share(part, whole, len(kept), value, interval.low, interval.high)


def bootstrapped(of: Callable[[NDArray[Any]], float], counts: NDArray[Any], *, draws: int = _DRAWS) -> Interval | None:
    """A number computed from the counts of customers, with the percentile interval of a bootstrap over customers.

    Args:
        of: returns the number for rows of `counts`; NaN if it does not exist.
        counts: one row a customer.
        draws: samples of the bootstrap.

    Returns:
        None if the number does not exist.
    """
    value = of(counts)
    if not len(counts) or math.isnan(value):
        return None
    drawn = [of(counts[rows]) for rows in metrics.resamples(len(counts), None, draws, _SEED)]
    interval = metrics.percentiles(value, drawn)
    return Interval(value, value, value) if math.isnan(interval.low) else interval


def lift(counts: Sequence[tuple[float, float, float, float]]) -> Estimate | None:
    """The rate among flagged month ends divided by that of all, with the interval of a bootstrap over customers.

    Args:
        counts: for each customer (flagged month ends, those of them after which notice came in time, all month ends,
            those of them after which notice came in time).

    Returns:
        None if nobody was flagged, or nobody left.
    """
    rows = np.array(counts, dtype=float).reshape(-1, 4)
    interval = bootstrapped(_lift, rows)
    if interval is None:
        return None
    if interval.value == 0:  # a bootstrap of zeros has no width: the bound is that of as many flagged customers
        _, _, months, left = rows.sum(axis=0)
        most = metrics.share(0, int((rows[:, 0] > 0).sum())).high
        return Estimate(0.0, 0.0, float(most / (left / months)), len(counts))
    return Estimate(interval.value, interval.low, interval.high, len(counts))


def _lift(counts: NDArray[Any]) -> float:
    flagged, right, months, left = counts.sum(axis=0)
    return float(right / flagged / (left / months)) if flagged and left else math.nan


def lead(days: Sequence[int]) -> Lead | None:
    """Median and quartiles of days; the interval of the median is exact, from order statistics (sign test).

    With fewer than six values there is no such interval at 95 %, and the range is given.
    """
    if not days:
        return None
    ordered = sorted(days)
    n = len(ordered)
    below = int(stats.binom.ppf(0.025, n, 0.5))  # largest k with P(X < k) <= 2.5 %
    low, high = (ordered[below - 1], ordered[n - below]) if below >= 1 else (ordered[0], ordered[-1])
    first, median, third = (float(quartile) for quartile in np.quantile(ordered, [0.25, 0.5, 0.75]))
    return Lead(n, median, float(low), float(high), first, third, tuple(ordered))


def customers_needed(value: float, bound: float) -> int | None:
    """Number of customers with which the interval of a share like this one would exclude a bound; None if it equals it.

    Normal approximation; a share of 0 or 1 counts as that of the exact interval.
    """
    if value == bound:
        return None
    if value in (0.0, 1.0):
        distance = bound if value else 1 - bound
        return math.ceil(math.log(0.025) / math.log(distance)) if 0 < distance < 1 else None
    return math.ceil(REACH**2 * value * (1 - value) / (value - bound) ** 2)
