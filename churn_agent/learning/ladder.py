"""The calibration ladder: from few labels to many, the method that they can carry, and a probability from its score."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root_scalar
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin

from churn_agent.learning.alike import Alike
from churn_agent.learning.estimators import ShrunkLogistic
from churn_agent.learning.examples import Examples
from churn_agent.learning.methods import (
    LEAST_SLOPE,
    METHODS,
    Folds,
    Method,
    cross_fitted,
    folds_of,
    score,
    uncalibrated,
)
from churn_agent.learning.states import State, restore, state_of
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.metrics import Groups, Labels, Scores

RUNGS: Sequence[tuple[int, tuple[str, ...]]] = (
    (0, ("platt", "platt_recency_frequency")),
    (10, ("readings", "tfidf")),
    (30, ("rfm", "embedding", "neighbours")),
    (100, ("logistic", "logistic_readings", "boosting", "boosting_readings", "boosting_embedding")),
)
"""Samples of the rarer outcome from which on methods are tried. Those with the least loss on strangers are used."""
_SCORE = "platt"
"""The score, bent to a probability: customers keep its order."""
_TO_RANK = 10
"""Samples of the rarer outcome below which a bootstrap tells nothing about orders: a few outcomes are ranked without a
mistake by chance, and then its interval has no width."""
_STACKED = 2
"""Methods of a kind that are stacked. Which of several good ones looks best is chance; their mean is steadier (van der
Laan, Polley & Hubbard 2007, "Super Learner")."""
_HELD = 6.0
"""Log-odds of scores are held within this, so that one sure mistake does not rule the calibration."""
_SLOPE_ERROR, _LOOSE_ERROR = 0.5, 3.0
"""Of the prior of the last curve's slopes; and where it is redrawn to see how little the labels say by themselves."""
_SEGMENT_ERROR = 0.5
"""Of the prior of what segments differ by, in log-odds."""
_FARTHEST = 50.0
_DRAWS = 300
_WITHIN = 0.96
"""Share of redrawn calibrations that an interval holds, so that it covers the true rate in nine of ten trainings or
more: redrawing leaves out that the scores themselves were learned."""


