"""The scores of methods as arrays: what all figures and comparisons are computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from more_itertools import map_reduce
from sklearn.linear_model import LogisticRegression  # pyright: ignore[reportMissingTypeStubs]
from sklearn.pipeline import make_pipeline  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from sklearn.preprocessing import StandardScaler  # pyright: ignore[reportMissingTypeStubs]

from churn_agent.evals.runs.predictions import Kind, Prediction
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Groups, Labels, Scores


@dataclass(frozen=True)
class Scored:
    """The samples that a method assessed, with their scores; arrays of shape (samples,)."""

    kind: Kind
    """Of the method."""
    ids: Sequence[str]
    labels: Labels
    scores: Scores
    groups: Groups
    development: Labels
    """Which samples choices are made on."""
    judged: Labels
    """Which samples may be judged by where nothing was chosen: all, but those of a training set."""

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> "Scored":
        """Of the predictions of one method on one set, without those that have no score."""
        assessed = sorted(
            (p for p in predictions if p.churn_probability is not None), key=lambda p: (p.customer_id, p.as_of)
        )
        customers = [p.customer_id for p in assessed]
        return cls(
            predictions[0].kind,
            [p.sample_id for p in assessed],
            np.array([p.churned for p in assessed], dtype=bool),
            np.array([p.churn_probability for p in assessed], dtype=float),
            np.unique(customers, return_inverse=True)[1] if customers else np.zeros(0, dtype=np.intp),
            np.array([p.split != "test" for p in assessed], dtype=bool),
            np.array([p.split != "train" for p in assessed], dtype=bool),
        )

    def calibrated(self) -> Scores:
        """Scores as probabilities, by a logistic regression on their log-odds (Platt 1999) over the development split.

        If it cannot be fitted, all are the base rate of that split. The spread of the scores makes no difference.
        """
        x = metrics.log_odds(self.scores)[:, None]
        known = self.labels[self.development]
        if len(known) == 0 or known.all() or not known.any():
            return np.full(len(self.scores), known.mean() if len(known) else 0.5)
        curve = cast("Any", make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)))
        return curve.fit(x[self.development], known).predict_proba(x)[:, 1]

    @property
    def can_be_ranked(self) -> bool:
        """Whether there are enough samples of either outcome that may be judged where nothing was chosen."""
        return metrics.enough(self.labels[self.judged], self.groups[self.judged])

    @property
    def can_be_judged(self) -> bool:
        """Whether there are enough samples of either outcome, and enough of them held out."""
        test = ~self.development
        return metrics.enough(self.labels, self.groups) and metrics.enough(self.labels[test], self.groups[test])

    def threshold(self) -> float:
        """The best F1's on the development split; 0.5 if that has only one class."""
        known = self.labels[self.development]
        return 0.5 if known.all() or not known.any() else metrics.best_threshold(known, self.scores[self.development])


def by_set_and_method(predictions: Sequence[Prediction]) -> Mapping[tuple[str, str], list[Prediction]]:
    """Without repeats."""
    return map_reduce((p for p in predictions if p.repeat == 0), lambda p: (p.set, p.method))
