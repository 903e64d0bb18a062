"""Audits: cards drawn at random, marked by people, and the shares of reasons and actions that are right."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import combinations

import numpy as np
from more_itertools import map_reduce

from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError
from churn_agent.history import audits, records
from churn_agent.history.audits import AuditCard, Mark, Marks
from churn_agent.history.records import FORGOTTEN
from churn_agent.history.runs import NEWEST, Run
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Interval
from churn_agent.store.store import Store

_NO_BAND = "no band"
_STRATA = ("high", "medium", "low", _NO_BAND)
_DRAWS = 1000


# --- drawing


@dataclass(frozen=True)
class Drawn:
    """Cards drawn from a run."""

    audit_id: str
    run: Run
    cards: Sequence[tuple[AuditCard, Assessment]]
    of: int
    """Number of cards in the run."""


def draw(store: Store, run: str = NEWEST, *, n: int, seed: int = 0) -> Drawn:
    """Draws cards of a run at random and stores which ones; the same call draws the same cards.

    Each band gets places in proportion to the square root of its size, so that the few customers at high risk are not
    missing. Weights, the number of customers that a card stands for, make up for it.

    Args:
        store: the store of the run.
        run: start of the run's id, or `latest`.
        n: number of cards; at most as many as the run has are drawn.
        seed: of the draw.

    Raises:
        InputError: there is no such run, or it has no assessed customer.
    """
    batch = store.run(run)
    assessed = {
        record.customer_id: record
        for record in records.of_run(store.history, batch.id)
        if record.status == "assessed" and record.screening is None and not record.provenance.on_withdrawn_data
    }
    if not assessed:
        raise InputError(f"run {batch.id[:8]} has no assessed customer; run: churn-agent batch")
    audit_id = hashlib.sha256(f"{batch.id} {n} {seed}".encode()).hexdigest()[:8]
    known = [card for card in audits.all_cards(store.history) if card.audit_id == audit_id]
    if not known:
        known = list(_drawn(list(assessed.values()), audit_id, batch.id, n, seed))
        audits.add(store.history, known)
    kept = [(card, assessed[card.customer_id]) for card in known if card.customer_id in assessed]
    return Drawn(audit_id, batch, kept, len(assessed))


def _drawn(assessed: Sequence[Assessment], audit_id: str, run_id: str, n: int, seed: int) -> Iterator[AuditCard]:
    random = np.random.default_rng(seed)
    by_stratum = map_reduce(assessed, lambda record: record.band or _NO_BAND)
    places = _places({name: len(members) for name, members in by_stratum.items()}, n)
    chosen: list[tuple[Assessment, float]] = []
    for name in _STRATA:
        members = sorted(by_stratum.get(name, []), key=lambda record: record.customer_id)
        rows = random.permutation(len(members))[: places.get(name, 0)]
        chosen += [(members[int(row)], len(members) / len(rows)) for row in rows]
    # In any order: the band of a card must not show from its place.
    for number, at in enumerate(random.permutation(len(chosen)), start=1):
        record, weight = chosen[int(at)]
        yield AuditCard(
            audit_id,
            record.customer_id,
            datetime.now(UTC),
            run_id,
            number,
            record.band or _NO_BAND,
            weight,
            len(record.reasons),
            [f"r{n}" for n, reason in enumerate(record.reasons, start=1) if reason.citations],
            len(record.actions),
            {},
        )


def _places(sizes: Mapping[str, int], n: int) -> Counter[str]:
    """Returns how many cards each stratum gets."""
    places: Counter[str] = Counter()
    for _ in range(min(n, sum(sizes.values()))):
        open_ = [name for name in sizes if places[name] < sizes[name]]
        places[max(open_, key=lambda name: math.sqrt(sizes[name]) / (places[name] + 0.5))] += 1
    return places


# --- measuring


@dataclass(frozen=True)
class Figure:
    """A weighted share with its 95 % interval."""

    value: float
    low: float
    high: float
    cards: int
    """Number of cards that it rests on."""
    items: int
    """Number of reasons or actions on them; of cards, if cards are counted."""


@dataclass(frozen=True)
class Agreement:
    """How far two people agree on the same reasons and actions."""

    first: str
    second: str
    items: int
    same: float
    """Share of items that both marked alike."""
    kappa: float | None
    """Cohen's kappa; None if chance alone makes them agree, because both gave one mark only."""
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Audit:
    """The result of an audit so far."""

    audit_id: str
    run: Run
    day: date
    """Day of the draw."""
    drawn: int
    marked: int
    """Number of cards with a mark."""
    people: Sequence[str]
    cards_right: Figure | None
    """Cards on which all reasons are right, of cards with reasons."""
    reasons_right: Figure | None
    """Precision: reasons that are right, of those on the cards."""
    quoted_right: Figure | None
    """The same for reasons with quotes alone: computed facts are seldom wrong."""
    actions_right: Figure | None
    cards_missing: Figure | None
    """Cards that miss a signal which the messages show."""
    missed: Mapping[str, int]
    """Signal -> number of cards that miss it, most frequent first."""
    agreement: Sequence[Agreement]