class Ladder(ClassifierMixin, BaseEstimator):
    """Chooses methods by cross-fitted log-loss and maps their scores to a probability (Platt 1999).

    The best that use the language model's readings are stacked with the best that do without; where they are worse, by
    a paired test, they are left out.

    What is chosen ranks customers anew, and few labels can make any order look good. So the score's own order is kept,
    and the score alone bent, unless the cross-fitted new order ranks better: the 95 % interval of the difference of
    AUROCs, by a bootstrap over customers (Efron & Tibshirani 1993), lies above 0. With fewer than ten samples of either
    outcome it is always kept.
    """

    def __init__(self, seed: int = 0, with_readings: bool = True, segment: str | None = None) -> None:
        """Args: segment: an attribute by whose values probabilities are moved, as far as the labels carry it."""
        self.seed = seed
        self.with_readings = with_readings
        self.segment = segment

    def fit(self, examples: Examples, labels: Labels) -> "Ladder":
        """Raises `DataError` if there are too few samples to be cross-fitted."""
        folds = folds_of(examples, seed=self.seed)
        tried = {
            name: _log_odds([cross_fitted(METHODS[name], examples, seed=self.seed, folds=folds)])
            for name in self._tried(examples)
        }
        # Judged as they are used: after a last curve, which here must not have seen them either.
        others = folds_of(examples, seed=self.seed + 1)
        told = {name: _recalibrated(seen, labels, others) for name, seen in tried.items()}
        self.losses_ = {name: metrics.log_loss(labels, each) for name, each in told.items()}
        self.chosen_, self.says_ = self._choose(told, labels, examples.groups)
        seen, least = np.hstack([tried[name] for name in self.chosen_]), 0.0
        if _SCORE in tried:
            gain = self._gain(_recalibrated(seen, labels, others), examples)
            shown = f"AUROC {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] beside the score"
            self.says_ = f"{self.says_}; {shown}"
            if self._rarer(examples) < _TO_RANK or not gain.low > 0:
                self.says_ = f"the score alone, bent: no other order surely ranks better ({shown})"
                self.chosen_, seen, least = [_SCORE], tried[_SCORE], LEAST_SLOPE
        self.estimators_ = [METHODS[name].make(self.seed).fit(examples, labels) for name in self.chosen_]
        self.calibrator_ = _calibrator(seen, labels, least=least)
        self.alike_ = Alike.of(examples)
        self.draws_ = _redrawn(seen, labels, examples.groups, self.seed)
        self.offsets_ = {}
        if self.segment:
            self.offsets_ = _offsets(_recalibrated(seen, labels, others), labels, self._segments(examples))
        self.classes_ = np.array([False, True])
        return self

    @staticmethod
    def _rarer(examples: Examples) -> int:
        return int(min(examples.labels.sum(), (~examples.labels).sum()))

    def _tried(self, examples: Examples) -> list[str]:
        methods = [METHODS[name] for fewest, names in RUNGS if self._rarer(examples) >= fewest for name in names]
        return [m.name for m in methods if (self.with_readings or not m.reads) and not m.lacks(examples)]

    def _choose(self, scores: dict[str, Scores], labels: Labels, groups: Groups) -> tuple[list[str], str]:
        ranked = sorted(self.losses_, key=lambda name: self.losses_[name])
        cheap = [name for name in ranked if not METHODS[name].reads][:_STACKED]
        model = [name for name in ranked if METHODS[name].reads][:_STACKED]
        if not model:
            return cheap, f"{' and '.join(cheap)} have the least loss"
        with_, without = model[0], cheap[0]
        difference = comparing.difference("log_loss", labels, scores[with_], scores[without], groups, seed=self.seed)
        [verdict] = comparing.judge([difference])
        match verdict.judgement:
            case "better":
                said = f"{with_} is better than the best method without a language model, {without}"
            case "worse":
                return cheap, f"{without} is better than the best method with a language model, {with_}"
            case _:
                said = f"{with_}, with a language model, and {without}, without, are as good"
        return [*model, *cheap], f"{said}; used: {', '.join([*model, *cheap])}"

    def _gain(self, told: Scores, examples: Examples) -> metrics.Interval:
        """AUROC of the new order less that of the score."""

        def gain(labels: Labels, both: NDArray[np.float64]) -> float:
            if labels.all() or not labels.any():
                return np.nan
            new, old = (metrics.Placements.of(labels, each).mean for each in both.T)
            return new - old

        both = np.column_stack([told, uncalibrated(examples)[:, 0]])
        return metrics.bootstrap(gain, examples.labels, both, examples.groups, seed=self.seed)

    def state(self) -> State:
        return {
            "chosen": self.chosen_,
            "says": self.says_,
            "losses": self.losses_,
            "estimators": [state_of(each) for each in self.estimators_],
            "calibrator": state_of(self.calibrator_),
            "draws": self.draws_,
            "segment": self.segment,
            "offsets": [[name, *moved] for name, moved in self.offsets_.items()],
            "alike": self.alike_ and self.alike_.state(),
        }

    def restore(self, state: State) -> None:
        self.chosen_, self.says_, self.losses_ = state["chosen"], state["says"], state["losses"]
        made = [METHODS[name].make(self.seed) for name in self.chosen_]
        self.estimators_ = [restore(*each) for each in zip(made, state["estimators"], strict=True)]
        self.calibrator_ = restore(_near(len(made), _SLOPE_ERROR, 0.0), state["calibrator"])
        self.draws_, self.segment = state["draws"], state["segment"]
        self.offsets_ = {name: (offset, error) for name, offset, error in state["offsets"]}
        self.alike_ = Alike.of_state(state["alike"]) if state["alike"] else None
        self.classes_ = np.array([False, True])

    def predict_proba(self, examples: Examples) -> Any:
        """Shape (samples, 2)."""
        told = self.calibrator_.predict_proba(self._seen(examples))[:, 1]
        moved = expit(metrics.log_odds(told) + self._moved(examples)[0]) if self.segment else told
        return np.column_stack([1 - moved, moved])

    def interval(self, examples: Examples) -> tuple[Scores, Scores]:
        """Bounds that hold the rate of churn among customers of such a score in at least nine of ten trainings."""
        drawn = np.column_stack([np.ones(len(examples)), self._seen(examples)]) @ self.draws_.T
        offset, error = self._moved(examples)
        noise = np.random.default_rng(self.seed).normal(size=len(self.draws_))
        drawn = expit(drawn + offset[:, None] + error[:, None] * noise)
        low, high = np.quantile(drawn, [(1 - _WITHIN) / 2, (1 + _WITHIN) / 2], axis=1)
        told = self.predict_proba(examples)[:, 1]
        return np.minimum(low, told), np.maximum(high, told)

    def _segments(self, examples: Examples) -> list[str | None]:
        return [row.get(self.segment) if self.segment else None for row in examples.attributes]

    def _moved(self, examples: Examples) -> tuple[Scores, Scores]:
        """By how many log-odds samples are moved for their segment, and the standard error of it."""
        found = [self.offsets_.get(segment, (0.0, 0.0)) for segment in self._segments(examples)]
        offsets, errors = np.array(found).reshape(-1, 2).T
        return offsets, errors

    def _seen(self, examples: Examples) -> NDArray[np.float64]:
        return _log_odds([score(estimator, examples) for estimator in self.estimators_])


