"""Outcomes from the history itself: who was active at a date, and did nothing in the time after it.

Time-safe by construction: who is at risk is decided by what stands up to the date alone, the outcome by what comes
after it, and a horizon that is not over yet gives no label.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine

from churn_agent.domain.interactions import CHURN_REASONS, Interaction, Label
from churn_agent.domain.snapshot import Card
from churn_agent.errors import EmptyStore, InputError
from churn_agent.history import book, interactions
from churn_agent.store.store import Store

_INVOLUNTARY = re.compile(
    r"non-?payment|unpaid|payment (?:failed|failure)|card declined|fraud|deceased|death|died|insolven|bankrupt"
    r"|nicht bezahlt|zahlungsausfall|betrug|verstorben|konkurs",
    re.IGNORECASE,
)
TREATMENTS = ("action", "campaign")
"""Metadata of outbound interactions that were meant to keep the customer."""


@dataclass(frozen=True)
class Derived:
    """The labels of one date."""

    as_of: date
    labels: tuple[Label, ...]

    @property
    def churned(self) -> int:
        return sum(label.churned for label in self.labels)


def derive(
    engine: Engine,
    card: Card,
    *,
    events: Collection[str],
    none_for_days: int,
    as_of: Sequence[date],
    active_within_days: int | None = None,
) -> list[Derived]:
    """Labels for each date: churned is who had an event up to it and none in the days after it.

    Args:
        events: channels that count as being there, such as `order`.
        none_for_days: the horizon.
        active_within_days: at risk is who had an event within so many days up to the date; the horizon if not given.

    Returns:
        One for each date. Metadata hold the rule and, where the history knows them, `reason`, `voluntary` and
        `treated` (`yes` or `no`).

    Raises:
        EmptyStore: nothing is stored.
        InputError: no such event is stored, or a horizon is not over.
    """
    span = interactions.span(engine)
    if span is None:
        raise EmptyStore
    known = interactions.channels(engine)
    for event in events:
        if event not in known:
            raise InputError(f"no interaction has the channel {event!r}; there are {', '.join(sorted(known))}")
    last_day = card.local(span[1]).date()
    for day in as_of:
        over = day + timedelta(days=none_for_days)
        if over > last_day:
            raise InputError(
                f"the {none_for_days} days after {day} are not over: they end on {over}, and the history on {last_day}"
            )
    return [_at(engine, card, events, none_for_days, day, active_within_days or none_for_days) for day in as_of]


def derive_labels(store: Store, *, dry_run: bool = False, **rule: Any) -> list[Derived]:
    """Makes labels from the history itself and stores them.

    Args:
        store: whose history it is.
        dry_run: stores nothing.
        rule: see `derive`, which says what is raised, too.
    """
    derived = derive(store.history, store.card, **rule)
    if not dry_run:
        with store.history.begin() as connection:
            book.add_labels(connection, [label for each in derived for label in each.labels])
    return derived


def _at(
    engine: Engine, card: Card, events: Collection[str], horizon_days: int, day: date, active_within_days: int
) -> Derived:
    end = card.end_of_day(day)
    over = card.end_of_day(day + timedelta(days=horizon_days))
    begin = card.end_of_day(day - timedelta(days=active_within_days))
    at_risk = interactions.active_customers(engine, events, after=begin, until=end)
    stayed = interactions.active_customers(engine, events, after=end, until=over)
    marked = _marked(
        interactions.with_metadata(engine, (*CHURN_REASONS, *TREATMENTS, "voluntary"), after=end, until=over)
    )
    treatments_known = interactions.any_metadata(engine, TREATMENTS)
    rule = {"source": "derived", "event": ",".join(sorted(events)), "active_within_days": str(active_within_days)}

    def label(customer_id: str) -> Label:
        churned = customer_id not in stayed
        found = marked.get(customer_id, [])
        metadata = rule | (_why(found, book.attributes(engine, customer_id)) if churned else {})
        if treatments_known:
            treated = any(map(is_treatment, found))
            metadata["treated"] = "yes" if treated else "no"
        return Label(customer_id, day.isoformat(), churned, horizon_days, metadata)

    return Derived(day, tuple(label(customer_id) for customer_id in sorted(at_risk)))


def is_treatment(interaction: Interaction) -> bool:
    """Whether the company did something to keep the customer."""
    return interaction.direction == "outbound" and _first(interaction.metadata, TREATMENTS) is not None


def _marked(rows: Sequence[Interaction]) -> dict[str, list[Interaction]]:
    found: dict[str, list[Interaction]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(row)
    return found


def _why(found: Sequence[Interaction], attributes: Mapping[str, str]) -> dict[str, str]:
    """Reason and whether it was the customer's will, from interactions after the date, else from the attributes."""
    sources = [*(each.metadata for each in found), attributes]
    reason = next((text for source in sources if (text := _first(source, CHURN_REASONS))), None)
    stated = next((source["voluntary"] for source in sources if source.get("voluntary")), None)
    why = {"reason": reason} if reason else {}
    if stated:
        why["voluntary"] = "yes" if stated.strip().casefold() in ("1", "true", "yes", "y") else "no"
    elif reason:
        why["voluntary"] = "no" if _INVOLUNTARY.search(reason) else "yes"
    return why


def _first(metadata: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((metadata[name] for name in names if metadata.get(name)), None)
