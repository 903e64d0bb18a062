"""Turns samples into numbers for classic methods, from the same snapshots as the agent's, so that nothing is later."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from churn_agent.domain.afterwards import is_time, lasting
from churn_agent.domain.assessment import Assessment, Fact, Signal
from churn_agent.domain.interactions import TELLING_ATTRIBUTES, as_number
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.facts import by_name as values_of
from churn_agent.evidence.facts import compute
from churn_agent.evidence.naming import renamed
from churn_agent.measuring.metrics import Groups, Labels, Scores
from churn_agent.scoring import prior

_Value = TypeVar("_Value")
_HELD = 1e-4
_WINDOWS_DAYS = (30, 90, 180)
_MEASURED_WINDOWS = 4
_OWN, _OTHER = "brand", "rival"
"""Placeholders for the names of companies in texts."""


@dataclass(frozen=True)
class Examples:
    """The inputs of classic methods; each row is a sample."""

    customers: Sequence[str]
    dates: Sequence[date]
    """The dates of the samples."""
    labels: Labels
    groups: Groups
    """Samples of one customer, or with the same words, share a number. They are never on both sides of a fold."""
    facts: Sequence[Mapping[str, float]]
    """The agent's facts, by name."""
    facts_score: Scores
    """Log-odds by the prior weights, without any messages."""
    numbers: Sequence[Mapping[str, float]]
    """Facts, counts, amounts and numeric attributes."""
    attributes: Sequence[Mapping[str, str]]
    """Attributes that are not numbers."""
    active_days: Sequence[Sequence[int]]
    """Days on which the customer was active, as days before `as_of`, oldest first."""
    texts: Sequence[str]
    """All messages of the customer, or the notes of systems if there are no messages. The names of their company and of
    other customers' companies are masked."""
    vectors: NDArray[np.float32] | None
    """Mean embedding of messages, shape (samples, dimension); 0 if there are none. None if not requested."""
    encoder: Path | None = None
    """Folder with the initial weights of a fine-tuned encoder."""
    readings: Sequence[Mapping[str, float]] | None = None
    """A language model's readings of the messages, by name."""
    neutral_leaning: float = 0.0
    """The leaning of a message about something else."""
    announced: NDArray[np.bool_] | None = None
    """Samples with an announcement to leave that stands; None if no language model read them."""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp]) -> "Examples":
        """Some of the samples."""

        def some(values: Sequence[_Value]) -> list[_Value]:
            return [values[i] for i in rows]

        return Examples(
            some(self.customers),
            some(self.dates),
            self.labels[rows],
            self.groups[rows],
            some(self.facts),
            self.facts_score[rows],
            some(self.numbers),
            some(self.attributes),
            some(self.active_days),
            some(self.texts),
            None if self.vectors is None else self.vectors[rows],
            self.encoder,
            None if self.readings is None else some(self.readings),
            self.neutral_leaning,
            None if self.announced is None else self.announced[rows],
        )

    def and_(self, other: "Examples") -> "Examples":
        """These samples and others. Customers of the two are treated as different."""

        def both(one: Sequence[_Value], two: Sequence[_Value]) -> list[_Value]:
            return [*one, *two]

        vectors = None if self.vectors is None or other.vectors is None else np.vstack([self.vectors, other.vectors])
        known = self.readings is not None and other.readings is not None
        announced = (
            None if self.announced is None or other.announced is None else np.append(self.announced, other.announced)
        )
        return Examples(
            both(self.customers, other.customers),
            both(self.dates, other.dates),
            np.append(self.labels, other.labels),
            np.append(self.groups, other.groups + self.groups.max(initial=-1) + 1),
            both(self.facts, other.facts),
            np.append(self.facts_score, other.facts_score),
            both(self.numbers, other.numbers),
            both(self.attributes, other.attributes),
            both(self.active_days, other.active_days),
            both(self.texts, other.texts),
            vectors,
            self.encoder,
            both(self.readings or (), other.readings or ()) if known else None,
            self.neutral_leaning,
            announced,
        )

    def without(self, removed: Sequence[tuple[str, float]], typical: Mapping[str, float]) -> "Examples":
        """The samples, each without one concept.

        Args:
            removed: for each sample, a signal or a fact, and its contribution to the uncalibrated score.
            typical: fact -> replacement value. A removed fact without one becomes missing.
        """

        def drop(row: Mapping[str, float], name: str) -> dict[str, float]:
            rest = {key: value for key, value in row.items() if key != name}
            return rest | ({name: typical[name]} if name in row and name in typical else {})

        names = [name for name, _ in removed]
        absent = {"leaning": self.neutral_leaning}
        of_facts = zip(self.facts, removed, strict=True)
        readings = self.readings and [
            {**row, **({name: absent.get(name, 0.0)} if name in row else {}), "score": row["score"] - added}
            for row, (name, added) in zip(self.readings, removed, strict=True)
        ]
        return replace(
            self,
            facts=[drop(row, name) for row, name in zip(self.facts, names, strict=True)],
            facts_score=self.facts_score - np.array([added * (name in row) for row, (name, added) in of_facts]),
            numbers=[drop(row, name) for row, name in zip(self.numbers, names, strict=True)],
            readings=readings,
        )

    def fact(self, name: str, default: float = 0.0) -> Scores:
        """A fact of all samples."""
        return np.array([row.get(name, default) for row in self.facts])