def _log_odds(scores: Sequence[Scores]) -> NDArray[np.float64]:
    """Shape (samples, scores)."""
    return np.column_stack([metrics.log_odds(each) for each in scores]).clip(-_HELD, _HELD)


def _calibrator(
    seen: NDArray[np.float64], labels: Labels, error: float = _SLOPE_ERROR, least: float = 0.0
) -> ShrunkLogistic:
    """Near the mean of the scores, unless the labels say otherwise.

    No slope is below 0 (Breiman 1996, "Stacked Regressions"): where few texts are shared by many, a method that never
    saw the text ranks strangers the wrong way round, and would be turned round for good.
    """
    return _near(seen.shape[1], error, least).fit(seen, labels)


def _near(scores: int, error: float, least: float) -> ShrunkLogistic:
    return ShrunkLogistic(1 / scores, error, least)


def _recalibrated(seen: NDArray[np.float64], labels: Labels, folds: Folds) -> Scores:
    """What curves say that were fitted to the other folds."""
    told = np.empty(len(labels))
    for train, test in folds:
        told[test] = _calibrator(seen[train], labels[train]).predict_proba(seen[test])[:, 1]
    return told


def _redrawn(seen: NDArray[np.float64], labels: Labels, groups: Groups, seed: int) -> NDArray[np.float64]:
    """Intercept and slopes of calibrators of redrawn customers, shape (draws, 1 + scores)."""
    drawn: list[NDArray[np.float64]] = []
    for rows in metrics.resamples(len(labels), groups, _DRAWS, seed):
        if labels[rows].any() and not labels[rows].all():
            fitted = _calibrator(seen[rows], labels[rows], _LOOSE_ERROR)
            drawn.append(np.append(fitted.intercept_, fitted.slopes_))
    return np.vstack(drawn)


def _offsets(told: Scores, labels: Labels, segments: Sequence[str | None]) -> dict[str | None, tuple[float, float]]:
    """Segment -> log-odds that it differs by from what its customers were told, drawn to none, and the error of that.

    An intercept for each segment with a normal prior: the random intercepts of a multilevel model (Gelman & Hill 2006).
    """
    found: dict[str | None, tuple[float, float]] = {}
    for segment in sorted({each for each in segments if each is not None}):
        rows = np.array([each == segment for each in segments])
        z, churned = metrics.log_odds(told[rows]), labels[rows]

        def slope(offset: float, z: Scores = z, churned: Labels = churned) -> float:
            return float((expit(z + offset) - churned).sum() + offset / _SEGMENT_ERROR**2)

        offset = float(root_scalar(slope, bracket=(-_FARTHEST, _FARTHEST)).root)
        curvature = (expit(z + offset) * expit(-z - offset)).sum() + _SEGMENT_ERROR**-2
        found[segment] = offset, float(curvature**-0.5)
    return found


CALIBRATED = "calibrated"
LEARNED: Mapping[str, Method] = {
    **METHODS,
    CALIBRATED: Method(
        CALIBRATED,
        "what suits these labels best, mapped to a probability with an interval",
        lambda seed: Ladder(seed),
        needs=("readings", "vectors"),
        classic=False,
    ),
    "calibrated_without_readings": Method(
        "calibrated_without_readings",
        "the same from what needs no language model",
        lambda seed: Ladder(seed, with_readings=False),
        needs=("vectors",),
        classic=False,
    ),
}
"""All that can be learned from labels."""
