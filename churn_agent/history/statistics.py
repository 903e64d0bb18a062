"""Statistics of a book, counted by the database."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, extract, func, select

from churn_agent.domain.contacts import ADDRESS_KEY, Author, contacts_of, stored_author
from churn_agent.domain.snapshot import Card
from churn_agent.history import oddities
from churn_agent.history.database import from_stored
from churn_agent.history.latest import last_day
from churn_agent.history.tables import imports, interactions, labels

table = interactions.c
_EDGES = (1, 2, 5, 10, 20, 50, 100, 500)
"""Lower bounds of the groups of customers by number of interactions."""


@dataclass(frozen=True)
class BookStatistics:
    """The statistics of a book."""

    customers: int
    interactions: int
    first: datetime
    """In the book's time zone, as is `last`."""
    last: datetime
    channels: Mapping[str, int]
    messages: int
    """Number of interactions in channels with texts by people."""
    languages: Mapping[str, int]
    """Language -> messages; `unknown` if it was not detected."""
    months: Mapping[str, Mapping[str, int]]
    """`2026-03` -> channel -> interactions."""
    busiest_day: tuple[str, int]
    """ISO date with most interactions, and their number."""
    empty_months: tuple[str, ...]
    """Months without interactions between the first and the last."""
    by_size: Mapping[str, int]
    """`5-9` interactions -> customers."""
    one_day_customers: int
    """Number of customers with interactions on one day only."""
    silent_customers: int
    """Number of customers without messages."""
    quiet_since: Mapping[int, int]
    """Months between a customer's last interaction and the book's -> customers."""
    empty_texts: int
    repeated_rows: int
    """Number of interactions that repeat another one of the same customer and time."""
    distinct_texts: int
    """Number of distinct texts of messages."""
    repeated_texts: tuple[tuple[str, int], ...]
    """The most frequent texts of messages, and their counts."""
    cleaned_texts: int
    without_direction: int
    """Number of messages of unknown authors."""
    contacts: int
    """Number of customers for whom more than one person writes."""
    labels: int
    churned: int
    rejected_rows: int
    """Number of rows that imports rejected."""
    oddities: oddities.Oddities
    """What is unlikely."""


def of_book(engine: Engine, card: Card, word_channels: Collection[str]) -> BookStatistics | None:
    """Returns the statistics of a book; None if it is empty.

    Args:
        engine: database of the history.
        card: card of the book; days and months are in its time zone.
        word_channels: channels with texts by people.
    """
    with engine.connect() as connection:
        total, customers, first, last = connection.execute(
            select(
                func.count(),
                func.count(func.distinct(table.customer_id)),
                func.min(table.occurred_at),
                func.max(table.occurred_at),
            )
        ).one()
        if not total:
            return None
        months, days = _months_and_days(connection, card)
        words = table.channel.in_(word_channels)
        spoken = and_(words, func.trim(table.text) != "")

        def number(*conditions: ColumnElement[bool]) -> int:
            return connection.scalar(select(func.count()).select_from(interactions).where(*conditions)) or 0

        of_customers = connection.execute(
            select(
                func.count().label("n"),
                func.sum(case((spoken, 1), else_=0)).label("messages"),
                func.min(table.occurred_at).label("first"),
                func.max(table.occurred_at).label("last"),
            ).group_by(table.customer_id)
        ).all()
        ends = [(card.local(from_stored(row.first)), card.local(from_stored(row.last))) for row in of_customers]
        end = last_day(engine, card, by_company=True).day
        quiet = Counter(max((end.year - at.year) * 12 + end.month - at.month, 0) for _, at in ends)
        texts = select(table.text, func.count().label("n")).where(spoken).group_by(table.text_id)
        groups = (table.customer_id, table.occurred_at, table.channel, table.text_id, table.amount)
        distinct_rows = select(*groups).distinct().subquery()
        language = func.coalesce(table.language, "unknown")
        return BookStatistics(
            customers=customers,
            interactions=total,
            first=card.local(from_stored(first)),
            last=card.local(from_stored(last)),
            channels=_counts(connection, table.channel),
            messages=number(spoken),
            languages=_counts(connection, language, spoken),
            months=months,
            busiest_day=days.most_common(1)[0],
            empty_months=_empty([month for month in months if month <= end.isoformat()[:7]]),
            by_size=_by_size([row.n for row in of_customers]),
            one_day_customers=sum(begin.date() == at.date() for begin, at in ends),
            silent_customers=sum(row.messages == 0 for row in of_customers),
            quiet_since=dict(sorted(quiet.items())),
            empty_texts=number(words, func.trim(table.text) == ""),
            repeated_rows=total - (connection.scalar(select(func.count()).select_from(distinct_rows)) or 0),
            distinct_texts=connection.scalar(select(func.count(func.distinct(table.text_id))).where(spoken)) or 0,
            repeated_texts=tuple(
                (text, n) for text, n in connection.execute(texts.order_by(func.count().desc()).limit(5)) if n > 1
            ),
            cleaned_texts=number(table.original.is_not(None)),
            without_direction=number(spoken, table.speaker == "unknown"),
            contacts=_with_several_contacts(connection, spoken),
            labels=connection.scalar(select(func.count()).select_from(labels)) or 0,
            churned=connection.scalar(select(func.count()).where(labels.c.churned)) or 0,
            rejected_rows=sum(s.get("rejected", 0) for s in connection.scalars(select(imports.c.summary))),
            oddities=oddities.find(connection, card, spoken),
        )


