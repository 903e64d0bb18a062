"""Derives outcomes from the history: customers who were active at a date and inactive in the period after it churned.

Labels have no look-ahead, by construction: interactions up to the date decide which customers are at risk, and later
ones decide the outcome. A horizon that is not over yet gives no label.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from more_itertools import map_reduce
from sqlalchemy import Engine

from churn_agent.domain.days import real_day
from churn_agent.domain.interactions import CHURN_REASONS, Interaction, Label
from churn_agent.domain.snapshot import Card
from churn_agent.errors import InputError
from churn_agent.history import book, interactions
from churn_agent.history.latest import last_day
from churn_agent.store.store import Store

_INVOLUNTARY = re.compile(
    r"non-?payment|unpaid|payment (?:failed|failure)|card declined|fraud|deceased|death|died|insolven|bankrupt"
    r"|nicht bezahlt|zahlungsausfall|betrug|verstorben|konkurs",
    re.IGNORECASE,
)
_LEFT_ON = ("left_on", "churn_date", "cancelled_at", "canceled_at")
"""Attributes with the date on which a customer left."""
TREATMENTS = ("action", "campaign")
"""Metadata keys that mark an outbound interaction as an attempt to keep the customer."""


@dataclass(frozen=True)
class Derived:
    """The labels of one date."""

    as_of: date
    labels: tuple[Label, ...]

    @property
    def churned(self) -> int:
        """Number of labels of customers who churned."""
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
    """Labels for each date. A customer at risk has churned if there is no event within the horizon after the date.

    Args:
        engine: database of the history.
        card: the card of the book.
        events: channels that count as activity, such as `order`.
        none_for_days: the horizon.
        as_of: dates to label.
        active_within_days: a customer with an event in this many days up to the date is at risk; default: the horizon.

    Returns:
        One result for each date. The labels' metadata contain the rule and, if the history has them, `reason` and
        `treated` (`yes` or `no`). Those of customers who churned are of kind `lost`; they say whether the customer left
        voluntarily, and when they left and gave notice, if the history or the attributes do.

    Raises:
        EmptyStore: nothing is stored.
        InputError: no such event is stored, or a horizon is not over.
    """
    last = last_day(engine, card, by_company=True).day
    known = interactions.channels(engine)
    for event in events:
        if event not in known:
            raise InputError(
                f"no interaction has the channel {event!r}; available channels: {', '.join(sorted(known))}"
            )
    for day in as_of:
        over = day + timedelta(days=none_for_days)
        if over > last:
            raise InputError(f"the {none_for_days} days after {day} end on {over}, but the history ends on {last}")
    return [_at(engine, card, events, none_for_days, day, active_within_days or none_for_days) for day in as_of]


def derive_labels(store: Store, *, dry_run: bool = False, **rule: Any) -> list[Derived]:
    """Derives labels from the history and stores them.

    Args:
        store: the store with the history.
        dry_run: stores nothing.
        rule: the arguments of `derive`. The same errors are raised.
    """
    results = derive(store.history, store.card, **rule)
    if not dry_run:
        with store.history.begin() as connection:
            book.add_labels(connection, [label for result in results for label in result.labels])
    return results


def _at(
    engine: Engine, card: Card, events: Collection[str], horizon_days: int, day: date, active_within_days: int
) -> Derived:
    end = card.end_of_day(day)
    over = card.end_of_day(day + timedelta(days=horizon_days))
    begin = card.end_of_day(day - timedelta(days=active_within_days))
    at_risk = interactions.active_customers(engine, events, after=begin, until=end)
    stayed = interactions.active_customers(engine, events, after=end, until=over)
    marked = map_reduce(
        interactions.with_metadata(engine, (*CHURN_REASONS, *TREATMENTS, "voluntary"), after=end, until=over),
        lambda interaction: interaction.customer_id,
    )
    treatments_known = interactions.any_metadata(engine, TREATMENTS)
    rule = {"source": "derived", "event": ",".join(sorted(events)), "active_within_days": str(active_within_days)}

    def label(customer_id: str) -> Label:
        churned = customer_id not in stayed
        later = marked.get(customer_id, [])
        treated = {"treated": "yes" if any(map(is_treatment, later)) else "no"} if treatments_known else {}
        stayed_ = Label(customer_id, day.isoformat(), churned, horizon_days, rule | treated)
        if not churned:
            return stayed_
        attributes = book.attributes(engine, customer_id)
        reason, voluntary = _reason(later, attributes)
        notices = [row for row in later if row.by_customer and _first(row.metadata, CHURN_REASONS)]
        return replace(
            stayed_,
            metadata=rule | ({"reason": reason} if reason else {}) | treated,
            kind="lost",
            voluntary=voluntary,
            notice_on=card.local(notices[0].occurred_at).date().isoformat() if notices else None,
            left_on=_left_on(attributes, after=day, until=day + timedelta(days=horizon_days)),
        )

    return Derived(day, tuple(label(customer_id) for customer_id in sorted(at_risk)))


def is_treatment(interaction: Interaction) -> bool:
    """Whether the interaction is an attempt by the company to keep the customer."""
    return interaction.direction == "outbound" and _first(interaction.metadata, TREATMENTS) is not None


def _left_on(attributes: Mapping[str, str], *, after: date, until: date) -> str | None:
    """Returns the ISO date on which attributes say that the customer left, if it is within the horizon."""
    days = (real_day(attributes.get(name)) for name in _LEFT_ON)
    return next((day.isoformat() for day in days if day and after < day <= until), None)


def _reason(later: Sequence[Interaction], attributes: Mapping[str, str]) -> tuple[str | None, bool | None]:
    """The reason, and whether the customer left voluntarily: from interactions after the date, else from attributes."""
    sources = [*(interaction.metadata for interaction in later), attributes]
    reason = next((text for source in sources if (text := _first(source, CHURN_REASONS))), None)
    stated = next((source["voluntary"] for source in sources if source.get("voluntary")), None)
    if stated:
        return reason, stated.strip().casefold() in ("1", "true", "yes", "y", "voluntary")
    return reason, not _INVOLUNTARY.search(reason) if reason else None


def _first(metadata: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((metadata[name] for name in names if metadata.get(name)), None)
