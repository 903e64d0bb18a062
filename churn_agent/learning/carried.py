"""A calibration carried over from books with outcomes to one without, whose base rate is known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root_scalar
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin

from churn_agent.errors import DataError
from churn_agent.learning.estimators import ShrunkLogistic
from churn_agent.learning.examples import Examples, Scores
from churn_agent.learning.methods import SLOPE, SLOPE_ERROR, score, uncalibrated
from churn_agent.learning.states import Remembered
from churn_agent.measuring import metrics

_FARTHEST = 50.0


class Carried(Remembered, ClassifierMixin, BaseEstimator):
    """Platt's curve (1999) with the slope of other books and an intercept of the own.

    How much a difference of scores means is learned on each of the other books, and their mean is taken. How high
    scores stand differs by book, whatever its base rate; so the intercept is the one at which the mean probability of
    the own customers is the base rate.
    """

    learned = ("base_rate_", "curve_", "bounds_")

    def fit(self, books: Sequence[Examples], own: Examples, base_rate: float) -> "Carried":
        """Args:
            books: with outcomes of both kinds each.
            own: customers of the book that it is for; their labels are not looked at.
            base_rate: of that book, above 0 and below 1.

        Raises:
            DataError: a book has outcomes of one kind only.
        """
        if any(each.labels.all() or not each.labels.any() for each in books):
            raise DataError("a book to learn from needs customers who left and customers who stayed")
        slopes = [float(ShrunkLogistic(SLOPE, SLOPE_ERROR).fit(uncalibrated(b), b.labels).slopes_[0]) for b in books]
        slope = max(float(np.mean(slopes)), 0.0)
        # Of the mean of so many books, and of one more.
        reach = metrics.REACH * SLOPE_ERROR * float(np.sqrt(1 + 1 / len(slopes)))
        scores = uncalibrated(own)[:, 0]
        self.base_rate_ = base_rate
        self.curve_ = _anchored(slope, scores, base_rate)
        self.bounds_ = tuple(_anchored(each, scores, base_rate) for each in (max(slope - reach, 0.0), slope + reach))
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, examples: Examples) -> NDArray[np.float64]:
        """Shape (samples, 2)."""
        told = _on(self.curve_, examples)
        return np.column_stack([1 - told, told])

    def interval(self, examples: Examples) -> tuple[Scores, Scores]:
        """Bounds by slopes as far off as those of books are."""
        told = np.stack([_on(curve, examples) for curve in (self.curve_, *self.bounds_)])
        return told.min(axis=0), told.max(axis=0)


def carried_to_each(books: Sequence[Examples]) -> list[Scores]:
    """Probabilities of each book's customers, by the others and its base rate."""
    found: list[Scores] = []
    for i, own in enumerate(books):
        fitted = Carried().fit([*books[:i], *books[i + 1 :]], own, float(own.labels.mean()))
        found.append(score(fitted, own))
    return found


def _anchored(slope: float, scores: Scores, base_rate: float) -> tuple[float, float]:
    """Intercept and slope of the curve of that mean."""

    def over(intercept: float) -> float:
        return float(expit(intercept + slope * scores).mean() - base_rate)

    return float(root_scalar(over, bracket=(-_FARTHEST, _FARTHEST)).root), slope


def _on(curve: tuple[float, float], examples: Examples) -> Scores:
    intercept, slope = curve
    return expit(intercept + slope * uncalibrated(examples)[:, 0])
