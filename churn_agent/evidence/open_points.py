"""What a customer still waits for: questions without an answer, and refunds that have not come."""

import re
from collections.abc import Iterator
from datetime import timedelta

from churn_agent.domain.assessment import Citation
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.end_dates import whole_sentences
from churn_agent.evidence.patterns import MOST

_REFUND = re.compile(
    r"\b(?:refund\w*|reimburs\w+|credit note|money back|pay (?:it|me|us) back|rückerstatt\w*|erstatt\w*|gutschrift\w*"
    r"|geld zurück|rembours\w*|rimbors\w*)\b",
    re.IGNORECASE,
)
_NO_REFUND = re.compile(
    r"\b(?:thanks? (?:you )?for the|received (?:the|my|our)|arrived|no refund|not refundable|danke für die|erhalten"
    r"|angekommen|eingegangen)\b",
    re.IGNORECASE,
)
_PAID_BACK = frozenset("refund credit credit_note reimbursement chargeback gutschrift erstattung".split())
"""Channels of money that was paid back."""
_LONGEST = timedelta(days=180)
"""A refund that was last mentioned longer ago is not waited for any more."""
_LONGEST_QUOTE = 300


def unanswered_questions(snapshot: Snapshot) -> list[Citation]:
    """Returns the questions in the customer's messages since the company last said something, oldest first.

    Empty if the company's side is not in the data at all.
    """
    texts = [row for row in snapshot.interactions if row.text.strip() and snapshot.card.holds_words(row.channel)]
    answered = [row.occurred_at for row in texts if row.speaker == "company"]
    if not answered:
        return []
    last = max(answered)
    return [
        _citation(row, start, end, snapshot)
        for row in snapshot.messages
        if row.occurred_at > last
        for start, end in _sentences(row)
        if row.text[start:end].rstrip(" \"'”“)").endswith("?")
    ]


def awaited_refunds(snapshot: Snapshot) -> list[Citation]:
    """Returns the latest sentence about a refund of each conversation side, if no money was paid back since.

    It is either the customer's (who asks for it, or waits) or the company's (which promises it).
    """
    since = snapshot.card.end_of_day(snapshot.as_of) - _LONGEST
    paid = [row.occurred_at for row in snapshot.interactions if _is_paid_back(row)]
    found: dict[str, Citation] = {}
    for row in snapshot.interactions:
        if row.occurred_at <= since or any(at >= row.occurred_at for at in paid):
            continue
        if row.speaker in ("customer", "company") and snapshot.card.holds_words(row.channel):
            for start, end in _sentences(row):
                sentence = row.text[start:end]
                if not _REFUND.search(sentence):
                    continue
                if _NO_REFUND.search(sentence):
                    found.clear()
                else:
                    found[str(row.speaker)] = _citation(row, start, end, snapshot)
    return sorted(found.values(), key=lambda citation: citation.occurred_at)


def _is_paid_back(row: Interaction) -> bool:
    return row.channel.casefold() in _PAID_BACK or (row.amount is not None and row.amount < 0)


def _sentences(row: Interaction) -> Iterator[tuple[int, int]]:
    if len(row.text) <= MOST:
        yield from whole_sentences(row.text)


def _citation(row: Interaction, start: int, end: int, snapshot: Snapshot) -> Citation:
    end = min(end, start + _LONGEST_QUOTE)
    return Citation(
        interaction_id=row.id,
        label="",
        quote=row.text[start:end],
        occurred_at=snapshot.card.local(row.occurred_at),
        verified=True,
        author=row.author,
        start=start,
        end=end,
    )
