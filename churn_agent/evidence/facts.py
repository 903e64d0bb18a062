"""Computes facts from a snapshot, so that no model has to guess them.

A history with a single interaction is enough. Facts that need more data than there is are left out.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from statistics import mean, median

from churn_agent.domain.assessment import Fact
from churn_agent.domain.contacts import Contact, contacts_of, stored_author
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.ratings import KINDS, rating
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence import (
    contract_terms,
    facts_contract,
    facts_measurements,
    facts_pause,
    facts_payments,
    facts_usage,
    kind_of_book,
)

_RETURN_CHANNELS = frozenset({"return", "refund", "cancellation"})
_COMPLAINT_CHANNELS = frozenset({"complaint"})
_SHORTEST_TREND_DAYS = 14
_FEWEST_BEFORE = 3
_FEWEST_GAPS = 6
"""Fewest gaps between active days whose longest shows what is usual."""
_FEWEST_OF_MAIN = 3
"""Fewest messages of a main contact."""
_SHORTEST_CONTACT_SILENCE_DAYS = 30
_SHORT_NOTICE_MONTHS = 1.0
"""Longest term of a contract that the customer can leave at short notice."""


def compute(snapshot: Snapshot) -> tuple[Fact, ...]:
    """The facts of a snapshot, the most informative ones first."""
    return tuple(fact for part in _PARTS for fact in part(snapshot) if math.isfinite(fact.value))


def by_name(facts: Iterable[Fact]) -> dict[str, float]:
    """Name -> value; of several facts of one name, that of the first, most unusual one."""
    return {fact.name: fact.value for fact in reversed(tuple(facts))}


def days_known(snapshot: Snapshot) -> int:
    """Whole days since the first interaction."""
    return _days_before(snapshot, snapshot.interactions[0]) if snapshot.interactions else 0


def _days_before(snapshot: Snapshot, interaction: Interaction) -> int:
    """Whole days from the interaction's day to `as_of`, in the book's time zone."""
    return (snapshot.as_of - _day(snapshot, interaction)).days


def _day(snapshot: Snapshot, interaction: Interaction) -> date:
    return snapshot.card.local(interaction.occurred_at).date()


def _active_days(snapshot: Snapshot) -> list[date]:
    """The days on which the customer was active."""
    return sorted({_day(snapshot, row) for row in snapshot.interactions if row.by_customer})


def _activity(snapshot: Snapshot) -> Iterator[Fact]:
    if not snapshot.interactions:
        return
    days = _active_days(snapshot)
    if days:
        recency = (snapshot.as_of - days[-1]).days
        when = "on the day of the assessment" if recency == 0 else f"{_days(recency)} before"
        text = f"They were last active {when}." if len(days) > 1 else f"The only thing they did on record was {when}."
        yield Fact(name="recency", value=recency, unit="days", text=text)
    n = len(snapshot.interactions)
    channels = Counter(row.channel for row in snapshot.interactions)
    mix = ", ".join(f"{count} {channel}" for channel, count in channels.most_common(4))
    text = f"There {'is' if n == 1 else 'are'} {_count(n, 'interaction')} ({mix}{', ...' * (len(channels) > 4)})."
    yield Fact(name="interactions", value=n, unit="interactions", text=text)
    tenure = days_known(snapshot)
    if tenure:
        yield Fact(name="tenure", value=tenure, unit="days", text=f"The history goes back {_days(tenure)}.")
    if tenure and days:
        text = f"They were active on {_days(len(days))}."
        yield Fact(name="active_days", value=len(days), unit="days", text=text)


def _rhythm(snapshot: Snapshot) -> Iterator[Fact]:
    days = _active_days(snapshot)
    if len(days) < 3:
        return
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    gap, longest = median(gaps), max(gaps)
    recency = (snapshot.as_of - days[-1]).days
    yield Fact(name="typical_gap", value=gap, unit="days", text=f"They usually come back after {_days(gap)}.")
    overdue = recency / max(gap, 1)
    length = f"{overdue:.1f} times their usual gap" if overdue >= 1 else "within their usual gap"
    if len(gaps) >= _FEWEST_GAPS:
        length += ", and longer than any before" if recency > longest else ""
        yield Fact(
            name="longest_gap", value=longest, unit="days", text=f"Their longest break so far was {_days(longest)}."
        )
    yield Fact(name="overdue", value=round(overdue, 2), unit="ratio", text=f"The silence so far is {length}.")


def _trend(snapshot: Snapshot) -> Iterator[Fact]:
    """Active days in the last window compared with the customer's own rate before it."""
    days = _active_days(snapshot)
    tenure = (snapshot.as_of - days[0]).days if days else 0
    if tenure < _SHORTEST_TREND_DAYS or len(days) < 2:
        return
    window = min(snapshot.card.horizon_days, tenure // 2)
    recent = sum((snapshot.as_of - day).days < window for day in days)
    yield Fact(
        name="recent_active_days",
        value=recent,
        unit="days",
        text=f"In the last {_days(window)} they were active on {_days(recent)}.",
    )
    before = len(days) - recent
    span_before = tenure + 1 - window
    if before < _FEWEST_BEFORE or span_before < window:
        return
    expected = before / span_before * window
    ratio = recent / expected
    change = "less" if ratio < 0.8 else "more" if ratio > 1.25 else "as"
    trend = "as active as before" if change == "as" else f"{change} active than before ({ratio:.0%} of their own rate)"
    yield Fact(name="activity_trend", value=round(ratio, 2), unit="ratio", text=f"Lately they are {trend}.")


def _contacts(snapshot: Snapshot) -> Iterator[Fact]:
    """The contacts of an account, and whether the main contact has stopped writing while others have not."""
    written = [
        (stored_author(message.author, message.metadata), _day(snapshot, message))
        for message in snapshot.messages
        if message.author
    ]
    contacts = contacts_of(author for author, _ in written)
    if len(contacts) < 2:
        return
    contact_of = {author: contact for contact in contacts for author in contact.authors}
    days_of: dict[Contact, list[date]] = {contact: [] for contact in contacts}
    for author, day in written:
        days_of[contact_of[author]].append(day)
    by_number = sorted(days_of, key=lambda contact: -len(days_of[contact]))
    most = ", ".join(f"{contact.name} {len(days_of[contact])} times" for contact in by_number[:3])
    text = f"{len(days_of)} contacts wrote ({most}{', ...' * (len(days_of) > 3)})."
    yield Fact(name="contacts", value=len(days_of), unit="people", text=text)
    main = by_number[0]
    last = max(days_of[main])
    silence = (snapshot.as_of - last).days
    others_since = sum(day > last for contact in by_number[1:] for day in days_of[contact])
    if len(days_of[main]) < _FEWEST_OF_MAIN or not others_since:
        return
    days = sorted(set(days_of[main]))
    gap = median((later - earlier).days for earlier, later in pairwise(days)) if len(days) > 1 else 0
    if silence > max(_SHORTEST_CONTACT_SILENCE_DAYS, 3 * gap):
        text = f"Their main contact, {main.name}, has not written for {_days(silence)}, while others have."
        yield Fact(name="main_contact_silence", value=silence, unit="days", text=text)


def _amounts(snapshot: Snapshot) -> Iterator[Fact]:
    by_currency: dict[str, list[tuple[int, float]]] = {}
    for row in snapshot.interactions:
        if row.amount is not None and facts_payments.counts_as_paid(snapshot, row):
            of_currency = by_currency.setdefault(row.metadata.get("currency", ""), [])
            of_currency.append((_days_before(snapshot, row), row.amount))
    if not by_currency:
        return
    ranked = sorted(by_currency, key=lambda currency: (-len(by_currency[currency]), currency))
    paid = by_currency[ranked[0]]  # amounts in other currencies are told, and not added up
    total = sum(amount for _, amount in paid)
    if len(ranked) == 1:
        text = f"The amounts sum up to {total:,.2f} over {_count(len(paid), 'interaction')}."
    else:
        sums = [
            f"{currency or 'no currency'} {sum(amount for _, amount in by_currency[currency]):,.2f} over "
            f"{_count(len(by_currency[currency]), 'interaction')}"
            for currency in ranked
        ]
        text = f"The amounts sum up to {', '.join(sums)}."
    yield Fact(name="amount_total", value=round(total, 2), unit="money", text=text)
    if len(paid) < 4:
        return
    middle = median(days for days, _ in paid)
    old = [amount for days, amount in paid if days > middle]
    new = [amount for days, amount in paid if days <= middle]
    if old and mean(old) > 0 and mean(new) >= 0:
        ratio = mean(new) / mean(old)
        text = f"A recent amount is {ratio:.0%} of an earlier one on average."
        yield Fact(name="amount_trend", value=round(ratio, 2), unit="ratio", text=text)


def _troubles(snapshot: Snapshot) -> Iterator[Fact]:
    channels = [row.channel.casefold() for row in snapshot.interactions]
    kinds = {
        "returns": (sum(c in _RETURN_CHANNELS for c in channels), "return or cancellation"),
        "complaints": (sum(c in _COMPLAINT_CHANNELS for c in channels), "complaint"),
        "missed": (sum(row.missed for row in snapshot.interactions), "missed deadline or appointment"),
    }
    for name, (count, what) in kinds.items():
        if count:
            text = f"The history has {count} x {what}."
            yield Fact(name=name, value=count, unit="interactions", text=text)
    if any(row.speaker == "company" and snapshot.card.holds_words(row.channel) for row in snapshot.interactions):
        waiting = 0
        for interaction in reversed(snapshot.interactions):
            if not snapshot.card.holds_words(interaction.channel):
                continue
            if interaction.speaker == "company":
                break
            waiting += interaction.speaker == "customer"
        if waiting:
            text = f"{_count(waiting, 'message')} at the end of the history got no answer."
            yield Fact(name="unanswered", value=waiting, unit="messages", text=text)


def _ratings(snapshot: Snapshot) -> Iterator[Fact]:
    for name in KINDS:
        rated = [(row, value) for row in snapshot.interactions if (value := rating(row.metadata, name)) is not None]
        if rated:
            last, value = rated[-1]
            text = f"Their last {name} is {value:g}, the mean of {len(rated)} is {mean(v for _, v in rated):.1f}."
            yield Fact(name=f"last_{name}", value=value, unit="points", text=text)
            days = _days_before(snapshot, last)
            yield Fact(name=f"{name}_age", value=days, unit="days", text=f"The last {name} is {_days(days)} old.")


def _contract(snapshot: Snapshot) -> Iterator[Fact]:
    since = facts_contract.runs_on_since(snapshot)
    if since:
        text = f"Their term ended on {since} and the contract goes on, so that they can leave at short notice."
        yield Fact(name="monthly_contract", value=1.0, unit="yes=1", text=text)
        return
    term = snapshot.attributes.get("contract", "")
    months = contract_terms.months(term)
    if months is not None:
        monthly = months <= _SHORT_NOTICE_MONTHS
        kind = "can leave at short notice" if monthly else "is bound for a term"
        text = f"The contract ({term}) means that the customer {kind}."
        yield Fact(name="monthly_contract", value=float(monthly), unit="yes=1", text=text)


def _days(n: float) -> str:
    return _count(n, "day")


def _count(n: float, what: str) -> str:
    return f"{n:g} {what}{'s' * (n != 1)}"


_PARTS = (
    *(_activity, _rhythm, _trend, _contacts, _amounts, _troubles, _ratings, _contract),
    *(facts_contract.compute, facts_payments.compute, facts_pause.compute, facts_usage.compute),
    *(kind_of_book.compute, facts_measurements.compute),
)
