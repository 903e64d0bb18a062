"""What the card of a customer shows besides the record: the latest interactions and the earlier numbers."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from churn_agent.domain.assessment import Citation
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card
from churn_agent.history import records
from churn_agent.reports.portfolio.accounts import Account, Event
from churn_agent.store.store import Store

_TIMELINE = 12
"""Number of latest interactions on a card, in addition to the cited ones."""
_QUOTED = 400
"""Most characters of an interaction on a card."""


def with_card(account: Account, store: Store, *, show: bool) -> Account:
    """Returns the account with its timeline and earlier numbers, if it is to be shown and was assessed."""
    assessment = account.assessment
    if not show or assessment.status != "assessed":
        return account
    snapshot = store.snapshot(assessment.customer_id, as_of=assessment.as_of)
    cited: dict[str, list[Citation]] = defaultdict(list)
    for reason in assessment.reasons:
        for citation in reason.citations:
            cited[citation.interaction_id].append(citation)
    latest = {row.id for row in snapshot.interactions[-_TIMELINE:]}
    shown = [row for row in snapshot.interactions if row.id in latest or row.id in cited]
    timeline = [_event(row, cited.get(row.id, ()), snapshot.card) for row in reversed(shown)]
    return replace(account, timeline=timeline, earlier=tuple(_earlier(account, store)))


def _earlier(account: Account, store: Store) -> Iterator[tuple[date, float]]:
    """Yields the newest number of the same kind for each earlier date."""
    own = account.assessment
    calibrated = own.churn_probability is not None and own.churn_probability.calibrated
    newest: dict[date, float] = {}
    for record in records.of_customer(store.history, own.customer_id):
        number = record.churn_probability
        if number and number.calibrated == calibrated and record.as_of < own.as_of:
            newest.setdefault(record.as_of, number.shown)
    yield from sorted(newest.items())


def _event(interaction: Interaction, citations: Sequence[Citation], card: Card) -> Event:
    text = interaction.text
    spans = sorted((c.start, c.end) for c in citations if c.verified and c.start is not None and c.end is not None)
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in spans:
        if start >= at:
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    rest = text[at:]
    pieces.append((rest if len(rest) <= _QUOTED else f"{rest[:_QUOTED]} \u2026", False))
    kept = [(piece, marked) for piece, marked in pieces if piece]
    return Event(card.local(interaction.occurred_at).date(), interaction.channel, interaction.direction, kept)
