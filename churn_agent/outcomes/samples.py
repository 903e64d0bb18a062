"""Samples: customers at dates, with what came of them."""

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
    """A customer at a date, and what came of it."""

    customer_id: str
    as_of: date
    churned: bool

    @property
    def id(self) -> str:
        return f"{self.customer_id}@{self.as_of}"


def fingerprint(samples: Sequence[Sample]) -> str:
    """SHA-256 over samples with their outcomes, cut to 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for each in samples:
        digest.update(f"{each.id}={int(each.churned)}\n".encode())
    return digest.hexdigest()[:16]


def labelled_samples(store: Store) -> list[Sample]:
    """All labels of the store, by customer and date."""
    return [Sample(*row) for row in book.all_labels(store.history)]


def with_history(store: Store, given: Sequence[Sample]) -> list[Sample]:
    """The samples whose customers have done something up to the date."""
    card, first = store.card, {id_: first for id_, _, first, _ in interactions.summaries(store.history)}
    return [
        each for each in given if each.customer_id in first and first[each.customer_id] <= card.end_of_day(each.as_of)
    ]


def treated(store: Store, given: Sequence[Sample], horizon_days: int) -> set[Sample]:
    """Samples whose customer somebody tried to keep within the time that the label speaks of."""
    if not given:
        return set()
    card, horizon = store.card, timedelta(days=horizon_days)
    first, last = min(each.as_of for each in given), max(each.as_of for each in given)
    done = interactions.with_metadata(
        store.history, TREATMENTS, after=card.end_of_day(first), until=card.end_of_day(last + horizon)
    )
    times = map_reduce(filter(is_treatment, done), lambda each: each.customer_id, lambda each: each.occurred_at)
    marked = book.marked_as_treated(store.history)
    return {
        each
        for each in given
        if (each.customer_id, each.as_of) in marked
        or any(
            card.end_of_day(each.as_of) < when <= card.end_of_day(each.as_of + horizon)
            for when in times.get(each.customer_id, ())
        )
    }
