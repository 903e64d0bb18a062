"""Compares two methods: paired tests on the same samples, and a conclusion in words."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import REACH, Costs, Groups, Interval, Labels, Placements, Scores

Judgement = Literal["better", "worse", "equivalent", "cannot tell"]
METRICS = ("auroc", "brier", "log_loss", "accuracy", "profit")
_LOWER_IS_BETTER = frozenset({"brier", "log_loss"})
_LEVEL = 0.05
_POWER = 0.8
DETECTED = REACH + float(stats.norm.ppf(_POWER))
"""Number of standard errors of a difference that is detected with that power."""
_DRAWS = 2000


@dataclass(frozen=True)
class Difference:
    """A metric of one method minus that of another, on the same samples."""

    metric: str
    value: float
    """Positive if the first is higher."""
    low: float
    high: float
    """95 % interval."""
    p: float
    """Two-sided p-value of this comparison alone."""
    standard_error: float
    n: int

    @property
    def detectable(self) -> float:
        """The smallest difference that this number of samples detects with a power of 80 %."""
        return DETECTED * self.standard_error

    def samples_to_find(self, difference: float) -> int:
        """The number of samples that detects a difference of this size (not 0) with a power of 80 %."""
        return math.ceil(self.n * (self.detectable / abs(difference)) ** 2)


@dataclass(frozen=True)
class Conclusion:
    """The interpretation of a difference."""

    difference: Difference
    p_adjusted: float
    """After Holm (1979), over all comparisons made together."""
    judgement: Judgement
    delta: float
    """Differences up to this size do not matter."""

    @property
    def text(self) -> str:
        """The conclusion in words, with the difference and its interval."""
        d = self.difference
        shown = f"{d.metric} {d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}], n = {d.n}"
        if self.judgement == "equivalent":
            return f"equivalent within {self.delta:g}: {shown}"
        if self.judgement != "cannot tell":
            return f"{self.judgement}: {shown}, p = {self.p_adjusted:.3f}"
        to_detect = max(abs(d.value), self.delta)
        if not to_detect:
            return f"cannot tell: {shown}; no number of samples can show a difference of 0"
        needed = d.samples_to_find(to_detect)
        return f"cannot tell: {shown}; needs about {needed:,} samples, these can detect {d.detectable:.3f}"


def difference(
    metric: str,
    labels: Labels,
    first: Scores,
    second: Scores,
    groups: Groups | None = None,
    *,
    thresholds: tuple[float, float] = (0.5, 0.5),
    costs: Costs = Costs(),  # noqa: B008  (frozen)
    seed: int = 0,
) -> Difference:
    """A paired difference of a metric of `METRICS`.

    AUROC: DeLong et al. (1988), clustered by customer as in Obuchowski (1997). Accuracy: McNemar's exact test, or the
    clustered test of Durkalski et al. (2003) if customers have several samples. Other metrics: a bootstrap over
    customers.

    Args:
        metric: a name of `METRICS`.
        labels: whether each sample churned, shape (samples,).
        first: scores of one method, shape (samples,).
        second: scores of the other method, shape (samples,).
        groups: the customer number of each sample; None if every customer has one sample.
        thresholds: a score at or above its threshold counts as churn, for `accuracy`.
        costs: costs and benefits of a campaign, for `profit`.
        seed: of the bootstrap.
    """
    if metric == "auroc":
        return _auroc_difference(labels, first, second, groups)
    if metric == "accuracy":
        return _accuracy_difference(labels, first >= thresholds[0], second >= thresholds[1], groups)
    measured: dict[str, Callable[[Labels, Scores], float]] = {
        "brier": metrics.brier,
        "log_loss": metrics.log_loss,
        "profit": lambda labels, scores: metrics.profit_at_capacity(labels, scores, costs),
    }
    return _bootstrapped_difference(metric, measured[metric], labels, first, second, groups, seed)


def pooled(differences: Sequence[Difference]) -> Difference:
    """The mean of differences of one metric on sets of different customers (normal approximation).

    Each set has the same weight.
    """
    value = float(np.mean([diff.value for diff in differences]))
    error = math.hypot(*(diff.standard_error for diff in differences)) / len(differences)
    return _normal(differences[0].metric, value, error, sum(diff.n for diff in differences))


def unpaired(first: Interval, n_first: int, second: Interval, n_second: int) -> Difference:
    """The difference of two AUROCs on different, independent customers."""
    error = math.hypot(first.standard_error, second.standard_error)
    return _normal("auroc", first.value - second.value, error, n_first + n_second)


def _auroc_difference(labels: Labels, first: Scores, second: Scores, groups: Groups | None) -> Difference:
    less = Placements.of(labels, first, groups).less(Placements.of(labels, second, groups))
    return _normal("auroc", less.mean, math.sqrt(max(less.variance, 0.0)), len(labels))


def _normal(metric: str, value: float, standard_error: float, n: int) -> Difference:
    z = abs(value) / standard_error if standard_error else (math.inf if value else 0.0)
    reach = REACH * standard_error
    return Difference(metric, value, value - reach, value + reach, float(2 * stats.norm.sf(z)), standard_error, n)


def _accuracy_difference(labels: Labels, first: Labels, second: Labels, groups: Groups | None) -> Difference:
    gains = (first == labels).astype(float) - (second == labels)
    n = len(labels)
    if groups is not None and len(np.unique(groups)) < n:
        of_customers = np.bincount(np.unique(groups, return_inverse=True)[1], weights=gains)
        return _normal("accuracy", float(gains.mean()), float(np.sqrt((of_customers**2).sum())) / n, n)
    gained, lost = int((gains > 0).sum()), int((gains < 0).sum())
    value = (gained - lost) / n
    error = math.sqrt(max(gained + lost - (gained - lost) ** 2 / n, 0.0)) / n
    p = float(stats.binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0
    return Difference("accuracy", value, value - REACH * error, value + REACH * error, p, error, n)


def _bootstrapped_difference(
    name: str,
    metric: Callable[[Labels, Scores], float],
    labels: Labels,
    first: Scores,
    second: Scores,
    groups: Groups | None,
    seed: int,
) -> Difference:
    value = metric(labels, first) - metric(labels, second)
    drawn = np.array(
        [
            metric(labels[chosen], first[chosen]) - metric(labels[chosen], second[chosen])
            for chosen in metrics.resamples(len(labels), groups, _DRAWS, seed)
        ]
    )
    low, high = np.quantile(drawn, [_LEVEL / 2, 1 - _LEVEL / 2])
    below = float((drawn <= 0).mean())
    p = min(1.0, 2 * max(min(below, float((drawn >= 0).mean())), 1 / (_DRAWS + 1)))
    return Difference(name, value, float(low), float(high), p, float(drawn.std(ddof=1)), len(labels))


def judge(differences: Sequence[Difference], *, delta: float = 0.02) -> list[Conclusion]:
    """Verdicts on differences that were tested together, with p-values adjusted for their number.

    `better` and `worse` refer to the first method and take into account whether higher is better. `equivalent` means
    that the 90 % interval is within `delta` of 0 (two one-sided tests, Schuirmann 1987).
    """
    adjusted = holm([diff.p for diff in differences])
    return [
        Conclusion(diff, p, _judgement(diff, p, delta), delta) for diff, p in zip(differences, adjusted, strict=True)
    ]


def _judgement(difference: Difference, p: float, delta: float) -> Judgement:
    if p < _LEVEL:
        higher_is_good = difference.metric not in _LOWER_IS_BETTER
        return "better" if (difference.value > 0) == higher_is_good else "worse"
    reach = float(stats.norm.ppf(1 - _LEVEL)) * difference.standard_error
    return "equivalent" if abs(difference.value) + reach < delta else "cannot tell"


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted so that the level is the probability of at least one false positive among all (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[int(i)]))
        adjusted[i] = highest
    return adjusted


def most_disagreed(first: Scores, second: Scores, n: int = 20) -> list[int]:
    """Positions of the samples that two methods rank most differently, largest difference first."""
    apart = np.abs(stats.rankdata(first) - stats.rankdata(second))
    return [int(i) for i in np.argsort(-apart, kind="stable")[:n]]
