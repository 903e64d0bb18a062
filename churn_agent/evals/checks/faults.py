"""What can be wrong with a labelled set, one function for each fault. `doctor` puts them together."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from scipy import stats

from churn_agent.domain.snapshot import Snapshot
from churn_agent.errors import DataError
from churn_agent.evals.sets import labelled as sets
from churn_agent.evals.sets.labelled import LabelledSet
from churn_agent.learning.examples import prepare
from churn_agent.learning.methods import METHODS, cross_fitted
from churn_agent.measuring import metrics
from churn_agent.measuring.comparing import DETECTED
from churn_agent.measuring.metrics import Labels
from churn_agent.models.base import ChatModel, Message, Question, ScoreRequest
from churn_agent.outcomes.samples import Sample

_OUTCOME = re.compile(
    r"\b(churned|(account|contract|subscription|membership|card|line) (was |has been |is )?"
    r"(closed|cancell?ed|terminated|deactivated|ended)|"
    r"(konto|vertrag|abo|karte)\w* (wurde |ist )?(geschlossen|gekündigt|beendet|aufgelöst))\b",
    re.IGNORECASE,
)
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_SURE = 1e-3
"""p-values below it count as shown."""
_FEWEST_WORDS = 6
"""Shorter texts are alike by chance."""
_LARGE = 0.15
"""Difference of AUROCs that any set should show."""
_SHARED = 0.05
"""Smallest share of test samples with texts of the development split that is a fault."""
_ROUND = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
_SEARCHED = ("recency", "boosting", "tfidf")
_MEMORISED = -0.5
"""Mean log-probability of a token, in nats, at or above which a text counts as memorised; new prose has -2 or less."""

Weight = Literal["fault", "warning"]


@dataclass(frozen=True)
class Finding:
    """Something wrong with a set."""

    check: str
    weight: Weight
    """A fault makes numbers on this set worthless for what they claim; a warning belongs beside them."""
    says: str


def outcomes_in_texts(snapshots: Sequence[Snapshot], labels: Labels) -> Iterator[Finding]:
    """Records and answers that state the outcome. Customers' own announcements do not count: they are signals."""
    shown = [next(filter(None, map(_stated_outcome, _records(snapshot))), None) for snapshot in snapshots]
    telling = np.array([statement is not None for statement in shown])
    if telling.any() and _associated(telling, labels):
        example = next(statement for statement in shown if statement)
        yield Finding(
            "outcome in the text",
            "fault",
            f"records such as {example!r} are in {telling[labels].mean():.0%} of churned and "
            f"{telling[~labels].mean():.0%} of other histories; remove them, or move `as_of` before them",
        )


def _records(snapshot: Snapshot) -> list[str]:
    """Texts by systems and by the company, not by the customer."""
    return [
        interaction.text
        for interaction in snapshot.interactions
        if interaction.direction == "outbound" or not snapshot.card.holds_words(interaction.channel)
    ]


def _stated_outcome(text: str) -> str | None:
    match = _OUTCOME.search(text)
    return match[0] if match else None


def later_dates(snapshots: Sequence[Snapshot], labels: Labels) -> Iterator[Finding]:
    """Finds texts that name dates after `as_of`: a fault if they are associated with the outcome."""
    later = np.array(
        [any(day > s.as_of for interaction in s.interactions for day in _dates(interaction.text)) for s in snapshots]
    )
    if not later.any():
        return
    tells = _associated(later, labels)
    yield Finding(
        "later than as_of",
        "fault" if tells else "warning",
        f"{later.sum()} histories name dates after `as_of`"
        + (
            f", {later[labels].mean():.0%} of the churned and {later[~labels].mean():.0%} of the others"
            if tells
            else ""
        )
        + "; texts must be as they were on that date",
    )


def _dates(text: str) -> Iterator[date]:
    for match in _DATE.finditer(text):
        try:
            yield date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            continue


def telling_identifiers(samples: Sequence[Sample], labels: Labels) -> Iterator[Finding]:
    """Customer ids whose number, beginning or length ranks or sorts the outcomes."""
    ids = [sample.customer_id for sample in samples]
    numbers = [re.findall(r"\d+", id_) for id_ in ids]
    ranked = {
        "number": np.array([float(digits[-1]) if digits else -1.0 for digits in numbers]),
        "length": np.array([float(len(id_)) for id_ in ids]),
    }
    for what, values in ranked.items():
        if np.ptp(values) == 0:
            continue
        area = metrics.auroc(labels, stats.rankdata(values))
        z = (area.value - 0.5) / area.standard_error if area.standard_error else math.inf
        if abs(area.value - 0.5) > 0.1 and 2 * stats.norm.sf(abs(z)) < _SURE:
            yield Finding(
                "identifiers predict",
                "fault",
                f"the {what} of the customer id has an AUROC of {area.value:.2f}; make new ids",
            )
    beginnings = [re.split(r"\d", id_, maxsplit=1)[0] for id_ in ids]
    kinds = [kind for kind, n in Counter(beginnings).items() if n >= 5]
    if len(kinds) > 1:
        of_kind = [labels[[i for i, beginning in enumerate(beginnings) if beginning == kind]] for kind in kinds]
        table = np.array([[churned.sum(), (~churned).sum()] for churned in of_kind])
        test: Any = stats.chi2_contingency(table) if table.sum(axis=0).all() else None
        if test and test.pvalue < _SURE:
            yield Finding(
                "identifiers predict",
                "warning",
                f"outcomes differ by the first letters of ids ({', '.join(kinds[:4])}); check whether that is intended",
            )


