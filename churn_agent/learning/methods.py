"""Methods that learn from labels: classic ones, which a language model has to beat, and methods on its readings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, cast

import numpy as np
from scipy.special import expit, logit
from sklearn.feature_extraction.text import TfidfVectorizer  # pyright: ignore[reportMissingTypeStubs]
from sklearn.impute import SimpleImputer  # pyright: ignore[reportMissingTypeStubs]
from sklearn.linear_model import LogisticRegression  # pyright: ignore[reportMissingTypeStubs]
from sklearn.model_selection import StratifiedGroupKFold  # pyright: ignore[reportMissingTypeStubs]
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from sklearn.preprocessing import FunctionTransformer, StandardScaler  # pyright: ignore[reportMissingTypeStubs]

from churn_agent.errors import DataError
from churn_agent.learning.encoder import FineTunedEncoder
from churn_agent.learning.estimators import (
    BaseRate,
    BgNbd,
    Boosting,
    Columns,
    Neighbours,
    PenalisedLogistic,
    Rule,
    ShrunkLogistic,
)
from churn_agent.learning.examples import Examples, Scores

Folds = Sequence[tuple[Any, Any]]
"""(Rows to learn from, rows to predict)."""
FOLDS = 5
_FEWEST_FOLDS = 2
SLOPE, SLOPE_ERROR = 0.5, 0.25
"""Prior of the slope that calibrates a raw score; raw scores are overconfident."""
LEAST_SLOPE = 0.05
"""Smallest slope of a calibrated score: few labels can flatten a score, but not reverse it."""
_REPEATED = 0.3
"""Share of customers who must have come back before BG/NBD is used."""
Need = Literal["vectors", "encoder", "readings"]
Estimator = Any
"""Has scikit-learn's interface, on `Examples`: `fit(examples, labels)`, `predict_proba(examples)`."""


@dataclass(frozen=True)
class Method:
    """A classic method."""

    name: str
    says: str
    """A description in a few words."""
    make: Callable[[int], Estimator]
    """Returns an unfitted estimator for a seed."""
    cross_fit: bool = True
    """Whether it learns from outcomes, so that a sample must be predicted by a model that has not seen it."""
    needs: tuple[Need, ...] = ()
    """The parts of examples that are slow to compute and that this method needs."""
    lacks: Callable[[Examples], str | None] = lambda examples: None
    """Returns what examples lack for this method, or None."""

    classic: bool = True
    """Whether it is a baseline that a language model has to beat. Other methods use readings or combine several."""

    @property
    def reads(self) -> bool:
        """Whether it learns from a language model's readings, so that it cannot be a baseline for one."""
        return "readings" in self.needs


# --- inputs


def _recency(examples: Examples) -> Scores:
    return 1 - 1 / (1 + examples.fact("recency", 1e4) / 30)


def _recency_and_frequency(examples: Examples) -> Scores:
    active = np.maximum(examples.fact("active_days", 1.0), 1.0)
    return 1 / (1 + active / (1 + examples.fact("recency", 1e4)))


def _facts_score(examples: Examples) -> Scores:
    return expit(examples.facts_score)


def _rfm(examples: Examples) -> Any:
    columns = ("recency", "active_days", "interactions", "amount_total")
    return np.column_stack([np.log1p(np.abs(examples.fact(name))) for name in columns])


def _recency_and_frequency_log_odds(examples: Examples) -> Any:
    return logit(_recency_and_frequency(examples))[:, None]


def uncalibrated(examples: Examples) -> Any:
    """Log-odds of the score as it is, shape (samples, 1)."""
    return np.array([row["score"] for row in _readings(examples)])[:, None]


def _signed_log(values: Any) -> Any:
    return np.sign(values) * np.log1p(np.abs(values))


def _texts(examples: Examples) -> list[str]:
    return list(examples.texts)


def _vectors(examples: Examples) -> Any:
    if examples.vectors is None:
        raise ValueError("the examples have no vectors")
    return examples.vectors


def _table(examples: Examples) -> list[dict[str, Any]]:
    return [{**numbers, **rest} for numbers, rest in zip(examples.numbers, examples.attributes, strict=True)]


