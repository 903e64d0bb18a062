"""Are probabilities right as they are? Of each set by itself, and of several together.

Nothing is fitted to what is judged: learned methods are cross-fitted, and the scores of language models are taken as
they stand.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from churn_agent.evals.runs.predictions import Prediction
from churn_agent.evals.runs.scoreboard import Scored, by_set_and_method
from churn_agent.evals.sets.labelled import TOGETHER
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Groups, Labels, Scores
from churn_agent.measuring.plots import legend_beside

_DRAWS = 500


@dataclass(frozen=True)
class Calibration:
    """How right the probabilities of a method are. Intervals are of 95 %, by a bootstrap over customers."""

    set: str
    """Or `all sets`, their customers together."""
    method: str
    n: int
    log_loss: float
    skill: float
    skill_low: float
    skill_high: float
    """Share of the log-loss of the base rate (each set's own) that is saved: 1 at best, below 0 worse than that."""
    brier: float
    slope: float
    slope_low: float
    slope_high: float
    """Of the outcome's log-odds on the probability's (Cox 1958): 1 is right, below 1 is overconfident."""
    intercept: float
    intercept_low: float
    intercept_high: float
    """What has to be added to log-odds for their mean to be the base rate: 0 is right."""
    reliability: Sequence[tuple[float, float, int]]
    """Mean probability, share that churned and number of customers, of ten groups of equal size."""


@dataclass(frozen=True)
class _Told:
    """What a method said of the customers of a set, or of several."""

    labels: Labels
    scores: Scores
    groups: Groups
    base: Scores
    """The base rate of the set that each is of."""

    @classmethod
    def of(cls, scored: Scored) -> "_Told":
        rows = scored.judged
        labels = scored.labels[rows]
        return cls(labels, scored.scores[rows], scored.groups[rows], np.full(len(labels), labels.mean()))

    def and_(self, other: "_Told") -> "_Told":
        """These customers and others."""
        return _Told(
            np.append(self.labels, other.labels),
            np.append(self.scores, other.scores),
            np.append(self.groups, other.groups + self.groups.max() + 1),
            np.append(self.base, other.base),
        )


def measure(predictions: Sequence[Prediction], methods: Sequence[str]) -> list[Calibration]:
    """Of each method on each set where it judged enough customers of either outcome, and on all these sets together if
    there are several."""
    found: list[Calibration] = []
    scored = {key: Scored.of(made) for key, made in by_set_and_method(predictions).items()}
    for method in methods:
        told = {name: _Told.of(each) for (name, by), each in scored.items() if by == method and each.can_be_ranked}
        if len(told) > 1:
            told[TOGETHER] = reduce(_Told.and_, told.values())
        found += [_measure(name, method, each) for name, each in told.items()]
    return found


def draw(axes: Any, found: Sequence[Calibration]) -> None:
    """Reliability of each method over all its sets, on matplotlib axes."""
    last = {each.method: each.reliability for each in found}
    for (method, points), marker in zip(last.items(), "os^Dv<>", strict=False):
        axes.plot([mean for mean, *_ in points], [rate for _, rate, _ in points], marker=marker, ms=4, label=method)
    axes.plot([0, 1], [0, 1], color="0.85", lw=0.8)
    axes.set_xlabel("said (ten groups of equal size)")
    axes.set_ylabel("churned")
    legend_beside(axes)


def _measure(name: str, method: str, told: _Told) -> Calibration:
    def interval(metric: Callable[[Labels, Scores], float], scores: Scores = told.scores) -> metrics.Interval:
        return metrics.bootstrap(metric, told.labels, scores, told.groups, draws=_DRAWS)

    skill = interval(_skill, np.column_stack([told.scores, told.base]))
    slope, intercept = interval(metrics.calibration_slope), interval(metrics.calibration_intercept)
    return Calibration(
        name,
        method,
        len(told.labels),
        metrics.log_loss(told.labels, told.scores),
        *(skill.value, skill.low, skill.high),
        metrics.brier(told.labels, told.scores),
        *(slope.value, slope.low, slope.high),
        *(intercept.value, intercept.low, intercept.high),
        metrics.reliability(told.labels, told.scores),
    )


def _skill(labels: Labels, both: Scores) -> float:
    """Args: both: scores and base rates, shape (samples, 2)."""
    without = metrics.log_loss(labels, both[:, 1])
    return 1 - metrics.log_loss(labels, both[:, 0]) / without if without else math.nan
