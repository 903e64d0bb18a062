"""Times as people and programs write them, and the format of a column of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from churn_agent.ingest.formats.cells import is_missing
from churn_agent.ingest.formats.clocks import MIDNIGHT, Clock, read_clock
from churn_agent.ingest.formats.dates import NUMERIC, SENTINEL_DAYS, Order, Written, take_apart
from churn_agent.ingest.formats.ids import is_rounded
from churn_agent.ingest.formats.stamps import EXCEL, excel_day, read_stamp
from churn_agent.ingest.questions import Guess

_LAST_YEAR = 2199
_JOINTS = ("", "T", " ", "t")
ORDERS: dict[Order, str] = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}


class Time(NamedTuple):
    """A moment, and how exactly the source gave it."""

    utc: datetime
    offset_minutes: int
    """Offset from UTC of the source, or of the book's zone if the source has none."""
    zoned: bool
    """Whether the source has an offset or a zone."""
    date_only: bool
    """Whether the source has a day only; `utc` is then the beginning of the day."""


@dataclass(frozen=True)
class TimeFormat:
    """The way a column writes times."""

    order: Order | None = None
    """Order of dates in numbers; None if the column has no such dates."""
    time_format: str | None = None
    """Format for `datetime.strptime`, or `excel` for serial days, from the mapping."""
    serial: bool = False
    """Whether numbers are days since 30 December 1899, as spreadsheets count."""
    midnights: bool = False
    """Whether no value has a time of day other than midnight, so that all are dates."""
    earliest_year: int = 1970
    values: int = 0
    """Number of values in the column, without those that stand for "none"."""
    misfits: int = 0
    """How many of them are not times."""
    examples: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """What the forms are called, the most frequent first."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)

    def describe(self) -> str:
        """Returns the format with examples: `day first: 31/12/2025; 01/02/2026`."""
        kinds = [self.time_format] if self.time_format else list(self.kinds)
        if self.order and not self.time_format:
            kinds = [ORDERS[self.order] if kind == NUMERIC else kind for kind in kinds]
        name = " and ".join(kinds) or "times"
        return f"{name}: {'; '.join(self.examples)}" if self.examples else name

    def guess(self, about: str) -> Guess:
        """Returns the format as a guess about a column."""
        line = f"day_first: {'false' if self.order == 'dmy' else 'true'}" if self.order else 'time_format: "%Y-%m-%d"'
        fit = f"fits {self.values - self.misfits:,} of {self.values:,} values"
        return Guess(about, self.describe(), fit, line)

    def parse(self, text: str, zone: ZoneInfo, clock: str = "") -> Time | None:
        """Parses a time; None for a cell that stands for "none", such as `9999-12-31`.

        Args:
            text: a date, with or without a time of day.
            zone: zone of times without one.
            clock: time of day from a second column; it counts only if the date has none.

        Raises:
            ValueError: the text is not a time in this format, or lies before `earliest_year` or after 2199.
        """
        written = text.strip()
        moment, day_only = read_iso(written) if not self.time_format else (None, False)
        if moment is None:
            if is_missing(written):
                return None
            moment, day_only = self._read(written)
            if moment is None:
                return None
        if (moment.year, moment.month, moment.day) in SENTINEL_DAYS:
            return None
        day_only = day_only or (self.midnights and moment.tzinfo is None and _since_midnight(moment) == MIDNIGHT)
        if clock and not is_missing(clock):
            moment, day_only = _with_clock(moment, clock), False
        if not self.earliest_year <= moment.year <= _LAST_YEAR:
            raise ValueError(
                f"{text!r} lies in the year {moment.year}, not between {self.earliest_year} and {_LAST_YEAR}"
            )
        local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        offset = local.utcoffset() or MIDNIGHT
        return Time(local.astimezone(UTC), int(offset.total_seconds() // 60), moment.tzinfo is not None, day_only)

    def _read(self, text: str) -> tuple[datetime | None, bool]:
        """Returns (time, whether it is a day only); (None, False) for "none"."""
        if self.time_format and self.time_format != EXCEL:
            try:
                moment = datetime.strptime(text, self.time_format)  # noqa: DTZ007 - the caller adds the zone
            except ValueError:
                raise ValueError(f"{text!r} is not a time in the format {self.time_format!r}") from None
            return moment, not any(sign in self.time_format for sign in ("%H", "%I", "%c", "%X"))
        if self.serial or self.time_format == EXCEL:
            return excel_day(text)
        stamp = read_stamp(text, self.now)
        if stamp:
            return stamp.moment, stamp.day_only
        written = take_apart(text, self.now.year)
        if written is None:
            raise ValueError(
                f"{text!r} is {'a time that a spreadsheet has rounded' if is_rounded(text) else 'not a time'}"
            )
        day = _reading(written, self.order)
        if day is None:
            reason = f"is not a date with the {ORDERS[self.order]}" if self.order else "may have the day or month first"
            raise ValueError(f"{text!r} {reason}")
        if day in SENTINEL_DAYS:
            return None, False
        return _moment(day, written.clock), written.clock is None


def read_iso(text: str) -> tuple[datetime | None, bool]:
    """Parses the usual forms of ISO 8601 fast: (time, whether it is a day only)."""
    if len(text) < 10 or text[4] != "-" or text[7] != "-" or text[10:11] not in _JOINTS:
        return None, False
    try:
        return datetime.fromisoformat(text), len(text) == 10
    except ValueError:
        return None, False


def _reading(written: Written, order: Order | None) -> tuple[int, int, int] | None:
    if written.kind != NUMERIC:
        return next(iter(written.readings.values()))
    if order in written.readings:
        return written.readings[order]
    days = set(written.readings.values())
    return days.pop() if order is None and len(days) == 1 else None


def _moment(day: tuple[int, int, int], clock: Clock | None) -> datetime:
    moment = datetime(*day)  # noqa: DTZ001 - the caller adds the zone
    if clock is None:
        return moment
    return (moment + clock.since_midnight).replace(tzinfo=clock.zone)


def _with_clock(moment: datetime, text: str) -> datetime:
    """Adds the time of day of a second column to a day."""
    clock = read_clock(text)
    own = _since_midnight(moment)
    if own not in (MIDNIGHT, clock.since_midnight):
        raise ValueError(f"{moment.isoformat()!r} has a time of day, and the second column has another one, {text!r}")
    return (moment - own + clock.since_midnight).replace(tzinfo=clock.zone or moment.tzinfo)


def _since_midnight(moment: datetime) -> timedelta:
    return moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)
