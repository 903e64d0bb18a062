"""Fits the combiner of both readers, on messages that the second reader was not trained on.

A logistic regression on the log-odds of both gives the probability of a signal; each signal has its own bias,
shrunk to none. What is shown is chosen for precision: the lowest probability at or above which at least
`LEAST_PRECISION` of the signals are right, and more of them in a history of many messages. Figures are cross-fitted:
combiners fitted on one half of the messages are measured on the other.
"""
# scikit-learn has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from churn_agent.assessing.pipeline import BATCH
from churn_agent.content.prompts import PromptTemplate, shipped_fits
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Combiner, Figures, Fit, SetUsed, Thresholds
from churn_agent.elicitation.confirm import ANY_COMPANY, Reading
from churn_agent.elicitation.read_twice import Answers, ask_both, leaning_of, leaving_odds, most, probability
from churn_agent.elicitation.second_reader.messages import GoldMessage, load
from churn_agent.elicitation.second_reader.reading import SecondReader
from churn_agent.errors import DataError
from churn_agent.evals.checks.fitting import CORRECTIONS, Progress, boundary, fit_of
from churn_agent.evals.sets.labelled import shipped_folder
from churn_agent.measuring import metrics
from churn_agent.models.base import ChatModel
from churn_agent.scoring.prior import log_odds

MESSAGES = "held_out.jsonl"
"""Shipped messages, in random order, that the second reader was not trained on."""
SAMPLE = 400
"""Number of them that are used."""
LEAST_PRECISION, LEAST_PRECISION_AMONG_MANY = 0.75, 0.8
"""Of the signals of a message that stands alone, and of those of a message among others. The writers of these messages
looked for near misses; on public messages the precision is higher."""
LEAST_SHARE = 0.1
"""Share of the proposals that are right which must be shown at that precision; otherwise it does not count."""
PROPOSED = 0.08
"""Least probability of a proposal, also while fitting."""
LOST = 0.02
"""Share of the gold signals that may be lost in messages about which the model is not asked."""
_SILENT = (0.01, 0.015, 0.02, 0.025, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2)
_STAYING = 0.05
"""Share of the messages that read like staying."""
_SHRUNK = 0.3
"""Scale of the biases of single signals; the smaller, the more they are shrunk."""


def sample() -> list[GoldMessage]:
    """The messages that combiners are fitted on; the same for all models."""
    return list(islice(load(shipped_folder() / "datasets" / MESSAGES), SAMPLE))


@dataclass(frozen=True)
class Example:
    """A message, what people say of it, and what both readers say."""

    message: GoldMessage
    answers: Answers
    proposals: frozenset[str]

    @property
    def signals(self) -> frozenset[str]:
        """Ids of the gold signals."""
        return frozenset(signal.id for signal in self.message.signals)

    @property
    def judged(self) -> frozenset[str]:
        """Those of the proposals that people were asked about."""
        return self.proposals if self.message.judged is None else self.proposals.intersection(self.message.judged)


def fit_prompt(
    model: ChatModel,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    messages: Sequence[GoldMessage],
    second: SecondReader,
    *,
    progress: Progress = lambda done, total: None,
) -> Fit:
    """Measures thresholds of a prompt with the second reader for a model.

    Args:
        model: is asked about each message once.
        prompt: one that uses the second reader.
        taxonomy: whose signals are read.
        messages: see `sample`.
        second: the second reader.
        progress: called as messages are read.

    Raises:
        DataError: the model's answers to most messages cannot be used.
    """
    seen = examples(messages, model, prompt, taxonomy, second, progress=progress)
    thresholds, figures = fit(seen, shipped_fits()[0].values, second)
    of_people = sum(example.message.judged is not None for example in seen)
    sets = [SetUsed(name="held_out", n=len(seen) - of_people)]
    sets += [SetUsed(name=CORRECTIONS, n=of_people)] if of_people else []
    return fit_of(model, prompt, tuple(sets), thresholds, figures)


def reading_of(message: GoldMessage) -> Reading:
    """A message as both readers take it."""
    return Reading(message.company or ANY_COMPANY, message.text, frozenset(message.others))


def examples(
    messages: Sequence[GoldMessage],
    model: ChatModel,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    second: SecondReader,
    *,
    progress: Progress = lambda done, total: None,
) -> list[Example]:
    """Asks both readers about messages. Raises `DataError` if most answers of the model cannot be used."""
    examples_read: list[Example] = []
    failed = 0
    for batch in chunked(messages, BATCH):
        readings = {i: reading_of(message) for i, message in enumerate(batch)}
        answers = ask_both(readings, model, prompt, taxonomy, second, proposed=PROPOSED, silent=0.0)
        for i, reading in readings.items():
            if reading.failure:
                failed += 1
            else:
                examples_read.append(Example(batch[i], answers[i], frozenset(reading.proposals)))
        progress(len(examples_read) + failed, len(messages))
    if failed > len(messages) / 2:
        raise DataError(f"most answers of {model.info.id} are unusable; nothing was fitted")
    return examples_read


