"""Selects questions for people: the least certain cases come first (uncertainty sampling: Lewis & Gale 1994).

Answers about outcomes become labels; answers about signals become corrections, which act at once.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from churn_agent.domain.interactions import Interaction, Label
from churn_agent.errors import InputError
from churn_agent.history import book, corrections, interactions, records
from churn_agent.store.store import Store


@dataclass(frozen=True)
class SignalQuestion:
    """Does this message show this signal?"""

    message: Interaction
    concept: str
    quote: str
    strength: float
    """The model's certainty, 0 to 1."""
    definition: str
    """Completes: does it show that the customer ..."""


@dataclass(frozen=True)
class OutcomeQuestions:
    """Did these customers churn in the horizon after a day?"""

    as_of: date
    over: date
    """The last day of the horizon."""
    customer_ids: tuple[str, ...]
    """Least sure first; customers without a score last."""


def outcome_questions(store: Store, as_of: date) -> OutcomeQuestions:
    """The customers without a label for a day. The nearer the latest score is to one half, the earlier they come.

    Raises:
        EmptyStore: nothing is stored.
        InputError: the horizon after that day is not over.
    """
    card = store.card
    over = as_of + timedelta(days=card.horizon_days)
    last_day = store.default_as_of()
    if over > last_day:
        raise InputError(f"the {card.horizon_days} days after {as_of} are not over: the history ends on {last_day}")
    labelled = book.labelled(store.history, as_of)
    doubt = {
        record.customer_id: abs(record.churn_probability.raw - 0.5)
        for record in records.latest(store.history)
        if record.as_of == as_of and record.churn_probability
    }
    unlabelled = [
        customer_id
        for customer_id in interactions.customer_ids(store.history, until=card.end_of_day(as_of))
        if customer_id not in labelled
    ]
    unlabelled.sort(key=lambda customer_id: doubt.get(customer_id, 1.0))
    return OutcomeQuestions(as_of, over, tuple(unlabelled))


def answer_outcome(store: Store, customer_id: str, as_of: date, *, churned: bool, reason: str | None = None) -> None:
    """Stores a person's answer as a label."""
    metadata = {"source": "person"} | ({"reason": reason} if reason else {})
    label = Label(customer_id, as_of.isoformat(), churned, store.card.horizon_days, metadata)
    with store.history.begin() as connection:
        book.add_labels(connection, [label])


def signal_questions(store: Store, limit: int) -> list[SignalQuestion]:
    """Signals in the latest assessments that no person has judged yet, least sure first.

    Args:
        store: a store with assessments.
        limit: the most questions to return.
    """
    signals = store.taxonomy.by_id
    judged = {(correction.interaction_id, correction.concept) for correction in store.corrections_in_force()}
    read: dict[tuple[str, str], tuple[str, float]] = {}
    for record in records.latest(store.history):
        for signal in record.signals:
            for citation in signal.citations:
                key = citation.interaction_id, signal.concept
                if key not in judged and signal.concept in signals and citation.verified:
                    read.setdefault(key, (citation.quote, signal.strength))
    stored = interactions.existing(store.history, {interaction_id for interaction_id, _ in read})
    unsure = sorted((key for key in read if key[0] in stored), key=lambda key: abs(read[key][1] - 0.5))
    company = store.card.company
    return [
        SignalQuestion(message, concept, *read[interaction_id, concept], definition)
        for interaction_id, concept in unsure[:limit]
        if (message := interactions.one(store.history, interaction_id))
        for definition in [signals[concept].definition.replace("$company", company)]
    ]


def answer_signal(store: Store, question: SignalQuestion, *, shown: bool, by: str | None = None) -> None:
    """Stores a person's answer as a correction; a later one replaces it."""
    with store.history.begin() as connection:
        corrections.put(connection, question.message.id, question.concept, shown=shown, by=by)
