"""People's corrections: made, approved for all customers, undone, and turned into cases and training messages."""

from collections.abc import Iterator
from dataclasses import dataclass

from churn_agent.content.taxonomy import Taxonomy
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.wording import counted
from churn_agent.elicitation.confirm import LONGEST_QUOTE
from churn_agent.elicitation.correcting import ALIKE, same_sense
from churn_agent.elicitation.second_reader.messages import GoldMessage, GoldSignal
from churn_agent.errors import DataError, InputError
from churn_agent.history import corrections, interactions
from churn_agent.history.corrections import Correction
from churn_agent.index.search import Hit
from churn_agent.store.store import Store

LEAST_MESSAGES = 30
"""Fewest corrected messages that readers and thresholds learn from; of fewer, single answers would decide too much."""
_REACHED = 200
"""Most messages that an approval is said to reach."""
_SHOWN = 3
_LONGEST_SHOWN = 60


def correct(
    store: Store, message: Interaction, signal: str, *, shown: bool, by: str | None = None
) -> tuple[Correction, bool]:
    """Stores a correction, which acts from now on.

    Args:
        store: with the message.
        message: of a customer.
        signal: id of a signal.
        shown: whether the message shows it.
        by: who says so.

    Returns:
        The correction, and whether it is new.

    Raises:
        InputError: there is no such signal.
    """
    require_signal(signal, store.taxonomy)
    with store.history.begin() as connection:
        new = corrections.put(connection, message.id, signal, shown=shown, by=by)
    key = message.id, signal
    return next(
        correction for correction in listed(store) if (correction.interaction_id, correction.concept) == key
    ), new


def require_signal(signal: str, taxonomy: Taxonomy) -> None:
    """Raises `InputError` if there is no such signal."""
    if signal not in taxonomy.by_id:
        raise InputError(f"there is no signal {signal!r}; there are: {', '.join(taxonomy.by_id)}")


def message_of(store: Store, customer_id: str, *, id_: str | None = None, containing: str | None = None) -> Interaction:
    """Returns a message of a customer by its id, or by some of its words.

    Raises:
        InputError: no message fits, or messages with different texts do.
        UnknownCustomer: the customer has no history.
    """
    messages = store.snapshot(customer_id).messages
    if id_ is not None:
        matches = [message for message in messages if message.id == id_]
        what = f"with the id {id_!r}"
    else:
        words = " ".join((containing or "").casefold().split())
        matches = [message for message in messages if words and words in " ".join(message.text.casefold().split())]
        what = f"with the words {containing!r}"
    if not matches:
        raise InputError(f"customer {customer_id!r} has no message {what}")
    if len({message.text_id for message in matches}) > 1:
        shown = "; ".join(f"{message.id}: {_short(message.text)!r}" for message in matches[:_SHOWN])
        raise InputError(f"customer {customer_id!r} has {len(matches)} messages {what}; name one by its id ({shown})")
    return matches[-1]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"


def listed(store: Store, customer_id: str | None = None) -> list[Correction]:
    """Returns all corrections, or those of a customer, by number."""
    every = corrections.all_corrections(store.history)
    return [correction for correction in every if customer_id in (None, correction.customer_id)]


@dataclass(frozen=True)
class Reach:
    """The messages of other customers that a correction would hold for."""

    correction: Correction
    hits: tuple[Hit, ...]

    @property
    def customers(self) -> int:
        """Number of these customers."""
        return len({hit.interaction.customer_id for hit in self.hits})


def reach(store: Store, number: int) -> Reach:
    """Returns a correction with the indexed messages of other customers that it holds for, or would if approved.

    Raises:
        InputError: there is no such correction.
        Unavailable: the index or the embedder cannot be used.
    """
    correction = corrections.find(store.history, number)
    alike = (hit for hit in store.search(correction.text, limit=_REACHED) if hit.similarity >= ALIKE)
    others = (hit for hit in alike if hit.interaction.customer_id != correction.customer_id)
    holds = (hit for hit in others if same_sense(hit.interaction.text, correction, store.taxonomy))
    return Reach(correction, tuple(holds))


def approve(store: Store, number: int, *, by: str | None = None) -> Correction:
    """Makes a correction hold for all customers. Raises `InputError` if there is none, or its message has changed."""
    correction = corrections.find(store.history, number)
    if not correction.in_force:
        raise InputError(f"the message of correction {number} has changed since, so that it holds for nothing")
    with store.history.begin() as connection:
        corrections.approve(connection, number, by=by)
    return corrections.find(store.history, number)


def undo(store: Store, number: int) -> Correction:
    """Removes a correction. Raises `InputError` if there is none."""
    correction = corrections.find(store.history, number)
    with store.history.begin() as connection:
        corrections.remove(connection, number)
    return correction


def cases(store: Store) -> Iterator[dict[str, object]]:
    """Yields the corrections in force as cases for `churn-agent check`."""
    for correction in store.corrections_in_force():
        expected = {"must": [[correction.concept]]} if correction.shown else {"never": [correction.concept]}
        company = store.snapshot(correction.customer_id).company
        why = f"correction {correction.number} by {correction.created_by or 'a user'}, {correction.created_at:%Y-%m-%d}"
        yield {"text": correction.text, "company": company, **expected, "why": why}


def training_messages(store: Store) -> list[GoldMessage]:
    """Returns the corrected messages with what people said of them; their other signals are unknown."""
    by_text: dict[tuple[str, str], dict[str, Correction]] = {}
    for correction in store.corrections_in_force():
        by_text.setdefault((correction.customer_id, correction.text_id), {})[correction.concept] = correction
    companies = store.companies()
    return [
        GoldMessage(
            text=of_text[0].text,
            company=company,
            others=tuple(sorted(companies - {company})),
            signals=tuple(
                GoldSignal(id=answer.concept, quote=answer.text[:LONGEST_QUOTE]) for answer in of_text if answer.shown
            ),
            judged=tuple(sorted(answer.concept for answer in of_text)),
        )
        for (customer_id, _), judged in by_text.items()
        for of_text, company in [(list(judged.values()), store.snapshot(customer_id).company)]
    ]


def require_enough(messages: int) -> None:
    """Raises `DataError` if there are too few corrected messages to learn from."""
    if messages < LEAST_MESSAGES:
        raise DataError(
            f"{counted(messages, 'corrected message is', 'corrected messages are')} too few to learn from: at least "
            f"{LEAST_MESSAGES} are needed; correct more: churn-agent label --what signals"
        )


def stored_message(store: Store, interaction_id: str, customer_id: str) -> Interaction | None:
    """Returns a message by its id; None if it is not stored, or belongs to another customer."""
    message = interactions.one(store.history, interaction_id)
    return message if message and message.customer_id == customer_id else None
