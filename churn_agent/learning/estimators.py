"""Estimators of scikit-learn's kind, over samples or over columns made of them."""

import contextlib
import io
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import optimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors

from churn_agent.errors import DataError
from churn_agent.learning.examples import Examples, Scores

_FIT_PENALTIES = (0.01, 0.1, 1.0)
"""On the parameters of BG/NBD, tried in turn until the fit converges."""
_PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3)
"""Inverse strengths of L2 penalties that a logistic regression chooses from."""
_NEAREST = 15
_MOST_VALUES = 50
_BOOSTED = 3
_FEWEST_PRESENT = 10
"""Numbers in a column, below which gradient boosting does without it."""
_ENOUGH_TO_HOLD_OUT = 40
"""Samples of the rarer outcome."""
_FEWEST_FOLDS = 2


class Rule(ClassifierMixin, BaseEstimator):
    """A score that learns nothing."""

    def __init__(self, score: Callable[[Examples], Scores]) -> None:
        self.score_of = score

    def fit(self, examples: Examples, labels: Any = None) -> "Rule":
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, examples: Examples) -> Any:
        return _both_sides(self.score_of(examples))


class BgNbd(ClassifierMixin, BaseEstimator):
    """One less the probability to be alive (Fader, Hardie & Lee 2005); knows dates of activity and no outcomes."""

    def fit(self, examples: Examples, labels: Any = None) -> "BgNbd":
        """Raises `DataError` if no fit is found."""
        self.params_ = next(filter(None, (self._params(examples, penalty) for penalty in _FIT_PENALTIES)), None)
        if self.params_ is None:
            raise DataError("BG/NBD cannot be fitted to these dates of activity")
        self.classes_ = np.array([False, True])
        return self

    def _params(self, examples: Examples, penalty: float) -> dict[str, float] | None:
        fitter = self._fitter(penalty)
        from lifetimes.utils import ConvergenceError  # type: ignore[import-untyped]

        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it prints what it could not do
            warnings.simplefilter("ignore")  # of numpy, which has changed since the library was written
            try:
                fitter.fit(*self._see(examples))
            except ConvergenceError:
                return None
        return dict(fitter.params_)

    def predict_proba(self, examples: Examples) -> Any:
        fitter = self._fitter(_FIT_PENALTIES[0])
        fitter.params_ = self.params_
        return _both_sides(np.clip(1 - np.asarray(fitter.conditional_probability_alive(*self._see(examples))), 0, 1))

    @staticmethod
    def _fitter(penalty: float) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas, which has changed since the library was written
            from lifetimes import BetaGeoFitter  # type: ignore[import-untyped]
        return BetaGeoFitter(penalizer_coef=penalty)

    @staticmethod
    def _see(examples: Examples) -> list[Scores]:
        days = [each or [0] for each in examples.active_days]
        frequency = [len(each) - 1 for each in days]
        recency = [each[0] - each[-1] for each in days]
        return [np.array(column, dtype=float) for column in (frequency, recency, [each[0] for each in days])]


class ShrunkLogistic(ClassifierMixin, BaseEstimator):
    """Logistic regression whose slopes are held near a value by a normal prior, so that few labels cannot bend it far.

    Over the log-odds of scores it is the calibration of Platt (1999). The intercept is free.
    """

    def __init__(self, slope: float, error: float, positive: bool = False) -> None:
        """Args: slope, error: mean and standard deviation of the prior of each slope; positive: none is below 0."""
        self.slope = slope
        self.error = error
        self.positive = positive

    def fit(self, X: Any, y: Any) -> "ShrunkLogistic":  # noqa: N803 - scikit-learn's names
        labels = np.asarray(y, dtype=float)

        def loss(curve: Any) -> tuple[float, Any]:
            z = curve[0] + X @ curve[1:]
            off = (curve[1:] - self.slope) / self.error
            wrong = expit(z) - labels
            gradient = np.append(wrong.sum(), X.T @ wrong + off / self.error)
            return float(np.sum(np.logaddexp(0, z) - labels * z) + off @ off / 2), gradient

        base_rate = min(max(labels.mean(), 1e-3), 1 - 1e-3)
        start = np.append(logit(base_rate), np.full(X.shape[1], self.slope))
        bounds = [(None, None), *[(0 if self.positive else None, None)] * X.shape[1]]
        found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        self.intercept_, self.slopes_ = float(found[0]), found[1:]
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return _both_sides(expit(self.intercept_ + X @ self.slopes_))


