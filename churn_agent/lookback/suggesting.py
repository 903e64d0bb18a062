"""Likely outcomes that the history shows, for a person to confirm. Nothing learns from them before that."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice, pairwise
from typing import Literal

from churn_agent.domain.days import real_day
from churn_agent.domain.snapshot import Snapshot
from churn_agent.history import interactions
from churn_agent.scoring import standing
from churn_agent.store.store import Store

Why = Literal["contract ended", "usage stopped", "renewal lost"]
_LOST = ("lost", "closed lost", "closed_lost", "not renewed", "churned")
_STAGES = ("renewal_stage", "renewal_status", "renewal_outcome", "stage", "outcome")
"""Metadata of a renewal, and attributes, that say how it ended."""
_RENEWALS = ("renewal", "contract", "opportunity", "deal")
"""Channels of renewals."""
_GAPS = 4.0
"""Usage has stopped if the pause is so many times the usual longest gap."""
_FEWEST = 6
"""Days of activity needed to know a customer's rhythm."""


@dataclass(frozen=True)
class Suggestion:
    """A likely outcome."""

    customer_id: str
    why: Why
    left_on: date
    evidence: str
    """Where it is known from."""


def suggest(store: Store) -> list[Suggestion]:
    """Returns likely departures of customers without an outcome, at most one a customer, the surest kind first.

    * contract ended: an attribute or a record says that they are no customer any more, or the day of the end has passed
      and nothing came from them since.
    * renewal lost: a renewal is marked as lost.
    * usage stopped: nothing for longer than the horizon and four times their longest gap.

    Raises:
        EmptyStore: there is no history.
    """
    known = {label.customer_id for label in store.labels() if label.churned}
    day = store.default_as_of()
    suggestions: list[Suggestion] = []
    for customer_id in interactions.customer_ids(store.history, until=store.card.end_of_day(day)):
        if customer_id not in known:
            snapshot = store.snapshot(customer_id)  # as it is today, with what an earlier day would not have known
            suggestions += islice(_of(snapshot), 1)
    return sorted(suggestions, key=lambda suggestion: (suggestion.why, suggestion.customer_id))


def _of(snapshot: Snapshot) -> Iterator[Suggestion]:
    active = sorted({snapshot.card.local(row.occurred_at).date() for row in snapshot.interactions if row.by_customer})
    last = active[-1] if active else None
    former = standing.former(snapshot)
    if former:
        yield Suggestion(snapshot.customer_id, "contract ended", former.since or last or snapshot.as_of, former.source)
    yield from _renewal_lost(snapshot)
    ended = real_day(snapshot.attributes.get(snapshot.card.renewal_attribute))
    if ended and ended < snapshot.as_of and (last is None or last <= ended) and _over(ended, snapshot):
        name = snapshot.card.renewal_attribute
        yield Suggestion(snapshot.customer_id, "contract ended", ended, f"attribute {name}, and nothing since")
    if last and len(active) >= _FEWEST:
        gaps = [(later - earlier).days for earlier, later in pairwise(active)]
        quiet = (snapshot.as_of - last).days
        if quiet > snapshot.card.horizon_days and quiet > _GAPS * max(gaps):
            yield Suggestion(
                snapshot.customer_id, "usage stopped", last, f"quiet for {quiet} days, before at most {max(gaps)}"
            )


def _over(ended: date, snapshot: Snapshot) -> bool:
    """Whether a third of the horizon has passed since a day: renewals are often signed late."""
    return snapshot.as_of - ended >= timedelta(days=snapshot.card.horizon_days // 3)


def _renewal_lost(snapshot: Snapshot) -> Iterator[Suggestion]:
    for row in reversed(snapshot.interactions):
        stage = next((row.metadata[name] for name in _STAGES if row.metadata.get(name)), "")
        if row.channel.casefold() in _RENEWALS and stage:
            if stage.strip().casefold() in _LOST:
                day = snapshot.card.local(row.occurred_at).date()
                yield Suggestion(snapshot.customer_id, "renewal lost", day, f"{row.channel}: {stage}")
            return  # a later stage counts


def to_csv(suggestions: Sequence[Suggestion]) -> str:
    """Returns a file for `outcomes import`, in which a person copies the day into the empty column `left_on`.

    Rows without a day in that column are rejected by the import, so that nothing unconfirmed becomes an outcome.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["customer_id", "left_on", "suggested_day", "why", "evidence"])
    writer.writerows(
        [suggestion.customer_id, "", suggestion.left_on, suggestion.why, suggestion.evidence]
        for suggestion in suggestions
    )
    return text.getvalue()
