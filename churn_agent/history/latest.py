"""The last day of a history, without dates that a typing error or a calendar of the future has put there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select

from churn_agent.domain.snapshot import Card
from churn_agent.errors import EmptyStore
from churn_agent.history import measurements
from churn_agent.history.database import from_stored, to_stored
from churn_agent.history.tables import interactions as table

ALONE_DAYS = 365
"""An interaction so many days after all earlier ones may be held back."""
MOST_ALONE = 3
"""Most interactions that are held back as outliers."""
FEWEST_BEFORE = 20
"""Earlier interactions needed to hold back one outlier; twice as many for two, and so on."""


@dataclass(frozen=True)
class LastDay:
    """The last day of a history, and what was held back to find it."""

    day: date
    future: int = 0
    """Interactions later than today."""
    first_future: date | None = None
    """Day of the earliest of them."""
    alone: Sequence[date] = ()
    """Days of the outliers, latest first."""

    @property
    def notes(self) -> list[str]:
        """One line for each kind of interaction that was held back."""
        notes: list[str] = []
        if self.future == 1:
            notes.append(
                f"one interaction of {self.first_future} is later than today and is not used for the default date"
            )
        elif self.future:
            notes.append(
                f"{self.future} interactions, the first of {self.first_future}, are later than today and are not used "
                "for the default date"
            )
        if self.alone:
            days = ", ".join(str(day) for day in sorted(set(self.alone)))
            n = len(self.alone)
            which, verb = ("one interaction", "is") if n == 1 else (f"{n} interactions", "are")
            notes.append(
                f"{which} of {days} {verb} more than a year after all others and {verb} not used for the default date; "
                "if that is wrong, give the date (--as-of)"
            )
        return notes


def last_day(engine: Engine, card: Card, *, by_company: bool = False, today: date | None = None) -> LastDay:
    """Finds the day of the latest plausible interaction, in the book's time zone.

    Interactions later than today are not considered. Neither are outliers: the latest interactions, at most
    `MOST_ALONE`, if they are more than `ALONE_DAYS` after all others and there are `FEWEST_BEFORE` times as many
    others. So a small book, and one in which several customers come back after a long pause, keep their latest day.

    Args:
        engine: database of the history.
        card: card of the book.
        by_company: also consider interactions that the company started. They count anyway if there are no others.
        today: the current day in the book's time zone; default: by the clock.

    Returns:
        The day. If all interactions are later than today, it is today.

    Raises:
        EmptyStore: there are neither interactions nor measurements. Measurements count only without interactions.
    """
    with engine.connect() as connection:
        return last_day_in(connection, card, by_company=by_company, today=today)


def last_day_in(
    connection: Connection,
    card: Card,
    *,
    by_company: bool = False,
    today: date | None = None,
    up_to_import: int | None = None,
) -> LastDay:
    """Finds the day as `last_day` does, in a transaction that may have changed the history. Raises `EmptyStore`.

    With `up_to_import`, only interactions count whose values came with that import or an earlier one.
    """
    today = today or card.local(datetime.now(UTC)).date()
    end = to_stored(card.end_of_day(today))
    noted = and_(table.c.speaker == "company", table.c.direction == "inbound")  # notes of calls by the customer
    outside = or_(table.c.speaker.in_(("customer", "unknown")), noted)
    then = () if up_to_import is None else (or_(table.c.import_id.is_(None), table.c.import_id <= up_to_import),)

    def latest(*conditions: ColumnElement[bool]) -> list[datetime]:
        query = (
            select(table.c.occurred_at)
            .where(table.c.occurred_at <= end, *then, *conditions)
            .order_by(table.c.occurred_at.desc())
            .limit(MOST_ALONE * (FEWEST_BEFORE + 1))
        )
        return [from_stored(moment) for moment in connection.scalars(query)]

    times = latest() if by_company else latest(outside) or latest()
    later = table.c.occurred_at > end
    future, first = connection.execute(select(func.count(), func.min(table.c.occurred_at)).where(later, *then)).one()
    if not times and not future:
        measured = measurements.last_day(connection, today)
        if measured is None:
            raise EmptyStore
        return LastDay(measured)
    alone = _alone(times)
    return LastDay(
        day=card.local(times[alone]).date() if times else today,
        future=future,
        first_future=card.local(from_stored(first)).date() if first else None,
        alone=tuple(card.local(moment).date() for moment in times[:alone]),
    )


def _alone(times: Sequence[datetime]) -> int:
    """Returns how many of the latest times, newest first, are outliers."""
    for n in range(MOST_ALONE, 0, -1):
        if len(times) >= n * (FEWEST_BEFORE + 1) and times[n - 1] - times[n] > timedelta(days=ALONE_DAYS):
            return n
    return 0
