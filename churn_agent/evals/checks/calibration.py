"""Are probabilities right as they are? Of each set by itself, and of several together.

Nothing is fitted to what is judged: learned methods are cross-fitted, and the scores of language models are taken as
they stand.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from churn_agent.errors import InputError
from churn_agent.evals.runs.predictions import Prediction
from churn_agent.evals.runs.reporting import read_runs
from churn_agent.evals.runs.scored import Scored, by_set_and_method
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
class _Judged:
    """The scores of a method on the customers of a set, or of several."""

    labels: Labels
    scores: Scores
    groups: Groups
    base: Scores
    """The base rate of the set of each sample."""

    @classmethod
    def of(cls, scored: Scored) -> "_Judged":
        rows = scored.judged
        labels = scored.labels[rows]
        return cls(labels, scored.scores[rows], scored.groups[rows], np.full(len(labels), labels.mean()))

    def and_(self, other: "_Judged") -> "_Judged":
        """These customers and others."""
        return _Judged(
            np.append(self.labels, other.labels),
            np.append(self.scores, other.scores),
            np.append(self.groups, other.groups + self.groups.max() + 1),
            np.append(self.base, other.base),
        )


def measure_calibration(folder: Path, methods: Sequence[str]) -> list[Calibration]:
    """Whether the probabilities of a run are right as they are.

    Args:
        folder: of the run.
        methods: labels of its methods, as reports name them.

    Raises:
        InputError: the folder holds no run, or one of the methods judged no set in it that has enough samples.
    """
    predictions, *_ = read_runs([folder])
    calibrations = measure(predictions, methods)
    missing = [name for name in methods if name not in {calibration.method for calibration in calibrations}]
    if missing:
        tried = ", ".join(dict.fromkeys(p.method for p in predictions))
        raise InputError(
            f"{str(folder)!r} has too few samples of {missing[0]!r} to measure calibration; its methods: {tried}"
        )
    return calibrations


def measure(predictions: Sequence[Prediction], methods: Sequence[str]) -> list[Calibration]:
    """Measures each method on each set where it has enough predictions of either outcome.

    All these sets together come last, if there are several.
    """
    calibrations: list[Calibration] = []
    scored = {key: Scored.of(of_method) for key, of_method in by_set_and_method(predictions).items()}
    for method in methods:
        judged = {name: _Judged.of(s) for (name, by), s in scored.items() if by == method and s.can_be_ranked}
        if len(judged) > 1:
            judged[TOGETHER] = reduce(_Judged.and_, judged.values())
        calibrations += [_measure(name, method, of_set) for name, of_set in judged.items()]
    return calibrations


def draw(axes: Any, calibrations: Sequence[Calibration]) -> None:
    """Reliability of each method over all its sets, on matplotlib axes."""
    last = {calibration.method: calibration.reliability for calibration in calibrations}
    for (method, points), marker in zip(last.items(), "os^Dv<>", strict=False):
        axes.plot([mean for mean, *_ in points], [rate for _, rate, _ in points], marker=marker, ms=4, label=method)
    axes.plot([0, 1], [0, 1], color="0.85", lw=0.8)
    axes.set_xlabel("predicted (ten groups of equal size)")
    axes.set_ylabel("churned")
    legend_beside(axes)


def _measure(name: str, method: str, judged: _Judged) -> Calibration:
    def interval(metric: Callable[[Labels, Scores], float], scores: Scores = judged.scores) -> metrics.Interval:
        return metrics.bootstrap(metric, judged.labels, scores, judged.groups, draws=_DRAWS)

    skill = interval(_skill, np.column_stack([judged.scores, judged.base]))
    slope, intercept = interval(metrics.calibration_slope), interval(metrics.calibration_intercept)
    return Calibration(
        name,
        method,
        len(judged.labels),
        metrics.log_loss(judged.labels, judged.scores),
        *(skill.value, skill.low, skill.high),
        metrics.brier(judged.labels, judged.scores),
        *(slope.value, slope.low, slope.high),
        *(intercept.value, intercept.low, intercept.high),
        metrics.reliability(judged.labels, judged.scores),
    )


def _skill(labels: Labels, both: Scores) -> float:
    """Args: both: scores and base rates, shape (samples, 2)."""
    without = metrics.log_loss(labels, both[:, 1])
    return 1 - metrics.log_loss(labels, both[:, 0]) / without if without else math.nan
