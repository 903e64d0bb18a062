"""Estimators with scikit-learn's interface, on samples or on columns computed from them."""
# scikit-learn has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

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

from churn_agent import extras
from churn_agent.errors import DataError
from churn_agent.learning.examples import Examples, Scores
from churn_agent.learning.states import Remembered, State, restore, state_of

_FIT_PENALTIES = (0.01, 0.1, 1.0)
"""Penalties on the parameters of BG/NBD, tried in turn until the fit converges."""
_PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3)
"""Inverse strengths of the L2 penalties that a logistic regression can choose."""
_NEAREST = 15
_MOST_VALUES = 50
_BOOSTED = 3
_FEWEST_PRESENT = 10
"""Gradient boosting drops columns with fewer numbers."""
_ENOUGH_TO_HOLD_OUT = 40
"""Samples of the rarer outcome from which some are held out."""
_FEWEST_FOLDS = 2
_LEAVES = 8
"""Leaves of a boosted tree."""
_TOGETHER = 500
"""Samples that go through all trees at once."""


class BaseRate(Remembered, ClassifierMixin, BaseEstimator):
    """The share of churned customers, for every sample."""

    learned = ("rate_",)

    def fit(self, examples: Examples, labels: Any) -> "BaseRate":
        """Learns the share of churned customers."""
        self.rate_ = float(np.mean(labels))
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, examples: Examples) -> Any:
        """Shape (samples, 2): probabilities of staying and churning."""
        return _both_sides(np.full(len(examples), self.rate_))


class Rule(Remembered, ClassifierMixin, BaseEstimator):
    """A score that learns nothing."""

    def __init__(self, score: Callable[[Examples], Scores]) -> None:
        self.score_of = score

    def fit(self, examples: Examples, labels: Any = None) -> "Rule":
        """Learns nothing."""
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, examples: Examples) -> Any:
        """Shape (samples, 2): probabilities of staying and churning."""
        return _both_sides(self.score_of(examples))


class BgNbd(Remembered, ClassifierMixin, BaseEstimator):
    """1 minus the probability of being alive (Fader, Hardie & Lee 2005). Uses dates of activity, but no outcomes."""

    learned = ("params_",)

    def fit(self, examples: Examples, labels: Any = None) -> "BgNbd":
        """Raises `DataError` if no fit is found."""
        self.params_ = next(filter(None, (self._params(examples, penalty) for penalty in _FIT_PENALTIES)), None)
        if self.params_ is None:
            raise DataError("BG/NBD cannot be fitted to these dates of activity; use another method")
        self.classes_ = np.array([False, True])
        return self

    def _params(self, examples: Examples, penalty: float) -> dict[str, float] | None:
        fitter = self._fitter(penalty)
        with extras.importing("evals"):
            from lifetimes.utils import ConvergenceError  # type: ignore[import-untyped]

        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it prints its failures
            warnings.simplefilter("ignore")  # the library uses old numpy interfaces
            try:
                fitter.fit(*self._columns(examples))
            except ConvergenceError:
                return None
        return {str(name): float(value) for name, value in fitter.params_.items()}

    def predict_proba(self, examples: Examples) -> Any:
        """Shape (samples, 2): probabilities of staying and churning."""
        fitter = self._fitter(_FIT_PENALTIES[0])
        fitter.params_ = self.params_
        return _both_sides(
            np.clip(1 - np.asarray(fitter.conditional_probability_alive(*self._columns(examples))), 0, 1)
        )

    @staticmethod
    def _fitter(penalty: float) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library uses old pandas interfaces
            with extras.importing("evals"):
                from lifetimes import BetaGeoFitter  # type: ignore[import-untyped]
        return BetaGeoFitter(penalizer_coef=penalty)

    @staticmethod
    def _columns(examples: Examples) -> list[Scores]:
        """Repeated days of activity, and recency and age in days, as BG/NBD defines them."""
        histories = [days or [0] for days in examples.active_days]
        frequency = [len(days) - 1 for days in histories]
        recency = [days[0] - days[-1] for days in histories]
        age = [days[0] for days in histories]
        return [np.array(column, dtype=float) for column in (frequency, recency, age)]