class PenalisedLogistic(ClassifierMixin, BaseEstimator):
    """Logistic regression that chooses its L2 penalty by the log-loss on folds, where there are samples enough."""

    def fit(self, X: Any, y: Any) -> "PenalisedLogistic":  # noqa: N803
        folds = min(5, int(np.sum(y)), int(np.sum(~np.asarray(y, dtype=bool))))
        if folds < _FEWEST_FOLDS:
            self.fitted_ = LogisticRegression(C=_PENALTIES[0], max_iter=2000).fit(X, y)
        else:
            search = GridSearchCV(
                LogisticRegression(max_iter=2000), {"C": _PENALTIES}, scoring="neg_log_loss", cv=folds
            )
            self.fitted_ = search.fit(X, y)
        self.classes_ = self.fitted_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return self.fitted_.predict_proba(X)


class Neighbours(ClassifierMixin, BaseEstimator):
    """The share of churned among the nearest by cosine, drawn to the base rate as if one more had been seen of it."""

    def fit(self, X: Any, y: Any) -> "Neighbours":  # noqa: N803
        self.nearest_ = NearestNeighbors(n_neighbors=min(_NEAREST, len(X)), metric="cosine").fit(X)
        self.outcomes_ = np.asarray(y, dtype=float)
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        churned = self.outcomes_[self.nearest_.kneighbors(X, return_distance=False)]
        share = (churned.sum(axis=1) + self.outcomes_.mean()) / (churned.shape[1] + 1)
        # Who wrote nothing is as near to everybody.
        return _both_sides(np.where(np.any(X, axis=1), share, self.outcomes_.mean()))


class Boosting(ClassifierMixin, BaseEstimator):
    """Gradient boosting of small trees that ends when samples held out gain no more, where there are enough of them.

    The mean of a few, each with other samples held out.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Any, y: Any) -> "Boosting":  # noqa: N803
        """Raises `DataError` if no column has numbers enough."""
        rarer = min(int(np.sum(y)), int(np.sum(~np.asarray(y, dtype=bool))))
        size: dict[str, Any] = {"max_iter": 60, "min_samples_leaf": 5, "early_stopping": False}
        if rarer >= _ENOUGH_TO_HOLD_OUT:
            size = {"max_iter": 600, "min_samples_leaf": 20, "early_stopping": True, "n_iter_no_change": 20}
        # A column whose few numbers are all among those held out would leave nothing to cut.
        self.kept_ = np.flatnonzero(np.sum(~np.isnan(X), axis=0) >= _FEWEST_PRESENT)
        if not len(self.kept_):
            raise DataError(f"gradient boosting needs {_FEWEST_PRESENT} samples to learn from, not {len(X)}")
        self.fitted_ = [
            HistGradientBoostingClassifier(
                learning_rate=0.06,
                max_leaf_nodes=8,
                l2_regularization=5.0,
                max_features=0.5,
                validation_fraction=0.15,
                random_state=self.seed + n,
                **size,
            ).fit(X[:, self.kept_], y)
            for n in range(_BOOSTED)
        ]
        self.classes_ = self.fitted_[0].classes_
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return np.mean([each.predict_proba(X[:, self.kept_]) for each in self.fitted_], axis=0)


class Columns(TransformerMixin, BaseEstimator):
    """Numbers and attributes as a table; a number that is not there is missing, not 0.

    Attributes of very many values, such as names, are left out.
    """

    def __init__(self, rows: Callable[[Examples], Sequence[dict[str, Any]]]) -> None:
        self.rows = rows

    def fit(self, examples: Examples, labels: Any = None) -> "Columns":
        rows = self.rows(examples)
        values: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            for name, value in row.items():
                if isinstance(value, str):
                    values[name].add(value)
        self.left_out_ = frozenset(name for name, found in values.items() if len(found) > _MOST_VALUES)
        self.vectorizer_ = DictVectorizer(sparse=False).fit(self._kept(rows))
        names = self.vectorizer_.get_feature_names_out()
        self.numeric_ = {name: i for i, name in enumerate(names) if name not in values and "=" not in name}
        return self

    def transform(self, examples: Examples) -> Any:
        rows = self._kept(self.rows(examples))
        table: Any = self.vectorizer_.transform(rows)
        for i, row in enumerate(rows):
            table[i, [column for name, column in self.numeric_.items() if name not in row]] = np.nan
        return table

    def _kept(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if name not in self.left_out_} for row in rows]


def _both_sides(scores: Scores) -> Any:
    return np.column_stack([1 - scores, scores])