def size(
    labelled: LabelledSet, samples: Sequence[Sample], labels: Labels, delta: float | None, limit: int | None
) -> Iterator[Finding]:
    """By the standard error of a difference of AUROCs of .75 that correlate by a half (Hanley & McNeil 1982, 1983)."""
    _, test = sets.split(samples, labelled.description.split)
    drawn = min(1.0, (limit or len(samples)) / len(samples))
    m, n = drawn * labels[test].sum(), drawn * (~labels[test]).sum()
    if not m or not n:
        return
    wanted = _LARGE if delta is None else delta
    area = 0.75
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (m * n)
    detectable = DETECTED * math.sqrt(2 * variance * (1 - 0.5))
    if detectable > wanted:
        n_drawn = round(drawn * len(labels))
        needed = math.ceil(n_drawn * (detectable / wanted) ** 2)
        yield Finding(
            "too small",
            "warning" if delta is None else "fault",
            f"{n_drawn} samples ({drawn * labels.sum():.0f} churned) can show AUROC differences of "
            f"{detectable:.2f} or more, not of {wanted:g}; about {needed:,} samples could",
        )


def base_rate(labels: Labels) -> Iterator[Finding]:
    """Finds a round share of churned customers, which suggests a sample drawn to that share."""
    n, churned = len(labels), int(labels.sum())
    exact = [rate for rate in _ROUND if n >= 100 and abs(churned - rate * n) <= 0.5]
    if exact:
        yield Finding(
            "base rate set by hand",
            "warning",
            f"exactly {exact[0]:.0%} churned: probabilities and profits apply to this mixture, not to a real book",
        )


def duplicates(labelled: LabelledSet, samples: Sequence[Sample], snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    """Finds equal texts in both splits, and customers with equal histories."""
    development, test = sets.split(samples, labelled.description.split)
    texts = ["\n".join(message.text for message in s.messages).casefold() for s in snapshots]
    known = {texts[i] for i in development if len(texts[i].split()) >= _FEWEST_WORDS}
    shared = [i for i in test if texts[i] in known]
    if test and len(shared) > _SHARED * len(test):
        yield Finding(
            "duplicates over splits",
            "fault",
            f"{len(shared)} of {len(test)} test samples have the same texts as a development sample; keep one of each",
        )
    by_history: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for sample, snapshot in zip(samples, snapshots, strict=True):
        history = tuple(f"{interaction.occurred_at} {interaction.text}" for interaction in snapshot.interactions)
        if sum(len(event.split()) for event in history) >= 2 * _FEWEST_WORDS:
            by_history[history].add(sample.customer_id)
    twins = [sorted(ids) for ids in by_history.values() if len(ids) > 1]
    if twins:
        yield Finding(
            "duplicate customers",
            "fault",
            f"{sum(map(len, twins))} customers have the same history as another customer ({', '.join(twins[0][:3])})",
        )


def nothing_to_find(samples: Sequence[Sample], snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    """Finds a set on which no simple method ranks better than chance (cross-fitted AUROC)."""
    examples = prepare([sample.churned for sample in samples], snapshots)
    try:
        scores = {name: cross_fitted(METHODS[name], examples) for name in _SEARCHED}
    except DataError as error:
        yield Finding("too small", "fault", str(error))
        return
    areas = {name: metrics.auroc(examples.labels, of_method) for name, of_method in scores.items()}
    if all(area.low <= 0.5 for area in areas.values()):
        shown = ", ".join(f"{name} {area.value:.2f}" for name, area in areas.items())
        yield Finding(
            "nothing to find",
            "fault",
            f"no simple method ranks better than chance (AUROC: {shown}), as if the outcomes were shuffled",
        )


def memorised(model: ChatModel, snapshots: Sequence[Snapshot], most: int = 20) -> Iterator[Finding]:
    """Texts whose second half the model gives back word for word, but not that of a copy with two words swapped.

    After the probe of memorised text in Carlini et al. (2021), "Extracting Training Data from Large Language Models".
    """
    requests: list[ScoreRequest] = []
    lengths: dict[str, int] = {}
    texts = dict.fromkeys(
        message.text for s in snapshots for message in s.messages if 12 <= len(message.text.split()) <= 40
    )
    for n, text in enumerate(list(texts)[:most]):
        words = text.split()
        half = len(words) // 2
        beginning, end = " ".join(words[:half]), words[half : half + 10]
        swapped = [end[-1], *end[1:-1], end[0]]
        labels = (" ".join(end), " ".join(swapped))
        if labels[0] == labels[1]:
            continue
        lengths[str(n)] = model.count_tokens(labels[0])
        shared = (Message("system", "Continue the text of the user word for word."),)
        requests.append(ScoreRequest(str(n), shared, beginning, (Question("end", "", labels),)))
    known = 0
    for scores in model.score_labels(requests):
        if scores.log_probabilities:
            own, copy = scores.log_probabilities["end"].values()
            known += own / lengths[scores.id] > _MEMORISED and own > copy
    if known > 0.1 * len(requests):
        yield Finding(
            "memorised",
            "fault",
            f"the model continues {known} of {len(requests)} texts word for word: it may have learned from this set",
        )


def _associated(one: Labels, other: Labels) -> bool:
    table = np.array([[(one & other).sum(), (one & ~other).sum()], [(~one & other).sum(), (~one & ~other).sum()]])
    test: Any = stats.fisher_exact(table)
    return test.pvalue < _SURE