def _with_several_contacts(connection: Connection, spoken: ColumnElement[bool]) -> int:
    """Number of customers for whom several people write."""
    by_customer = (spoken, table.author.is_not(None), table.speaker == "customer")
    several = (
        select(table.customer_id)
        .where(*by_customer)
        .group_by(table.customer_id)
        .having(func.count(func.distinct(table.author)) > 1)
    )
    address = func.coalesce(table.metadata[ADDRESS_KEY].as_string(), "")
    authors = select(table.customer_id, table.author, address).where(*by_customer, table.customer_id.in_(several))
    authors_of: dict[str, set[Author]] = defaultdict(set)
    for customer_id, author, address_of in connection.execute(authors.distinct()):
        authors_of[customer_id].add(stored_author(author, {ADDRESS_KEY: address_of}))
    return sum(len(contacts_of(authors)) > 1 for authors in authors_of.values())


def _counts(connection: Connection, column: ColumnElement[str], *conditions: ColumnElement[bool]) -> dict[str, int]:
    rows = connection.execute(select(column, func.count()).where(*conditions).group_by(column))
    return dict(sorted(((name, n) for name, n in rows), key=lambda pair: -pair[1]))


def _months_and_days(connection: Connection, card: Card) -> tuple[dict[str, dict[str, int]], Counter[str]]:
    # The database has no time zones. Their offsets are whole quarters of an hour, so it counts by these.
    parts = [extract(part, table.occurred_at) for part in ("year", "month", "day", "hour")]
    quarter = extract("minute", table.occurred_at) // 15
    query = select(*parts, quarter, table.channel, func.count()).group_by(*parts, quarter, table.channel)
    months: dict[str, Counter[str]] = defaultdict(Counter)
    days: Counter[str] = Counter()
    rows: Sequence[Any] = connection.execute(query).all()
    for year, month, day, hour, quarters, channel, n in rows:
        at = card.local(datetime(year, month, day, hour, 15 * quarters, tzinfo=UTC))
        day = at.date().isoformat()
        days[day] += n
        months[day[:7]][channel] += n
    return {month: dict(channels) for month, channels in sorted(months.items())}, days


def _empty(months: Collection[str]) -> tuple[str, ...]:
    """Returns the months without interactions between the first and the last of `months`."""
    if not months:
        return ()
    names = sorted(months)
    begin, end = (int(name[:4]) * 12 + int(name[5:]) - 1 for name in (names[0], names[-1]))
    every = [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(begin, end + 1)]
    return tuple(name for name in every if name not in months)


def _by_size(sizes: Collection[int]) -> dict[str, int]:
    groups: dict[str, int] = {}
    for low, high in zip(_EDGES, (*_EDGES[1:], None), strict=True):
        name = f"{low}" if high == low + 1 else f"{low}-{high - 1}" if high else f"{low} and more"
        groups[name] = sum(low <= size and (high is None or size < high) for size in sizes)
    return groups
