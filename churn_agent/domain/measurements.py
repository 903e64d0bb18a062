"""Numbers of customers at a time, without text: usage, logins, scores, failed payments, licences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

WINDOW_DAYS = 28
"""Days of a window: four weeks, so that every window has the same weekdays."""
SAME_WEEKS_LAST_YEAR = 13
"""Number of the window 52 weeks before the latest one, which is 0."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number of a customer."""

    customer_id: str
    at: datetime
    """Time in UTC, aware."""
    day: date
    """Its day in the book's time zone, or as written if the source has no time of day."""
    metric: str
    value: float
    person: str = ""
    """The person measured; empty for the whole account."""
    seats: float | None = None
    """Number of seats (licences, users) at that time."""
    key: str = ""
    """The source's own key of the row, after the name of the source."""


@dataclass(frozen=True, slots=True)
class Window:
    """The measurements of one metric in `WINDOW_DAYS` days."""

    total: float
    rows: int
    active_days: int
    """Days with a value other than 0."""
    people: int
    """Persons with a value other than 0; 0 if the source names none."""
    seats: float | None
    """The mean number of seats; None if the source has none."""

    @property
    def mean(self) -> float:
        """The mean value of a row."""
        return self.total / self.rows


@dataclass(frozen=True, slots=True)
class Series:
    """A metric of a customer, up to the day of a snapshot."""

    metric: str
    end: date
    """The last day of the metric in the whole book: a later silence is that of the source, not of the customer."""
    latest: float
    latest_on: date
    last_active: date | None
    """The last day with a value other than 0."""
    windows: Mapping[int, Window] = field(default_factory=dict[int, Window])
    """Number of the window, counted backwards from `end` (0 is the latest) -> its measurements."""
