"""Samples: customers at dates, with their outcomes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from more_itertools import map_reduce

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
    """All labels of the store, by customer and date."""
    return [Sample(*row) for row in book.all_labels(store.history)]


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
        filter(is_treatment, marked_interactions), lambda each: each.customer_id, lambda each: each.occurred_at
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
