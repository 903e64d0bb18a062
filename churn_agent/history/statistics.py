"""Numbers about a whole book, counted by the database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, and_, case, extract, func, select

from churn_agent.history.database import from_stored
from churn_agent.history.tables import imports, interactions, labels

table = interactions.c
_EDGES = (1, 2, 5, 10, 20, 50, 100, 500)
"""Lower ends of the groups of customers by number of interactions."""


@dataclass(frozen=True)
class BookStatistics:
    """What a book holds."""

    customers: int
    interactions: int
    first: datetime
    last: datetime
    channels: Mapping[str, int]
    messages: int
    """Interactions in channels that hold words of people."""
    languages: Mapping[str, int]
    """Of messages; `unknown` where it could not be told."""
    months: Mapping[str, Mapping[str, int]]
    """`2026-03` -> channel -> interactions."""
    empty_months: tuple[str, ...]
    """Months between the first and the last in which nothing happened."""
    by_size: Mapping[str, int]
    """`5-9` interactions -> customers."""
    one_day_customers: int
    """Customers all of whose interactions fall on one day."""
    silent_customers: int
    """Customers who wrote nothing in any channel that holds words."""
    quiet_since: Mapping[int, int]
    """Months before the last interaction of the book -> customers whose last interaction was then."""
    empty_texts: int
    repeated_rows: int
    """Interactions that say the same as another one of the same customer at the same time."""
    distinct_texts: int
    """Of messages."""
    repeated_texts: tuple[tuple[str, int], ...]
    """The most frequent texts of messages, and how often."""
    cleaned_texts: int
    without_direction: int
    """Messages of which nobody knows whether the customer or the company wrote them."""
    contacts: int
    """Customers for whom more than one person wrote."""
    labels: int
    churned: int
    rejected_rows: int
    """Rows that imports did not take."""


def of_book(engine: Engine, word_channels: Collection[str]) -> BookStatistics | None:
    """Counts a book; None if it is empty.

    Args:
        word_channels: those that hold words of people.
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
        months = _months(connection)
        words = table.channel.in_(word_channels)
        spoken = and_(words, func.trim(table.text) != "")

        def number(*conditions: object) -> int:
            return connection.scalar(select(func.count()).select_from(interactions).where(*conditions)) or 0  # type: ignore[arg-type]

        of_customer = (
            select(
                func.count().label("n"),
                func.count(func.distinct(func.date(table.occurred_at))).label("days"),
                func.sum(case((spoken, 1), else_=0)).label("messages"),
                func.max(table.occurred_at).label("last"),
            )
            .group_by(table.customer_id)
            .subquery()
        )
        quiet: dict[int, int] = {}
        for year, month, n in connection.execute(
            select(extract("year", of_customer.c.last), extract("month", of_customer.c.last), func.count()).group_by(
                extract("year", of_customer.c.last), extract("month", of_customer.c.last)
            )
        ):
            quiet[(last.year - year) * 12 + last.month - month] = n
        texts = select(table.text, func.count().label("n")).where(spoken).group_by(table.text_id)
        authors = (
            select(table.customer_id)
            .where(spoken, table.author.is_not(None), func.coalesce(table.direction, "") != "outbound")
            .group_by(table.customer_id)
            .having(func.count(func.distinct(table.author)) > 1)
            .subquery()
        )
        groups = (table.customer_id, table.occurred_at, table.channel, table.text_id, table.amount)
        distinct_rows = select(*groups).distinct().subquery()
        language = func.coalesce(table.language, "unknown")
        return BookStatistics(
            customers=customers,
            interactions=total,
            first=from_stored(first),
            last=from_stored(last),
            channels=_counts(connection, select(table.channel, func.count()).group_by(table.channel)),
            messages=number(spoken),
            languages=_counts(connection, select(language, func.count()).where(spoken).group_by(language)),
            months=months,
            empty_months=_empty(months),
            by_size=_by_size(connection.scalars(select(of_customer.c.n)).all()),
            one_day_customers=_where(connection, of_customer.c.days == 1),
            silent_customers=_where(connection, of_customer.c.messages == 0),
            quiet_since=dict(sorted(quiet.items())),
            empty_texts=number(words, func.trim(table.text) == ""),
            repeated_rows=total - (connection.scalar(select(func.count()).select_from(distinct_rows)) or 0),
            distinct_texts=connection.scalar(select(func.count(func.distinct(table.text_id))).where(spoken)) or 0,
            repeated_texts=tuple(
                (text, n) for text, n in connection.execute(texts.order_by(func.count().desc()).limit(5)) if n > 1
            ),
            cleaned_texts=number(table.original.is_not(None)),
            without_direction=number(spoken, table.direction.is_(None)),
            contacts=connection.scalar(select(func.count()).select_from(authors)) or 0,
            labels=connection.scalar(select(func.count()).select_from(labels)) or 0,
            churned=connection.scalar(select(func.count()).where(labels.c.churned)) or 0,
            rejected_rows=sum(s.get("rejected", 0) for s in connection.scalars(select(imports.c.summary))),
        )


def _where(connection: Connection, condition: object) -> int:
    return connection.scalar(select(func.count()).where(condition)) or 0  # type: ignore[arg-type]


def _counts(connection: Connection, query: object) -> dict[str, int]:
    rows = connection.execute(query)  # type: ignore[call-overload]
    return dict(sorted(((name, n) for name, n in rows), key=lambda pair: -pair[1]))


def _months(connection: Connection) -> dict[str, dict[str, int]]:
    year, month = extract("year", table.occurred_at), extract("month", table.occurred_at)
    query = select(year, month, table.channel, func.count()).group_by(year, month, table.channel).order_by(year, month)
    found: dict[str, dict[str, int]] = {}
    for y, m, channel, n in connection.execute(query):
        found.setdefault(f"{y:04d}-{m:02d}", {})[channel] = n
    return found


def _empty(months: Mapping[str, object]) -> tuple[str, ...]:
    names = sorted(months)
    begin, end = (int(name[:4]) * 12 + int(name[5:]) - 1 for name in (names[0], names[-1]))
    every = [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(begin, end + 1)]
    return tuple(name for name in every if name not in months)


def _by_size(sizes: Collection[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for low, high in zip(_EDGES, (*_EDGES[1:], None), strict=True):
        name = f"{low}" if high == low + 1 else f"{low}-{high - 1}" if high else f"{low} and more"
        found[name] = sum(low <= size and (high is None or size < high) for size in sizes)
    return found