def prepare(
    churned: Sequence[bool],
    snapshots: Iterable[Snapshot],
    *,
    facts: Iterable[Sequence[Fact]] | None = None,
    with_vectors: Callable[[Snapshot], Snapshot] | None = None,
    dimension: int = 0,
    encoder: Path | None = None,
    readings: Sequence[Mapping[str, float]] | None = None,
    neutral_leaning: float = 0.0,
    companies: Collection[str] = (),
    progress: Callable[[], None] = lambda: None,
) -> Examples:
    """Computes the examples of samples.

    Args:
        churned: the outcome of each sample.
        snapshots: the samples' snapshots, in the same order.
        facts: the samples' facts, in the same order; default: computed.
        with_vectors: adds the vectors of its messages to a snapshot; None leaves vectors out.
        dimension: dimension of those vectors.
        encoder: see `Examples`.
        readings: see `Examples`.
        neutral_leaning: see `Examples`.
        companies: all companies of the book; their names are masked in texts, like those of the customers' companies.
        progress: called after each sample.
    """
    customers: list[str] = []
    dates: list[date] = []
    by_name: list[Mapping[str, float]] = []
    facts_score: list[float] = []
    numbers: list[Mapping[str, float]] = []
    attributes: list[Mapping[str, str]] = []
    active_days: list[list[int]] = []
    texts: list[str] = []
    own: list[str] = []
    spoken: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    for snapshot, of_snapshot in _with_facts(snapshots, facts):
        customers.append(snapshot.customer_id)
        dates.append(snapshot.as_of)
        by_name.append(values_of(of_snapshot))
        facts_score.append(prior.of_facts(of_snapshot, horizon_days=snapshot.card.horizon_days))
        numeric, rest = _attributes(snapshot.attributes)
        numbers.append({**by_name[-1], **_aggregates(snapshot), **numeric})
        attributes.append(rest)
        active_days.append(_active_days(snapshot))
        texts.append(_text(snapshot))
        own.append(snapshot.company)
        spoken.append(texts[-1] if snapshot.messages else "")
        if with_vectors:
            vectors.append(_mean_vector(with_vectors(snapshot), dimension))
        progress()
    named = {*own, *companies}
    return Examples(
        customers,
        dates,
        np.array(churned, dtype=bool),
        _groups(customers, spoken),
        by_name,
        np.array(facts_score),
        numbers,
        attributes,
        active_days,
        [renamed(text, mine, named, as_own=_OWN, as_others=(_OTHER,)) for text, mine in zip(texts, own, strict=True)],
        np.vstack(vectors) if vectors else None,
        encoder,
        readings,
        neutral_leaning,
    )


def readings(
    signals: Iterable[Signal],
    *,
    as_of: date,
    leaning: float | None,
    raw: float | None,
    horizon_days: int,
    signal_ids: Iterable[str],
    neutral_leaning: float,
) -> dict[str, float]:
    """A language model's readings of a customer's messages, as numbers by name.

    Args:
        signals: the signals in the messages.
        as_of: the day at which their strength is computed.
        leaning: the leaning of all messages, in log-odds; None if there is none.
        raw: the uncalibrated score, 0 to 1; None if there is none.
        horizon_days: half-life of a signal, in days.
        signal_ids: ids of all signals of the taxonomy.
        neutral_leaning: the leaning of a customer without messages.

    Returns:
        The strength of each signal on that day (0 to 1), `leaning`, and the log-odds of the `score`.
    """
    strengths = dict.fromkeys(signal_ids, 0.0)
    for signal in signals:
        dates = [citation.occurred_at.date() for citation in signal.citations if citation.verified]
        if dates:
            age_days = (as_of - max(dates)).days
            strengths[signal.concept] = signal.strength * prior.decay(age_days, horizon_days=horizon_days)
    return {
        **strengths,
        "leaning": neutral_leaning if leaning is None else leaning,
        "score": prior.log_odds(prior.sigmoid(prior.INTERCEPT) if raw is None else raw, held=_HELD),
    }