def _readings(examples: Examples) -> list[dict[str, Any]]:
    if examples.readings is None:
        raise ValueError("the examples have no readings")
    return [dict(row) for row in examples.readings]


def _signals(examples: Examples) -> list[dict[str, float]]:
    """The readings without the score, because the score also includes facts."""
    return [{name: value for name, value in row.items() if name != "score"} for row in _readings(examples)]


def _table_and_readings(examples: Examples) -> list[dict[str, Any]]:
    return [{**table, **readings} for table, readings in zip(_table(examples), _readings(examples), strict=True)]


# --- missing inputs


def _lacks_repetition(examples: Examples) -> str | None:
    if find_spec("lifetimes") is None:
        return "lifetimes is not installed; run: pip install 'churn-agent[evals]'"
    repeated = np.mean([len(days) > 1 for days in examples.active_days])
    return None if repeated >= _REPEATED else "too few customers were active on more than one day"


def _lacks_words(examples: Examples) -> str | None:
    return None if any(text.strip() for text in examples.texts) else "no customer wrote anything"


def _lacks_readings(examples: Examples) -> str | None:
    alike = len({tuple(sorted(row.items())) for row in _signals(examples)}) < 2
    return "the readings are the same for all samples" if alike else None


def _lacks_vectors(examples: Examples) -> str | None:
    wrote = examples.vectors is not None and bool(examples.vectors.any())
    return None if wrote else "there are no messages to embed"


# --- the methods


def _over(columns: Callable[[Examples], Any], *steps: Any) -> Pipeline:
    return make_pipeline(FunctionTransformer(columns), *steps)


def _make_tfidf(seed: int) -> Estimator:
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=50_000)
    letters = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), min_df=2, max_features=50_000)
    both = FeatureUnion([("words", words), ("letters", letters)])
    return _over(_texts, both, LogisticRegression(C=3.0, max_iter=1000))


def _make_boosting_with_vectors(seed: int) -> Estimator:
    both = FeatureUnion([("table", Columns(_table)), ("vectors", FunctionTransformer(_vectors))])
    return make_pipeline(both, Boosting(seed))


def _logistic(rows: Callable[[Examples], Sequence[dict[str, Any]]]) -> Estimator:
    return make_pipeline(
        Columns(rows),
        SimpleImputer(strategy="median", keep_empty_features=True),
        FunctionTransformer(_signed_log),
        StandardScaler(),
        PenalisedLogistic(),
    )


