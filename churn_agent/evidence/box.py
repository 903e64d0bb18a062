"""The box around customer text: the only way for it to enter a prompt.

Each text becomes one line between quotes that it cannot close, and anything like a control token is broken up. A
customer's text can therefore not start a new line, turn or evidence item.
"""

import re
from collections.abc import Sequence

from churn_agent.domain.assessment import Fact
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card
from churn_agent.evidence.retrieval import Evidence

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_BROKEN_UP = str.maketrans({"<": "\u2039", "\u201c": "'", "\u201d": "'", '"': "'"})


def box(text: str) -> str:
    """A customer's text as one line. Words are unchanged, so that quotes from it can be found again."""
    return " ".join(_CONTROL.sub(" ", text).translate(_BROKEN_UP).split())


def evidence_lines(evidence: Sequence[Evidence], card: Card) -> str:
    """`E1 (2026-02-11, email, customer): "text"`, one item per line. Dates are in the book's time zone."""
    return "\n".join(f'{item.label} ({describe(item.interaction, card)}): "{box(item.text)}"' for item in evidence)


def describe(interaction: Interaction, card: Card) -> str:
    """Date, channel and author of an interaction."""
    author = interaction.author or {"outbound": "company", "inbound": "customer"}.get(interaction.direction or "", "")
    parts = [f"{card.local(interaction.occurred_at):%Y-%m-%d}", box(interaction.channel), box(author)]
    return ", ".join(part for part in parts if part)


def fact_lines(facts: Sequence[Fact]) -> str:
    """The facts in words, one per line."""
    return "\n".join(f"- {fact.text}" for fact in facts) or "- nothing is known"