def audit(store: Store, audit_id: str | None = None) -> Audit | None:
    """Measures an audit; the newest one with marks if none is named. Returns None if there is none.

    A card counts for each person who marked it, and people who disagree count equally: a reason that one of two finds
    right counts half. `unclear` and missing marks do not count.

    Raises:
        InputError: there is no audit with this id.
    """
    everything = map_reduce(audits.all_cards(store.history), lambda card: card.audit_id)
    if audit_id is not None and audit_id not in everything:
        raise InputError(f"there is no audit {audit_id!r} in this store; to draw one: churn-agent audit --random 50")
    marked = [id_ for id_, cards in everything.items() if any(card.marks for card in cards)]
    chosen = audit_id or (marked[-1] if marked else None)
    return None if chosen is None else _measured(store, chosen, everything[chosen])


def _measured(store: Store, audit_id: str, cards: Sequence[AuditCard]) -> Audit:
    missing = [(card, _mean([bool(m.missed) for m in card.marks.values() if m.missed is not None])) for card in cards]
    missed = Counter(
        signal for card in cards for signal in {s for marks in card.marks.values() for s in marks.missed or ()}
    )
    people = sorted({person for card in cards for person in card.marks})
    return Audit(
        audit_id=audit_id,
        run=store.run(cards[0].run_id),
        day=store.card.local(cards[0].created_at).date(),
        drawn=len(cards),
        marked=sum(bool(card.marks) for card in cards),
        people=people,
        cards_right=_share([(card, _all_right(card)) for card in cards]),
        reasons_right=_precision(cards, lambda card, marks: marks.reasons),
        quoted_right=_precision(cards, _quoted),
        actions_right=_precision(cards, lambda card, marks: marks.actions),
        cards_missing=_share(missing),
        missed=dict(missed.most_common()),
        agreement=[_agreement(cards, *pair) for pair in combinations(people, 2)],
    )


def _all_right(card: AuditCard) -> float | None:
    """The share of people for whom all reasons are right; None if nobody has marked one."""
    judged = [_decided(marks.reasons) for marks in card.marks.values()]
    return _mean([all(known.values()) for known in judged if known])


def _decided(marks: Mapping[str, Mark]) -> dict[str, bool]:
    return {item: mark == "right" for item, mark in marks.items() if mark != "unclear"}


def _mean(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _share(judged: Sequence[tuple[AuditCard, float | None]]) -> Figure | None:
    known = [(card.weight, value) for card, value in judged if value is not None]
    if not known:
        return None
    weights, values = (np.array(column) for column in zip(*known, strict=True))
    return _figure(metrics.weighted_share(values, weights), len(known), len(known))


def _quoted(card: AuditCard, marks: Marks) -> Mapping[str, Mark]:
    return {item: mark for item, mark in marks.reasons.items() if item in card.quoted}


def _precision(cards: Sequence[AuditCard], items_of: Callable[[AuditCard, Marks], Mapping[str, Mark]]) -> Figure | None:
    """The share of items that are right. Items of one card may be right together: the interval is that of the cards."""
    rows: list[tuple[float, float, int]] = []
    for card in cards:
        by_item: dict[str, list[bool]] = {}
        for marks in card.marks.values():
            for item, right in _decided(items_of(card, marks)).items():
                by_item.setdefault(item, []).append(right)
        if by_item:
            rows.append((card.weight, sum(sum(each) / len(each) for each in by_item.values()), len(by_item)))
    if not rows:
        return None
    weights, right, items = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    value = metrics.weighted_share(right / items, weights * items).value
    # An interval for this value at the effective number of cards.
    around = metrics.weighted_share(np.full(len(weights), value), weights)
    return _figure(around, len(rows), int(items.sum()))


def _figure(interval: Interval, cards: int, items: int) -> Figure:
    return Figure(interval.value, interval.low, interval.high, cards, items)


def _agreement(cards: Sequence[AuditCard], first: str, second: str) -> Agreement:
    pairs: list[tuple[int, bool, bool]] = []
    for card in cards:
        one, other = (_items(card.marks.get(person)) for person in (first, second))
        pairs += [(card.card, one[item], other[item]) for item in sorted(one.keys() & other.keys())]
    if not pairs:
        return Agreement(first, second, 0, math.nan, None, None, None)
    groups, a, b = (np.array(column) for column in zip(*pairs, strict=True))
    value = metrics.kappa(a, b)
    same = float((a == b).mean())
    if math.isnan(value):
        return Agreement(first, second, len(pairs), same, None, None, None)
    drawn = [metrics.kappa(a[rows], b[rows]) for rows in metrics.resamples(len(a), groups, _DRAWS, 0)]
    interval = metrics.percentiles(value, drawn)
    return Agreement(first, second, len(pairs), same, value, interval.low, interval.high)


def _items(marks: Marks | None) -> dict[str, bool]:
    return {} if marks is None else _decided({**marks.reasons, **marks.actions})


def is_current(found: Audit, run: Run) -> bool:
    """Whether the audited cards were made by the model, prompt and method of a run."""
    return all(found.run.spec.get(name) == run.spec.get(name) for name in ("model_id", "prompt", "method"))


def known_customer(card: AuditCard) -> bool:
    """Whether the customer of a card has not been forgotten."""
    return not card.customer_id.startswith(FORGOTTEN)
