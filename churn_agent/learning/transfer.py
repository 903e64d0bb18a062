"""Carries a calibration over from books with outcomes to a book without outcomes but with a known base rate."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin  # pyright: ignore[reportMissingTypeStubs]

from churn_agent.errors import DataError
from churn_agent.learning.estimators import ShrunkLogistic
from churn_agent.learning.examples import Examples, Scores
from churn_agent.learning.methods import SLOPE, SLOPE_ERROR, score, uncalibrated
from churn_agent.learning.states import Remembered
from churn_agent.measuring import metrics


class TransferredCalibration(Remembered, ClassifierMixin, BaseEstimator):
    """Platt's curve (1999) with the slope of other books and the book's own intercept.

    The slope is the mean of the slopes fitted on each of the other books. The level of scores differs by book,
    independently of the base rate. The intercept is therefore the one that makes the mean probability of the book's own
    customers equal to its base rate.
    """

    learned = ("base_rate_", "curve_", "bounds_")

    def fit(self, books: Sequence[Examples], own: Examples, base_rate: float) -> "TransferredCalibration":
        """Learns from other books.

        Args:
            books: books to learn from, each with both outcomes.
            own: customers of the book to calibrate; their labels are not used.
            base_rate: the base rate of that book, above 0 and below 1.

        Raises:
            DataError: a book has only one outcome.
        """
        if any(book.labels.all() or not book.labels.any() for book in books):
            raise DataError("each book to learn from must have customers who left and customers who stayed")
        slopes = [float(ShrunkLogistic(SLOPE, SLOPE_ERROR).fit(uncalibrated(b), b.labels).slopes_[0]) for b in books]
        slope = max(float(np.mean(slopes)), 0.0)
        # The error of the mean over the books, and of one more book.
        reach = metrics.REACH * SLOPE_ERROR * float(np.sqrt(1 + 1 / len(slopes)))
        scores = uncalibrated(own)[:, 0]
        self.base_rate_ = base_rate
        self.curve_ = _anchored(slope, scores, base_rate)
        self.bounds_ = tuple(_anchored(bound, scores, base_rate) for bound in (max(slope - reach, 0.0), slope + reach))
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, examples: Examples) -> NDArray[np.float64]:
        """Shape (samples, 2)."""
        probabilities = _on(self.curve_, examples)
        return np.column_stack([1 - probabilities, probabilities])

    def interval(self, examples: Examples) -> tuple[Scores, Scores]:
        """Bounds from the range of slopes that books have."""
        probabilities = np.stack([_on(curve, examples) for curve in (self.curve_, *self.bounds_)])
        return probabilities.min(axis=0), probabilities.max(axis=0)


def transferred_scores(books: Sequence[Examples]) -> list[Scores]:
    """Probabilities of each book's customers, calibrated on the other books and the book's base rate."""
    probabilities: list[Scores] = []
    for i, own in enumerate(books):
        fitted = TransferredCalibration().fit([*books[:i], *books[i + 1 :]], own, float(own.labels.mean()))
        probabilities.append(score(fitted, own))
    return probabilities


def _anchored(slope: float, scores: Scores, base_rate: float) -> tuple[float, float]:
    """Intercept and slope of the curve whose mean probability is the base rate."""
    return metrics.shift_to_mean(slope * scores, base_rate), slope


def _on(curve: tuple[float, float], examples: Examples) -> Scores:
    intercept, slope = curve
    log_odds: Scores = intercept + slope * uncalibrated(examples)[:, 0]
    return expit(log_odds)
