"""Finds columns that tell an outcome too well. They were probably written when it was known."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from churn_agent.learning.examples import Examples
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Scores

TELLING_AUROC = 0.98
"""AUROC of a single column from which it is named."""
SUSPICIOUS_AUROC = 0.99
"""AUROC of a method on held-out customers from which a warning is given."""
_FEWEST = 5
"""Labels of each outcome, without which a column may tell them by chance."""
_FOLDS = 5
_OUTCOME = re.compile(
    r"churn|attrition|cancel|terminat|unsubscrib|(?:^|[^a-z])(?:left|lost|exited)(?:[^a-z]|$)", re.IGNORECASE
)


def telling(examples: Examples) -> list[str]:
    """Returns the columns that tell the outcome alone, sorted: attributes, and aggregates that are not facts.

    Each column is tried as numbers (in either direction, and with missing values at either end) or as words (by the
    share that churned among the other customers with that word). The agent's own facts are left out: they are computed
    from what happened before the date.
    """
    labels = examples.labels
    if min(labels.sum(), (~labels).sum()) < _FEWEST:
        return []
    facts = {name for row in examples.facts for name in row}
    columns: dict[str, list[Scores]] = {}
    for name in sorted({name for row in examples.numbers for name in row} - facts):
        values = np.array([row.get(name, np.nan) for row in examples.numbers], dtype=float)
        columns.setdefault(name, []).extend(_as_numbers(values))
    for name in sorted({name for row in examples.attributes for name in row}):
        words = [row.get(name) for row in examples.attributes]
        columns.setdefault(f"attribute {name}", []).append(_as_words(words, examples))
    return sorted(name for name, scores in columns.items() if any(_tells(examples, score) for score in scores))


def named_like_an_outcome(examples: Examples) -> list[str]:
    """Returns the attributes whose names suggest that they record the outcome (`churn_value`), sorted."""
    names = {
        name.removeprefix("attribute ") for row in examples.numbers for name in row if name.startswith("attribute ")
    }
    names |= {name for row in examples.attributes for name in row}
    return sorted(f"attribute {name}" for name in names if _OUTCOME.search(name))


def _tells(examples: Examples, score: Scores) -> bool:
    area = metrics.auroc(examples.labels, score, examples.groups).value
    return max(area, 1 - area) >= TELLING_AUROC


def _as_numbers(values: Scores) -> list[Scores]:
    missing = np.isnan(values)
    if missing.all():
        return []
    low, high = np.nanmin(values) - 1, np.nanmax(values) + 1
    return [np.where(missing, end, values) for end in ((low, high) if missing.any() else (low,))]


def _as_words(words: Sequence[str | None], examples: Examples) -> Scores:
    """The share that churned among the samples of other folds with the same word; groups are in one fold."""
    folds: NDArray[np.intp] = examples.groups % _FOLDS
    scores = np.empty(len(words))
    for fold in range(_FOLDS):
        others = np.flatnonzero(folds != fold)
        churned: dict[str | None, list[bool]] = {}
        for i in others:
            churned.setdefault(words[int(i)], []).append(bool(examples.labels[i]))
        rate = float(examples.labels[others].mean()) if len(others) else 0.5
        for i in np.flatnonzero(folds == fold):
            of_word = churned.get(words[int(i)])
            scores[i] = rate if of_word is None else np.mean(of_word)
    return scores
