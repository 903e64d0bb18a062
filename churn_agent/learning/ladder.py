"""The calibration ladder: chooses methods by the number of labels and turns their scores into probabilities."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root_scalar
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin  # pyright: ignore[reportMissingTypeStubs]

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
from churn_agent.learning.similar import SimilarCustomers
from churn_agent.learning.states import State, restore, state_of
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.metrics import Groups, Labels, Scores

RUNGS: Sequence[tuple[int, tuple[str, ...]]] = (
    (0, ("platt", "platt_recency_frequency")),
    (10, ("readings", "tfidf")),
    (30, ("rfm", "embedding", "neighbours")),
    (100, ("logistic", "logistic_readings", "boosting", "boosting_readings", "boosting_embedding")),
)
"""(Fewest samples of the rarer outcome, methods to try). The methods with the least cross-fitted loss are used."""
_SCORE = "platt"
"""The calibrated score, which keeps the order of customers."""
_TO_RANK = 10
"""With fewer samples of the rarer outcome, a bootstrap cannot compare orders: a few outcomes are ranked perfectly by
chance, and the interval then has no width."""
_STACKED = 2
"""Methods of a kind that are stacked. The best of several good methods is best by chance; their mean is more stable
(van der Laan, Polley & Hubbard 2007, "Super Learner")."""
_HELD = 6.0
"""Log-odds of scores are clipped to this range, so that one confident mistake does not dominate the calibration."""
_SLOPE_ERROR, _LOOSE_ERROR = 0.5, 3.0
"""Standard deviation of the prior on the last curve's slopes; the loose one is for the resampled curves, whose spread
must come from the labels."""
_SEGMENT_ERROR = 0.5
"""Standard deviation of the prior on the differences of segments, in log-odds."""
_FARTHEST = 50.0
_DRAWS = 300
_WITHIN = 0.96
"""Share of resampled calibrations that an interval contains, so that it covers the true rate in at least nine of ten
trainings: resampling ignores that the scores themselves were learned."""


class Ladder(ClassifierMixin, BaseEstimator):
    """Chooses methods by cross-fitted log-loss and maps their scores to a probability (Platt 1999).

    The best methods on the language model's readings are stacked with the best methods without them. If they are worse
    by a paired test, they are left out.

    The chosen methods give customers a new order, and with few labels any order can look good. The score alone is
    therefore calibrated, which keeps its order, unless the cross-fitted new order ranks better: the 95 % interval of
    the difference of AUROCs, by a bootstrap over customers (Efron & Tibshirani 1993), is above 0. With fewer than ten
    samples of either outcome the order is always kept.
    """

    def __init__(self, seed: int = 0, with_readings: bool = True, segment: str | None = None) -> None:
        """Args: segment: an attribute. Probabilities are shifted by its values as far as the labels support it."""
        self.seed = seed
        self.with_readings = with_readings
        self.segment = segment

    def fit(self, examples: Examples, labels: Labels) -> "Ladder":
        """Raises `DataError` if there are too few samples for cross-fitting."""
        folds = folds_of(examples, seed=self.seed)
        tried = {
            name: _log_odds([cross_fitted(METHODS[name], examples, seed=self.seed, folds=folds)])
            for name in self._tried(examples)
        }
        # Methods are compared as they will be used: after a last curve, which is cross-fitted too.
        others = folds_of(examples, seed=self.seed + 1)
        probabilities = {name: _recalibrated(inputs, labels, others) for name, inputs in tried.items()}
        self.losses_ = {name: metrics.log_loss(labels, of_method) for name, of_method in probabilities.items()}
        self.chosen_, self.says_ = self._choose(probabilities, labels, examples.groups)
        inputs, least = np.hstack([tried[name] for name in self.chosen_]), 0.0
        if _SCORE in tried:
            gain = self._gain(_recalibrated(inputs, labels, others), examples)
            shown = f"AUROC {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] compared with the score"
            self.says_ = f"{self.says_}; {shown}"
            if self._rarer(examples) < _TO_RANK or not gain.low > 0:
                self.says_ = f"the score alone, calibrated: no other order is clearly better ({shown})"
                self.chosen_, inputs, least = [_SCORE], tried[_SCORE], LEAST_SLOPE
        self.estimators_ = [METHODS[name].make(self.seed).fit(examples, labels) for name in self.chosen_]
        self.calibrator_ = _calibrator(inputs, labels, least=least)
        self.alike_ = SimilarCustomers.of(examples)
        self.draws_ = _resampled(inputs, labels, examples.groups, self.seed)
        self.offsets_ = {}
        if self.segment:
            self.offsets_ = _offsets(_recalibrated(inputs, labels, others), labels, self._segments(examples))
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
            return cheap, f"lowest loss: {' and '.join(cheap)}"
        with_, without = model[0], cheap[0]
        difference = comparing.difference("log_loss", labels, scores[with_], scores[without], groups, seed=self.seed)
        [conclusion] = comparing.judge([difference])
        match conclusion.judgement:
            case "better":
                reason = f"{with_} is better than the best method without a language model, {without}"
            case "worse":
                return cheap, f"{without} is better than the best method with a language model, {with_}"
            case _:
                reason = f"{with_}, with a language model, and {without}, without one, do not clearly differ"
        return [*model, *cheap], f"{reason}; used: {', '.join([*model, *cheap])}"

    def _gain(self, probabilities: Scores, examples: Examples) -> metrics.Interval:
        """AUROC of the new order minus that of the score."""

        def gain(labels: Labels, both: NDArray[np.float64]) -> float:
            if labels.all() or not labels.any():
                return np.nan
            new, old = (metrics.Placements.of(labels, scores).mean for scores in both.T)
            return new - old

        both = np.column_stack([probabilities, uncalibrated(examples)[:, 0]])
        return metrics.bootstrap(gain, examples.labels, both, examples.groups, seed=self.seed)

    def state(self) -> State:
        """The learned state, as data."""
        return {
            "chosen": self.chosen_,
            "says": self.says_,
            "losses": self.losses_,
            "estimators": [state_of(estimator) for estimator in self.estimators_],
            "calibrator": state_of(self.calibrator_),
            "draws": self.draws_,
            "segment": self.segment,
            "offsets": [[name, *offset] for name, offset in self.offsets_.items()],
            "alike": self.alike_ and self.alike_.state(),
        }

    def restore(self, state: State) -> None:
        """Sets the state from the result of `state`."""
        self.chosen_, self.says_, self.losses_ = state["chosen"], state["says"], state["losses"]
        unfitted = [METHODS[name].make(self.seed) for name in self.chosen_]
        self.estimators_ = [restore(*pair) for pair in zip(unfitted, state["estimators"], strict=True)]
        self.calibrator_ = restore(_unfitted_calibrator(len(unfitted), _SLOPE_ERROR, 0.0), state["calibrator"])
        self.draws_, self.segment = state["draws"], state["segment"]
        self.offsets_ = {name: (offset, error) for name, offset, error in state["offsets"]}
        self.alike_ = SimilarCustomers.of_state(state["alike"]) if state["alike"] else None
        self.classes_ = np.array([False, True])

    def predict_proba(self, examples: Examples) -> Any:
        """Shape (samples, 2)."""
        probabilities = self.calibrator_.predict_proba(self._inputs(examples))[:, 1]
        if self.segment:
            probabilities = expit(metrics.log_odds(probabilities) + self._shifts(examples)[0])
        return np.column_stack([1 - probabilities, probabilities])

    def interval(self, examples: Examples) -> tuple[Scores, Scores]:
        """Bounds that contain the churn rate of customers with such a score in at least nine of ten trainings."""
        drawn = np.column_stack([np.ones(len(examples)), self._inputs(examples)]) @ self.draws_.T
        offset, error = self._shifts(examples)
        noise = np.random.default_rng(self.seed).normal(size=len(self.draws_))
        drawn = expit(drawn + offset[:, None] + error[:, None] * noise)
        low, high = np.quantile(drawn, [(1 - _WITHIN) / 2, (1 + _WITHIN) / 2], axis=1)
        probabilities = self.predict_proba(examples)[:, 1]
        return np.minimum(low, probabilities), np.maximum(high, probabilities)

    def _segments(self, examples: Examples) -> list[str | None]:
        return [row.get(self.segment) if self.segment else None for row in examples.attributes]

    def _shifts(self, examples: Examples) -> tuple[Scores, Scores]:
        """The shift of each sample for its segment, in log-odds, and its standard error."""
        shifts = [self.offsets_.get(segment, (0.0, 0.0)) for segment in self._segments(examples)]
        offsets, errors = np.array(shifts).reshape(-1, 2).T
        return offsets, errors

    def _inputs(self, examples: Examples) -> NDArray[np.float64]:
        return _log_odds([score(estimator, examples) for estimator in self.estimators_])


def _log_odds(scores: Sequence[Scores]) -> NDArray[np.float64]:
    """Shape (samples, scores)."""
    return np.column_stack([metrics.log_odds(column) for column in scores]).clip(-_HELD, _HELD)


def _calibrator(
    inputs: NDArray[np.float64], labels: Labels, error: float = _SLOPE_ERROR, least: float = 0.0
) -> ShrunkLogistic:
    """A curve close to the mean of the scores, unless the labels contradict it.

    No slope is below 0 (Breiman 1996, "Stacked Regressions"). If many samples share few texts, a method that has not
    seen a text may rank its samples in the wrong order; a negative slope would make that permanent.
    """
    return _unfitted_calibrator(inputs.shape[1], error, least).fit(inputs, labels)


def _unfitted_calibrator(scores: int, error: float, least: float) -> ShrunkLogistic:
    return ShrunkLogistic(1 / scores, error, least)


def _recalibrated(inputs: NDArray[np.float64], labels: Labels, folds: Folds) -> Scores:
    """Probabilities by curves that were fitted on the other folds."""
    probabilities = np.empty(len(labels))
    for train, test in folds:
        probabilities[test] = _calibrator(inputs[train], labels[train]).predict_proba(inputs[test])[:, 1]
    return probabilities


def _resampled(inputs: NDArray[np.float64], labels: Labels, groups: Groups, seed: int) -> NDArray[np.float64]:
    """Intercept and slopes of calibrators fitted on resampled customers, shape (draws, 1 + scores)."""
    drawn: list[NDArray[np.float64]] = []
    for rows in metrics.resamples(len(labels), groups, _DRAWS, seed):
        if labels[rows].any() and not labels[rows].all():
            fitted = _calibrator(inputs[rows], labels[rows], _LOOSE_ERROR)
            drawn.append(np.append(fitted.intercept_, fitted.slopes_))
    return np.vstack(drawn)


def _offsets(
    probabilities: Scores, labels: Labels, segments: Sequence[str | None]
) -> dict[str | None, tuple[float, float]]:
    """Segment -> difference from its customers' probabilities in log-odds, shrunk towards 0, and its standard error.

    An intercept for each segment with a normal prior: the random intercepts of a multilevel model (Gelman & Hill 2006).
    """
    offsets: dict[str | None, tuple[float, float]] = {}
    for segment in sorted({name for name in segments if name is not None}):
        rows = np.array([name == segment for name in segments])
        z, churned = metrics.log_odds(probabilities[rows]), labels[rows]

        def slope(offset: float, z: Scores = z, churned: Labels = churned) -> float:
            return float((expit(z + offset) - churned).sum() + offset / _SEGMENT_ERROR**2)

        offset = float(root_scalar(slope, bracket=(-_FARTHEST, _FARTHEST)).root)
        curvature = (expit(z + offset) * expit(-z - offset)).sum() + _SEGMENT_ERROR**-2
        offsets[segment] = offset, float(curvature**-0.5)
    return offsets


CALIBRATED = "calibrated"
LEARNED: Mapping[str, Method] = {
    **METHODS,
    CALIBRATED: Method(
        CALIBRATED,
        "the best methods for these labels, calibrated to a probability with an interval",
        lambda seed: Ladder(seed),
        needs=("readings", "vectors"),
        classic=False,
    ),
    "calibrated_without_readings": Method(
        "calibrated_without_readings",
        "the same without a language model",
        lambda seed: Ladder(seed, with_readings=False),
        needs=("vectors",),
        classic=False,
    ),
}
"""All methods that can be trained on labels."""
