"""What is unlikely in a book, and usually comes from a wrong mapping. Counted by the database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, or_, select

from churn_agent.domain.snapshot import Card
from churn_agent.history.tables import customers, interactions

table = interactions.c
_STAFF = (
    "thank you for contacting", "thanks for contacting", "thank you for reaching out", "thanks for reaching out",
    "how can i help", "how may i help", "how can i assist", "how may i assist", "is there anything else i can",
    "we apologize for", "we apologise for", "sorry for the inconvenience", "your request has been received",
    "vielen dank für ihre anfrage", "vielen dank für ihre nachricht", "wie kann ich ihnen helfen",
    "wir entschuldigen uns",
    "merci de nous avoir contact", "comment puis-je vous aider", "gracias por contactar", "en qué puedo ayudar",
    "grazie per averci contattato", "come posso aiutar", "bedankt voor uw bericht", "hoe kan ik u helpen",
    "obrigado por entrar em contato", "como posso ajudar",
)  # fmt: skip
"""Phrases of the company's people."""
_LEAVING = (
    "i want to cancel", "i would like to cancel", "i'd like to cancel", "please cancel my", "cancel my subscription",
    "cancel my account", "close my account", "i am leaving", "ich möchte kündigen", "ich kündige", "hiermit kündige",
    "je souhaite résilier", "je veux résilier", "quiero cancelar", "quiero darme de baja", "voglio disdire",
    "ik wil opzeggen", "quero cancelar",
)  # fmt: skip
"""Phrases of customers who leave."""
_MOST_TERMS = 200
_SAMPLE = 50_000
"""Messages in which phrases are looked for; ids are hashes, so that the first by id are a random sample."""
_LEAST_MESSAGES = 3
"""Fewest messages of a customer who mostly speaks like the company's people."""
_LARGE = 100
"""An amount this many times the median of its channel is large."""


@dataclass(frozen=True)
class LargeAmounts:
    """Amounts of a channel that are a hundred times the usual."""

    channel: str
    n: int
    largest: float
    median: float
    """Of all absolute amounts of the channel but 0."""


@dataclass(frozen=True)
class Oddities:
    """Numbers that show a wrong mapping."""

    speakers: Mapping[str, Mapping[str, int]]
    """Channel -> speaker -> messages."""
    most_messages: tuple[str, int] | None
    """The customer with most messages, and their number."""
    staff_phrases: Mapping[str, int]
    """Speaker -> messages with a phrase of the company's people, in a sample of 50,000."""
    leaving_phrases: Mapping[str, int]
    """Speaker -> messages with a phrase of customers who leave, in the same sample."""
    like_staff: tuple[str, ...]
    """Up to five customers half of whose own messages have a phrase of the company's people."""
    large_amounts: tuple[LargeAmounts, ...]
    coverage: Mapping[str, int]
    """Attribute that reports use (owner, renewal, value) -> customers with it."""
    contract_terms: Mapping[str, int]
    """The most frequent values of the attribute `contract` -> customers with it."""


def find(connection: Connection, card: Card, spoken: ColumnElement[bool]) -> Oddities:
    """Returns the oddities of a book.

    Args:
        connection: database of the history.
        card: card of the book.
        spoken: condition of rows with a text by people.
    """
    speaker = func.coalesce(table.speaker, "unknown")
    speakers: dict[str, dict[str, int]] = {}
    for channel, name, n in connection.execute(
        select(table.channel, speaker, func.count()).where(spoken).group_by(table.channel, speaker)
    ):
        speakers.setdefault(channel, {})[name] = n
    most = connection.execute(
        select(table.customer_id, func.count())
        .where(spoken)
        .group_by(table.customer_id)
        .order_by(func.count().desc(), table.customer_id)
        .limit(1)
    ).first()
    sample = (
        select(
            table.customer_id, speaker.label("speaker"), _has(_STAFF).label("staff"), _has(_LEAVING).label("leaving")
        )
        .where(spoken)
        .order_by(table.id)
        .limit(_SAMPLE)
        .subquery()
        .c
    )
    phrases = connection.execute(
        select(sample.speaker, func.sum(sample.staff), func.sum(sample.leaving)).group_by(sample.speaker)
    ).all()
    like_staff = connection.scalars(
        select(sample.customer_id)
        .where(sample.speaker == "customer")
        .group_by(sample.customer_id)
        .having(and_(func.count() >= _LEAST_MESSAGES, 2 * func.sum(sample.staff) >= func.count()))
        .order_by(func.sum(sample.staff).desc(), sample.customer_id)
        .limit(5)
    ).all()
    used = dict.fromkeys(filter(None, (card.owner_attribute, card.renewal_attribute, card.value_attribute)))
    return Oddities(
        speakers=speakers,
        most_messages=(most[0], most[1]) if most else None,
        staff_phrases={name: n for name, n, _ in phrases if n},
        leaving_phrases={name: n for name, _, n in phrases if n},
        like_staff=tuple(like_staff),
        large_amounts=_large_amounts(connection),
        coverage={name: _coverage(connection, name) for name in used},
        contract_terms=_contract_terms(connection),
    )


def _contract_terms(connection: Connection) -> dict[str, int]:
    term = customers.c.attributes["contract"].as_string()
    query = select(term, func.count()).where(term.is_not(None)).group_by(term)
    rows = connection.execute(query.order_by(func.count().desc(), term).limit(_MOST_TERMS))
    return {name: n for name, n in rows if name}


def _has(phrases: Collection[str]) -> ColumnElement[int]:
    lower = func.lower(table.text)
    return case((or_(*(func.instr(lower, literal(phrase)) > 0 for phrase in phrases)), 1), else_=0)


def _large_amounts(connection: Connection) -> tuple[LargeAmounts, ...]:
    size = func.abs(table.amount)
    ranked = (
        select(
            table.channel,
            size.label("size"),
            func.row_number().over(partition_by=table.channel, order_by=size).label("place"),
            func.count().over(partition_by=table.channel).label("n"),
        )
        .where(table.amount.is_not(None), table.amount != 0)
        .subquery()
    )
    rows = ranked.c
    median = select(rows.channel, rows.size.label("median")).where(rows.place == (rows.n + 1) // 2).subquery().c
    query = (
        select(rows.channel, func.count(), func.max(rows.size), median.median)
        .where(median.channel == rows.channel, rows.size >= _LARGE * median.median)
        .group_by(rows.channel, median.median)
        .order_by(func.count().desc())
    )
    return tuple(LargeAmounts(*row) for row in connection.execute(query))


def _coverage(connection: Connection, attribute: str) -> int:
    """Returns the number of customers of the history with a value of the attribute."""
    value = func.trim(func.coalesce(customers.c.attributes[attribute].as_string(), ""))
    active = select(table.customer_id).where(table.customer_id == customers.c.customer_id).exists()
    return connection.scalar(select(func.count()).select_from(customers).where(value != "", active)) or 0