class ShrunkLogistic(Remembered, ClassifierMixin, BaseEstimator):
    """Logistic regression with a normal prior on the slopes, so that few labels cannot move them far.

    On the log-odds of scores, this is the calibration of Platt (1999). The intercept is free.
    """

    learned = ("intercept_", "slopes_")

    def __init__(self, slope: float, error: float, least: float | None = None) -> None:
        """Creates an untrained estimator.

        Args:
            slope: mean of the prior of each slope.
            error: standard deviation of the prior of each slope.
            least: the smallest allowed slope; a value above 0 preserves the order of a single score.
        """
        self.slope = slope
        self.error = error
        self.least = least

    def fit(self, X: Any, y: Any) -> "ShrunkLogistic":  # noqa: N803 - scikit-learn's names
        """Fits by maximum a posteriori. `X` has shape (samples, features), `y` (samples,)."""
        labels = np.asarray(y, dtype=float)

        def loss(curve: Any) -> tuple[float, Any]:
            z = curve[0] + X @ curve[1:]
            deviation = (curve[1:] - self.slope) / self.error
            residual = expit(z) - labels
            gradient = np.append(residual.sum(), X.T @ residual + deviation / self.error)
            return float(np.sum(np.logaddexp(0, z) - labels * z) + deviation @ deviation / 2), gradient

        base_rate = min(max(labels.mean(), 1e-3), 1 - 1e-3)
        start = np.append(logit(base_rate), np.full(X.shape[1], self.slope))
        bounds = [(None, None), *[(self.least, None)] * X.shape[1]]
        fitted = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        self.intercept_, self.slopes_ = float(fitted[0]), fitted[1:]
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Shape (samples, 2): probabilities of staying and churning."""
        return _both_sides(expit(self.intercept_ + X @ self.slopes_))


class PenalisedLogistic(ClassifierMixin, BaseEstimator):
    """Logistic regression that chooses its L2 penalty by cross-validated log-loss if there are enough samples."""

    def fit(self, X: Any, y: Any) -> "PenalisedLogistic":  # noqa: N803
        """Fits on `X` of shape (samples, features) and `y` of shape (samples,)."""
        folds = min(5, int(np.sum(y)), int(np.sum(~np.asarray(y, dtype=bool))))
        if folds < _FEWEST_FOLDS:
            self.fitted_ = LogisticRegression(C=_PENALTIES[0], max_iter=2000).fit(X, y)
        else:
            search = GridSearchCV(
                LogisticRegression(max_iter=2000), {"C": _PENALTIES}, scoring="neg_log_loss", cv=folds
            )
            self.fitted_ = search.fit(X, y).best_estimator_
        self.classes_ = self.fitted_.classes_
        return self

    def state(self) -> State:
        """The learned state, as data."""
        return state_of(self.fitted_)

    def restore(self, state: State) -> None:
        """Takes over a state that `state` returned."""
        self.fitted_ = restore(LogisticRegression(), state)
        self.classes_ = self.fitted_.classes_

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Shape (samples, 2): probabilities of staying and churning."""
        return self.fitted_.predict_proba(X)


class Neighbours(ClassifierMixin, BaseEstimator):
    """The share of churned among the nearest by cosine, shrunk to the base rate by the weight of one more neighbour."""

    def fit(self, X: Any, y: Any) -> "Neighbours":  # noqa: N803
        """Remembers all samples. `X` has shape (samples, dimension), `y` (samples,)."""
        self.known_ = X
        self.nearest_ = NearestNeighbors(n_neighbors=min(_NEAREST, len(X)), metric="cosine").fit(X)
        self.outcomes_ = np.asarray(y, dtype=float)
        self.classes_ = np.array([False, True])
        return self

    def state(self) -> State:
        """The learned state, as data."""
        return {"known": self.known_, "outcomes": self.outcomes_}

    def restore(self, state: State) -> None:
        """Takes over a state that `state` returned."""
        self.fit(state["known"], state["outcomes"])

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Shape (samples, 2): probabilities of staying and churning."""
        churned = self.outcomes_[self.nearest_.kneighbors(X, return_distance=False)]
        share = (churned.sum(axis=1) + self.outcomes_.mean()) / (churned.shape[1] + 1)
        # A customer who wrote nothing is equally near to all others.
        return _both_sides(np.where(np.any(X, axis=1), share, self.outcomes_.mean()))


class Boosting(Remembered, ClassifierMixin, BaseEstimator):
    """Gradient boosting of small trees, with early stopping on held-out samples if there are enough.

    The score is the mean of a few models, each with other samples held out. scikit-learn grows the trees. Their nodes
    are then copied, so that stored methods do not depend on a version of scikit-learn.
    """

    learned = ("kept_", "trees_")

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Any, y: Any) -> "Boosting":  # noqa: N803
        """Raises `DataError` if no column has enough numbers."""
        rarer = min(int(np.sum(y)), int(np.sum(~np.asarray(y, dtype=bool))))
        size: dict[str, Any] = {"max_iter": 60, "min_samples_leaf": 5, "early_stopping": False}
        if rarer >= _ENOUGH_TO_HOLD_OUT:
            size = {"max_iter": 600, "min_samples_leaf": 20, "early_stopping": True, "n_iter_no_change": 20}
        # If all the numbers of a sparse column were held out, there would be nothing to split on.
        self.kept_ = np.flatnonzero(np.sum(~np.isnan(X), axis=0) >= _FEWEST_PRESENT)
        if not len(self.kept_):
            raise DataError(f"gradient boosting needs {_FEWEST_PRESENT} samples, but there are {len(X)}; add labels")
        fitted = [
            HistGradientBoostingClassifier(
                learning_rate=0.06,
                max_leaf_nodes=_LEAVES,
                l2_regularization=5.0,
                max_features=0.5,
                validation_fraction=0.15,
                random_state=self.seed + n,
                **size,
            ).fit(X[:, self.kept_], y)
            for n in range(_BOOSTED)
        ]
        self.trees_ = [_trees(model) for model in fitted]
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Shape (samples, 2): probabilities of staying and churning."""
        return _both_sides(np.mean([expit(_walked(trees, X[:, self.kept_])) for trees in self.trees_], axis=0))