def readings_of(
    record: Assessment, *, horizon_days: int, signal_ids: Iterable[str], neutral_leaning: float
) -> dict[str, float]:
    """The readings behind a record; see `readings`."""
    number = record.churn_probability
    return readings(
        record.signals,
        as_of=record.as_of,
        leaning=record.leaning,
        raw=number.raw if number else None,
        horizon_days=horizon_days,
        signal_ids=signal_ids,
        neutral_leaning=neutral_leaning,
    )


def _with_facts(
    snapshots: Iterable[Snapshot], facts: Iterable[Sequence[Fact]] | None
) -> Iterator[tuple[Snapshot, Sequence[Fact]]]:
    if facts is not None:
        return zip(snapshots, facts, strict=True)
    return ((snapshot, compute(snapshot)) for snapshot in snapshots)


def _attributes(attributes: Mapping[str, str]) -> tuple[dict[str, float], dict[str, str]]:
    """Numeric attributes, and the others, without attributes that are known only for churners."""
    parsed = {name: as_number(value) for name, value in attributes.items() if name not in TELLING_ATTRIBUTES}
    numeric = {f"attribute {name}": number for name, number in parsed.items() if number is not None}
    return numeric, {name: attributes[name] for name, number in parsed.items() if number is None}


def _aggregates(snapshot: Snapshot) -> dict[str, float]:
    """Counts, amounts and numbers in metadata, by channel, without times and fields that may have changed later."""
    aggregates: dict[str, float] = {}
    values: dict[str, list[float]] = defaultdict(list)
    days = [(snapshot.as_of - snapshot.card.local(row.occurred_at).date()).days for row in snapshot.interactions]
    for window in _WINDOWS_DAYS:
        aggregates[f"interactions in {window} days"] = sum(day < window for day in days)
    for channel, count in Counter(row.channel for row in snapshot.interactions).items():
        aggregates[f"{channel} count"] = count
    for interaction in snapshot.interactions:
        channel = interaction.channel
        if interaction.amount is not None:
            currency = interaction.metadata.get("currency", "")
            values[f"{channel} amount {currency}".rstrip()].append(interaction.amount)
        for name, value in lasting(interaction.metadata).items():
            number = as_number(value)
            if number is not None and not is_time(name, number):
                values[f"{channel} {name}"].append(number)
    for series in snapshot.measurements:
        aggregates[f"measured {series.metric} latest"] = series.latest
        for number, window in series.windows.items():
            if number < _MEASURED_WINDOWS:
                aggregates[f"measured {series.metric} {number} windows before"] = window.total
    for name, numbers in values.items():
        aggregates[f"{name} mean"] = float(np.mean(numbers))
        aggregates[f"{name} sum"] = sum(numbers)
        aggregates[f"{name} last"] = numbers[-1]
    return aggregates


def _active_days(snapshot: Snapshot) -> list[int]:
    days = {snapshot.card.local(row.occurred_at).date() for row in snapshot.interactions if row.by_customer}
    return sorted(((snapshot.as_of - day).days for day in days), reverse=True)


def _text(snapshot: Snapshot) -> str:
    shown = [row.text for row in snapshot.messages or snapshot.interactions if row.text.strip()]
    return "\n".join(shown)


def _mean_vector(snapshot: Snapshot, dimension: int) -> NDArray[np.float32]:
    parts = [snapshot.vectors[message.text_id].mean(axis=0) for message in snapshot.messages]
    return np.stack(parts).mean(axis=0) if parts else np.zeros(dimension, dtype=np.float32)


def _groups(customers: Sequence[str], texts: Sequence[str]) -> Groups:
    """Group numbers: samples with the same customer or equal texts are in one group."""
    n = len(customers)
    nodes: dict[tuple[str, str], int] = {}
    edges = [
        (i, nodes.setdefault(key, n + len(nodes)))
        for i, (customer, text) in enumerate(zip(customers, texts, strict=True))
        for key in (("customer", customer), ("text", text.casefold()))
        if key[1]
    ]
    rows, columns = np.array(edges).T
    size = n + len(nodes)
    graph = coo_array((np.ones(len(edges)), (rows, columns)), shape=(size, size))
    return connected_components(graph, directed=False)[1][:n].astype(np.intp)