METHODS = {
    method.name: method
    for method in (
        # Not cross-fitted: the folds' base rates would rank samples in the reverse order of their outcomes.
        Method("prior", "the base rate for every customer", lambda seed: BaseRate(), cross_fit=False),
        Method("recency", "days since the last activity", lambda seed: Rule(_recency), cross_fit=False),
        Method(
            "recency_frequency",
            "log1p(recency) - log(active days)",
            lambda seed: Rule(_recency_and_frequency),
            cross_fit=False,
        ),
        Method(
            "facts_score",
            "the weights of the score on facts only, without messages",
            lambda seed: Rule(_facts_score),
            cross_fit=False,
            classic=False,
        ),
        Method(
            "bg_nbd",
            "BG/NBD: the probability that a customer's activity has ended for good",
            lambda seed: BgNbd(),
            cross_fit=False,
            lacks=_lacks_repetition,
        ),
        Method(
            "rfm",
            "logistic regression on recency, frequency, amounts",
            lambda seed: _over(_rfm, StandardScaler(), LogisticRegression(max_iter=1000)),
        ),
        Method("tfidf", "logistic regression on TF-IDF of words and letters", _make_tfidf, lacks=_lacks_words),
        Method(
            "embedding",
            "logistic regression on the mean embedding",
            lambda seed: _over(_vectors, StandardScaler(), LogisticRegression(C=0.02, max_iter=2000)),
            needs=("vectors",),
            lacks=_lacks_vectors,
        ),
        Method(
            "neighbours",
            "outcomes of the customers whose messages are nearest in meaning",
            lambda seed: _over(_vectors, Neighbours()),
            needs=("vectors",),
            lacks=_lacks_vectors,
        ),
        Method(
            "boosting",
            "gradient boosting on facts, counts and attributes",
            lambda seed: make_pipeline(Columns(_table), Boosting(seed)),
        ),
        Method(
            "boosting_embedding",
            "gradient boosting on facts, counts, attributes and the mean embedding",
            _make_boosting_with_vectors,
            needs=("vectors",),
            lacks=_lacks_vectors,
        ),
        Method(
            "encoder",
            "a BERT encoder fine-tuned on messages",
            lambda seed: FineTunedEncoder(seed=seed),
            needs=("encoder",),
            lacks=_lacks_words,
        ),
        Method(
            "readings",
            "logistic regression on a language model's readings",
            lambda seed: make_pipeline(Columns(_readings), StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)),
            needs=("readings",),
            lacks=_lacks_readings,
            classic=False,
        ),
        Method(
            "platt",
            "the score, calibrated to a probability",
            lambda seed: _over(uncalibrated, ShrunkLogistic(SLOPE, SLOPE_ERROR, LEAST_SLOPE)),
            needs=("readings",),
            classic=False,
        ),
        Method(
            "platt_recency_frequency",
            "the same with log1p(recency) - log(active days)",
            lambda seed: _over(_recency_and_frequency_log_odds, ShrunkLogistic(SLOPE, SLOPE_ERROR, LEAST_SLOPE)),
            classic=False,
        ),
        Method("logistic", "logistic regression on facts, counts and attributes", lambda seed: _logistic(_table)),
        Method(
            "logistic_readings",
            "logistic regression on facts, counts, attributes and readings",
            lambda seed: _logistic(_table_and_readings),
            needs=("readings",),
            lacks=_lacks_readings,
            classic=False,
        ),
        Method(
            "boosting_readings",
            "gradient boosting on facts, counts, attributes and readings",
            lambda seed: make_pipeline(Columns(_table_and_readings), Boosting(seed)),
            needs=("readings",),
            lacks=_lacks_readings,
            classic=False,
        ),
    )
}


def needs_of(methods: Iterable[Method]) -> frozenset[Need]:
    """Everything that at least one of the methods needs."""
    return frozenset(need for method in methods for need in method.needs)


def score(estimator: Estimator, examples: Examples) -> Scores:
    """Probability of churn by a fitted estimator, shape (samples,)."""
    known = list(estimator.classes_)
    probabilities = estimator.predict_proba(examples)
    return probabilities[:, known.index(True)] if True in known else np.zeros(len(examples))


def cross_fitted(method: Method, examples: Examples, *, seed: int = 0, folds: Folds | None = None) -> Scores:
    """Scores of all examples, each by a model that has seen neither its customer nor its words.

    Args:
        method: the method to train in each fold.
        examples: samples with labels.
        seed: of folds and estimators.
        folds: the result of `folds_of` for this seed, if already computed.

    Returns:
        Shape (samples,); the same folds for every method and seed.
    """
    if not method.cross_fit:
        return score(method.make(seed).fit(examples, examples.labels), examples)
    scores = np.full(len(examples), np.nan)
    for train, test in folds or folds_of(examples, seed=seed):
        known = examples.take(train)
        one_outcome = known.labels.all() or not known.labels.any()
        fitted = (METHODS["prior"] if one_outcome else method).make(seed).fit(known, known.labels)
        scores[test] = score(fitted, examples.take(test))
    return scores


def folds_of(examples: Examples, *, seed: int = 0) -> Folds:
    """Folds stratified by outcome, which never divide a group.

    There are fewer than `FOLDS` if there are fewer groups or fewer samples of an outcome.

    Raises:
        DataError: fewer than two folds are possible.
    """
    churned = int(examples.labels.sum())
    most = min(FOLDS, churned, len(examples) - churned, len(np.unique(examples.groups)))
    if most < _FEWEST_FOLDS:
        raise DataError(
            f"classic methods cannot be trained on {len(examples)} samples, {churned} churned, of "
            f"{len(np.unique(examples.groups))} customers with different texts; use more samples"
        )
    splitter = cast("Any", StratifiedGroupKFold(most, shuffle=True, random_state=seed))
    return list(splitter.split(np.zeros(len(examples)), examples.labels, examples.groups))
