"""The classic methods that a language model has to beat, each learned on some examples and asked about others."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from churn_agent.errors import DataError
from churn_agent.evals.encoder import fine_tune
from churn_agent.evals.examples import Examples
from churn_agent.evals.metrics import Scores
from churn_agent.scoring.prior import sigmoid

FOLDS = 5
_FEWEST_FOLDS = 2
_PENALTY = 0.01
"""On the parameters of BG/NBD, so that the fit converges."""
_REPEATED = 0.3
"""Share of customers who must have come back for BG/NBD to say anything."""
Learn = Callable[[Examples, int], Callable[[Examples], Scores]]
"""Given examples to learn from and a seed, gives what scores others, 0 to 1."""


@dataclass(frozen=True)
class Method:
    """A classic method."""

    name: str
    says: str
    """What it is, in a few words."""
    learn: Learn
    cross_fit: bool = True
    """Whether it learns outcomes that it must not have seen of those whom it is asked about."""
    needs: tuple[Literal["vectors", "encoder"], ...] = ()
    """Of examples, what takes time to make."""
    lacks: Callable[[Examples], str | None] = lambda examples: None
    """Says what examples lack for it to be used; None if nothing."""


def _prior(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    base_rate = float(examples.labels.mean())
    return lambda others: np.full(len(others), base_rate)


def _recency(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    return lambda others: 1 - 1 / (1 + others.fact("recency", 1e4) / 30)


def _recency_and_frequency(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    def score(others: Examples) -> Scores:
        active = np.maximum(others.fact("active_days", 1.0), 1.0)
        return np.array([sigmoid(x) for x in np.log1p(others.fact("recency", 1e4)) - np.log(active)])

    return score


def _bg_nbd(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    """One less the probability to be alive (Fader, Hardie & Lee 2005); knows dates of activity and no outcomes."""
    from lifetimes import BetaGeoFitter  # type: ignore[import-untyped]

    def see(some: Examples) -> list[Scores]:
        days = [each or [0] for each in some.active_days]
        frequency = [len(each) - 1 for each in days]
        recency = [each[0] - each[-1] for each in days]
        return [np.array(column, dtype=float) for column in (frequency, recency, [each[0] for each in days])]

    fitter = BetaGeoFitter(penalizer_coef=_PENALTY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, which has changed since the library was written
        frequency, recency, age = see(examples)
        fitter.fit(frequency, recency, age)
    return lambda others: np.clip(1 - np.asarray(fitter.conditional_probability_alive(*see(others))), 0, 1)


def _lacks_repetition(examples: Examples) -> str | None:
    if find_spec("lifetimes") is None:
        return "lifetimes is not installed; run: pip install 'churn-agent[eval]'"
    repeated = np.mean([len(days) > 1 for days in examples.active_days])
    return None if repeated >= _REPEATED else "too few customers were active on more than one day"


def _lacks_words(examples: Examples) -> str | None:
    return None if any(examples.texts) else "nobody wrote anything"


def _lacks_vectors(examples: Examples) -> str | None:
    return None if examples.vectors is not None else "there are no messages to embed"


def _rfm(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    def see(some: Examples) -> Scores:
        columns = ("recency", "active_days", "interactions", "amount_total")
        return np.column_stack([np.log1p(np.abs(some.fact(name))) for name in columns])

    return _fitted(make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)), see, examples)


def _tfidf(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=50_000)
    letters = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), min_df=2, max_features=50_000)
    both = FeatureUnion([("words", words), ("letters", letters)])
    regression = LogisticRegression(C=3.0, max_iter=1000)
    return _fitted(make_pipeline(both, regression), lambda some: list(some.texts), examples)


def _embedding(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    estimator = make_pipeline(StandardScaler(), LogisticRegression(C=0.02, max_iter=2000))
    return _fitted(estimator, _vectors, examples)


def _boosting(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    return _boosted(examples, seed, with_vectors=False)


def _boosting_with_vectors(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    return _boosted(examples, seed, with_vectors=True)


def _boosted(examples: Examples, seed: int, *, with_vectors: bool) -> Callable[[Examples], Scores]:
    columns = DictVectorizer(sparse=False, sort=True)
    columns.fit([_row(examples, i) for i in range(len(examples))])
    known = np.array(columns.get_feature_names_out())
    numeric = np.array(["=" not in name for name in known])

    def see(some: Examples) -> Scores:
        rows = [_row(some, i) for i in range(len(some))]
        table: Any = columns.transform(rows)
        for i, row in enumerate(rows):  # a number that is not there is missing, not 0
            missing = numeric & ~np.isin(known, list(row))
            table[i, missing] = np.nan
        return np.hstack([table, _vectors(some)]) if with_vectors else table

    leaf = max(5, min(20, len(examples) // 20))
    estimator = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=leaf, l2_regularization=1.0,
        random_state=seed,
    )  # fmt: skip
    return _fitted(estimator, see, examples)


def _encoder(examples: Examples, seed: int) -> Callable[[Examples], Scores]:
    if examples.encoder is None:
        raise ValueError("the examples name no weights of an encoder")
    score = fine_tune(examples.encoder, examples.texts, examples.labels, seed)
    return lambda others: score(others.texts)


def _row(examples: Examples, i: int) -> dict[str, Any]:
    return {**examples.numbers[i], **examples.attributes[i]}


def _vectors(examples: Examples) -> Any:
    if examples.vectors is None:
        raise ValueError("the examples have no vectors")
    return examples.vectors


def _fitted(
    estimator: BaseEstimator, see: Callable[[Examples], Any], examples: Examples
) -> Callable[[Examples], Scores]:
    estimator.fit(see(examples), examples.labels)  # type: ignore[attr-defined]
    return lambda others: estimator.predict_proba(see(others))[:, 1]  # type: ignore[attr-defined]


METHODS = {
    method.name: method
    for method in (
        # Not cross-fitted: base rates of folds would rank samples against their outcomes.
        Method("prior", "the base rate for everybody", _prior, cross_fit=False),
        Method("recency", "days since the last activity", _recency, cross_fit=False),
        Method(
            "recency_frequency",
            "log1p(recency) - log(active days)",
            _recency_and_frequency,
            cross_fit=False,
        ),
        Method(
            "bg_nbd",
            "BG/NBD: the chance that dates of activity have ended for good",
            _bg_nbd,
            cross_fit=False,
            lacks=_lacks_repetition,
        ),
        Method("rfm", "logistic regression on recency, frequency, amounts", _rfm),
        Method("tfidf", "logistic regression on TF-IDF of words and letters", _tfidf, lacks=_lacks_words),
        Method(
            "embedding",
            "logistic regression on the mean embedding",
            _embedding,
            needs=("vectors",),
            lacks=_lacks_vectors,
        ),
        Method("boosting", "gradient boosting on facts, counts and attributes", _boosting),
        Method(
            "boosting_embedding",
            "gradient boosting on all that and the mean embedding",
            _boosting_with_vectors,
            needs=("vectors",),
            lacks=_lacks_vectors,
        ),
        Method(
            "encoder", "a BERT encoder fine-tuned on what was written", _encoder, needs=("encoder",), lacks=_lacks_words
        ),
    )
}


def cross_fitted(method: Method, examples: Examples, *, seed: int = 0, folds: int = FOLDS) -> Scores:
    """Scores of all examples, each by a model that saw neither its customer nor its words.

    Returns:
        Shape (samples,); the same folds for every method and seed.
    """
    if not method.cross_fit:
        return method.learn(examples, seed)(examples)
    scores = np.full(len(examples), np.nan)
    for train, test in folds_of(examples, folds=folds, seed=seed):
        known = examples.take(train)
        one_outcome = known.labels.all() or not known.labels.any()
        learn = _prior if one_outcome else method.learn
        scores[test] = learn(known, seed)(examples.take(test))
    return scores


def folds_of(examples: Examples, *, folds: int = FOLDS, seed: int = 0) -> Sequence[tuple[Any, Any]]:
    """(Rows to learn from, rows to be asked about), stratified by outcome, whole groups.

    There are fewer folds if there are fewer groups, or samples of an outcome.

    Raises:
        DataError: there are not two.
    """
    churned = int(examples.labels.sum())
    most = min(folds, churned, len(examples) - churned, len(np.unique(examples.groups)))
    if most < _FEWEST_FOLDS:
        raise DataError(
            f"classic methods cannot be learned from {len(examples)} samples, {churned} churned, of "
            f"{len(np.unique(examples.groups))} customers with words of their own; take more samples"
        )
    splitter = StratifiedGroupKFold(most, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(examples)), examples.labels, examples.groups))