def _trees(fitted: Any) -> State:
    """All trees of a boosted model as one table of nodes. The children of a leaf are the leaf itself."""
    trees = [tree.nodes for [tree] in fitted._predictors]
    starts = np.cumsum([0, *map(len, trees)])[:-1]
    nodes = np.concatenate(trees)
    offsets, own = np.repeat(starts, [len(tree) for tree in trees]), np.arange(len(nodes))
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "base": float(fitted._baseline_prediction.item()),
        "roots": starts,
        "left": np.where(leaf, own, nodes["left"] + offsets).astype(np.int64),
        "right": np.where(leaf, own, nodes["right"] + offsets).astype(np.int64),
        "column": np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
        "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
        "missing_left": nodes["missing_go_to_left"].astype(bool),
        "value": np.where(leaf, nodes["value"], 0.0),
    }


def _walked(trees: State, X: Any) -> Scores:  # noqa: N803
    """Log-odds of samples, by a walk through all trees at once with as many steps as the greatest possible depth."""
    log_odds: list[Scores] = [np.zeros(0)]
    for begin in range(0, len(X), _TOGETHER):
        rows = np.arange(min(_TOGETHER, len(X) - begin))[:, None]
        at = np.broadcast_to(trees["roots"], (len(rows), len(trees["roots"])))
        for _ in range(_LEAVES - 1):
            values = X[begin : begin + _TOGETHER][rows, trees["column"][at]]
            go_left = np.where(np.isnan(values), trees["missing_left"][at], values <= trees["threshold"][at])
            at = np.where(go_left, trees["left"][at], trees["right"][at])
        log_odds.append(trees["base"] + trees["value"][at].sum(axis=1))
    return np.concatenate(log_odds)


class Columns(TransformerMixin, BaseEstimator):
    """Numbers and attributes as a table. An absent number is missing, not 0.

    Attributes with very many values, such as names, are left out.
    """

    def __init__(self, rows: Callable[[Examples], Sequence[dict[str, Any]]]) -> None:
        self.rows = rows

    def fit(self, examples: Examples, labels: Any = None) -> "Columns":
        """Learns the columns of the table and which attributes have too many values."""
        rows = self.rows(examples)
        values: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            for name, value in row.items():
                if isinstance(value, str):
                    values[name].add(value)
        self.left_out_ = frozenset(name for name, distinct in values.items() if len(distinct) > _MOST_VALUES)
        self.vectorizer_ = DictVectorizer(sparse=False).fit(self._kept(rows))
        names = self.vectorizer_.get_feature_names_out()
        self.numeric_ = {name: i for i, name in enumerate(names) if name not in values and "=" not in name}
        return self

    def state(self) -> State:
        """The learned state, as data."""
        return {
            "left_out": sorted(self.left_out_),
            "columns": state_of(self.vectorizer_),
            "numeric": {"names": list(self.numeric_), "columns": list(self.numeric_.values())},
        }

    def restore(self, state: State) -> None:
        """Takes over a state that `state` returned."""
        self.left_out_ = frozenset(state["left_out"])
        self.vectorizer_ = restore(DictVectorizer(sparse=False), state["columns"])
        self.numeric_ = dict(zip(state["numeric"]["names"], state["numeric"]["columns"], strict=True))

    def transform(self, examples: Examples) -> Any:
        """The table, shape (samples, columns), with NaN for absent numbers."""
        rows = self._kept(self.rows(examples))
        table: Any = self.vectorizer_.transform(rows)
        for i, row in enumerate(rows):
            table[i, [column for name, column in self.numeric_.items() if name not in row]] = np.nan
        return table

    def _kept(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if name not in self.left_out_} for row in rows]


def _both_sides(scores: Scores) -> Any:
    return np.column_stack([1 - scores, scores])
