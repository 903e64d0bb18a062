"""Samples: customers at dates, with their outcomes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from more_itertools import map_reduce

from churn_agent.domain.interactions import DATED_BY, Label
from churn_agent.history import book, interactions
from churn_agent.outcomes.deriving import TREATMENTS, is_treatment
from churn_agent.store.store import Store


@dataclass(frozen=True)
class Sample:
    """A customer at a date, with the outcome."""

    customer_id: str
    as_of: date
    churned: bool

    @property
    def id(self) -> str:
        """Customer and date as one text."""
        return f"{self.customer_id}@{self.as_of}"


def fingerprint(samples: Sequence[Sample]) -> str:
    """SHA-256 over samples with their outcomes, cut to 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(f"{sample.id}={int(sample.churned)}\n".encode())
    return digest.hexdigest()[:16]


def labelled_samples(store: Store) -> list[Sample]:
    """All labels of the store, by customer and date.

    A label that was dated by the day on which the customer left or gave notice is left out if another label has that
    outcome: nothing is learned twice.
    """
    twice = _recorded_twice(book.labels_in_full(store.history))
    return [Sample(*row) for row in book.all_labels(store.history) if row[:2] not in twice]


def _recorded_twice(labels: Sequence[Label]) -> set[tuple[str, date]]:
    of_customer = map_reduce(labels, lambda label: label.customer_id)
    return {
        (label.customer_id, date.fromisoformat(label.as_of))
        for label in labels
        if DATED_BY in label.metadata and any(_has_outcome_of(other, label) for other in of_customer[label.customer_id])
    }


def _has_outcome_of(other: Label, label: Label) -> bool:
    """Whether a label with its own date has the outcome of one that was dated by it."""
    if DATED_BY in other.metadata or not other.churned:
        return False
    day = label.notice_on if label.metadata[DATED_BY] == "notice_on" else label.left_on
    end = date.fromisoformat(other.as_of) + timedelta(days=other.horizon_days or label.horizon_days or 0)
    same = other.left_on is not None and other.left_on == label.left_on
    return same or (day is not None and other.as_of < day <= end.isoformat())


def with_history(store: Store, samples: Sequence[Sample]) -> list[Sample]:
    """The samples whose customers have at least one interaction up to the date."""
    card, first = store.card, {id_: first for id_, _, first, _ in interactions.summaries(store.history)}
    return [
        sample
        for sample in samples
        if sample.customer_id in first and first[sample.customer_id] <= card.end_of_day(sample.as_of)
    ]


def treated(store: Store, samples: Sequence[Sample], horizon_days: int) -> set[Sample]:
    """The samples whose customers the company tried to keep within the label's horizon."""
    if not samples:
        return set()
    card, horizon = store.card, timedelta(days=horizon_days)
    first, last = min(sample.as_of for sample in samples), max(sample.as_of for sample in samples)
    marked_interactions = interactions.with_metadata(
        store.history, TREATMENTS, after=card.end_of_day(first), until=card.end_of_day(last + horizon)
    )
    times = map_reduce(
        filter(is_treatment, marked_interactions),
        lambda interaction: interaction.customer_id,
        lambda interaction: interaction.occurred_at,
    )
    marked_labels = book.marked_as_treated(store.history)
    return {
        sample
        for sample in samples
        if (sample.customer_id, sample.as_of) in marked_labels
        or any(
            card.end_of_day(sample.as_of) < when <= card.end_of_day(sample.as_of + horizon)
            for when in times.get(sample.customer_id, ())
        )
    }