def fit(seen: Sequence[Example], start: Thresholds, second: SecondReader) -> tuple[Thresholds, Figures]:
    """Thresholds with a combiner, and what such thresholds give on messages that they were not fitted on.

    Args:
        seen: at least some dozens of messages, with and without signals.
        start: the values of thresholds that prompts with a second reader do not use.
        second: the second reader that was asked.
    """
    halves = [[example for n, example in enumerate(seen) if n % 2 == half] for half in range(2)]
    # Cross-fitted: the probability of each proposal by the combiner of the other half.
    likely = [probabilities(some, _weights(other, second)) for some, other in (halves, halves[::-1])]
    pairs = [
        (value, id_ in example.signals)
        for half, some in enumerate(halves)
        for example, values in zip(some, likely[half], strict=True)
        for id_, value in values.items()
        if id_ in example.judged
    ]
    shown = _shown(pairs, LEAST_PRECISION)
    among_many = max(shown, _shown(pairs, LEAST_PRECISION_AMONG_MANY))
    wanted = sum(len(example.signals) for example in seen)
    right, named = sum(yes for value, yes in pairs if value >= shown), sum(value >= shown for value, _ in pairs)
    precision, recall = right / max(1, named), right / max(1, wanted)
    combiner = _weights(seen, second).model_copy(
        update={"shown": shown, "shown_among_many": among_many, "silent": _silent(seen)}
    )
    in_full = _with_leaning(seen)
    leanings = np.array([_leaning(example, combiner) for example in in_full])
    leaves = np.array([example.message.leaves for example in in_full])
    neutral = float(
        np.median([leaning for leaning, example in zip(leanings, in_full, strict=True) if not example.signals])
    )
    leaving = max(neutral + 0.1, boundary(leanings, leaves))
    # The weights of the score are made for the scale of the default prompt.
    scale = (start.leaving_leaning - start.neutral_leaning) / (leaving - neutral)
    thresholds = start.model_copy(
        update={
            "combiner": combiner.model_copy(
                update={
                    "leaning_second": round(scale * combiner.leaning_second, 4),
                    "leaning_model": round(scale * combiner.leaning_model, 4),
                    "leaning_bias": round(start.neutral_leaning + scale * (combiner.leaning_bias - neutral), 4),
                }
            ),
            "staying_leaning": round(
                start.neutral_leaning + scale * (min(neutral, float(np.quantile(leanings, _STAYING))) - neutral), 3
            ),
        }
    )
    figures = Figures(
        precision=round(precision, 3),
        recall=round(recall, 3),
        f1=round(2 * precision * recall / max(1e-9, precision + recall), 3),
        auroc_of_leaving=round(float(metrics.auroc(leaves, leanings).value), 3),
    )
    return thresholds, figures


def probabilities(seen: Sequence[Example], combiner: Combiner) -> list[Mapping[str, float]]:
    """For each message the combined probability of each proposal."""
    return [{id_: probability(id_, example.answers, combiner) for id_ in example.proposals} for example in seen]


def _weights(seen: Sequence[Example], second: SecondReader) -> Combiner:
    ids = sorted({id_ for example in seen for id_ in example.judged})
    rows = [(example, id_) for example in seen for id_ in sorted(example.judged)]
    in_full = _with_leaning(seen)
    odds = np.array(
        [[log_odds(example.answers.second.signals[id_]), example.answers.odds[id_]] for example, id_ in rows]
    )
    which = np.array([[_SHRUNK * (id_ == other) for other in ids] for _, id_ in rows])
    right = np.array([id_ in example.signals for example, id_ in rows])
    of_signals = _regression(np.hstack([odds, which]), right)
    leanings = np.array(
        [[leaving_odds(example.answers.second), leaning_of(example.answers.odds)] for example in in_full]
    )
    of_leaning = _regression(leanings, np.array([example.message.leaves for example in in_full]))
    return Combiner(
        reader=second.id,
        proposed=PROPOSED,
        silent=0.0,
        shown=0.5,
        shown_among_many=0.5,
        second=of_signals[1],
        model=of_signals[2],
        bias=of_signals[0],
        biases={id_: round(_SHRUNK * weight, 3) for id_, weight in zip(ids, of_signals[3:], strict=True)},
        leaning_second=of_leaning[1],
        leaning_model=of_leaning[2],
        leaning_bias=of_leaning[0],
    )


def _with_leaning(seen: Sequence[Example]) -> list[Example]:
    """The messages whose leaning people judged."""
    return [example for example in seen if example.message.leaning]


def _regression(features: NDArray[np.float64], wanted: NDArray[np.bool_]) -> list[float]:
    """Intercept and weights."""
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(features, wanted)
    return [round(float(value), 3) for value in (*fitted.intercept_, *fitted.coef_[0])]


def _shown(pairs: Sequence[tuple[float, bool]], least: float) -> float:
    """The lowest probability at or above which signals are right often enough; without one, that with the best F1."""
    values = np.array([value for value, _ in pairs])
    right = np.array([yes for _, yes in pairs])
    order = np.argsort(-values)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero((precision >= least) & (np.cumsum(right[order]) >= LEAST_SHARE * right.sum()))
    if not len(reached):
        f1 = 2 * np.cumsum(right[order]) / (np.arange(1, len(order) + 1) + right.sum())
        reached = np.array([f1.argmax()])
    return round(float(values[order][reached[-1]]), 3)


def _silent(seen: Sequence[Example]) -> float:
    """The greatest limit at which few gold signals are lost."""
    wanted = sum(len(example.signals) for example in seen)
    kept = [
        limit
        for limit in _SILENT
        if sum(len(example.signals) for example in seen if most(example.answers.second) < limit) <= LOST * wanted
    ]
    return max(kept, default=0.0)


def _leaning(example: Example, combiner: Combiner) -> float:
    return combiner.leaning(leaving_odds(example.answers.second), leaning_of(example.answers.odds))
