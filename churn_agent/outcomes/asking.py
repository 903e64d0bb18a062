"""What to ask people first: where the tool is least sure (uncertainty sampling: Lewis & Gale 1994)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine

from churn_agent.history import annotations, book, interactions, records


@dataclass(frozen=True)
class SignalQuestion:
    """Does this message show this signal?"""

    interaction_id: str
    customer_id: str
    concept: str
    quote: str
    strength: float
    """How sure the model was, 0 to 1."""


def open_outcomes(engine: Engine, as_of: date, customer_ids: Collection[str]) -> list[str]:
    """The customers without a label for a date, those first whose latest score is nearest to one half.

    Customers without a score come last, in their order.
    """
    labelled = book.labelled(engine, as_of)
    doubt: dict[str, float] = {}
    for record in records.latest(engine):
        if record.as_of == as_of and record.churn_probability:
            doubt[record.customer_id] = abs(record.churn_probability.raw - 0.5)
    return sorted((id_ for id_ in customer_ids if id_ not in labelled), key=lambda id_: doubt.get(id_, 1.0))


def open_signals(engine: Engine) -> list[SignalQuestion]:
    """What the latest assessments read in messages and nobody has judged, the least sure first."""
    known = annotations.known(engine)
    found: dict[tuple[str, str], SignalQuestion] = {}
    for record in records.latest(engine):
        for signal in record.signals:
            for citation in signal.citations:
                key = citation.interaction_id, signal.concept
                if key not in known and citation.verified:
                    question = SignalQuestion(*key[:1], record.customer_id, key[1], citation.quote, signal.strength)
                    found.setdefault(key, question)
    there = interactions.existing(engine, {interaction_id for interaction_id, _ in found})
    questions = [question for question in found.values() if question.interaction_id in there]
    return sorted(questions, key=lambda question: abs(question.strength - 0.5))
