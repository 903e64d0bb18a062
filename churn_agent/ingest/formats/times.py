"""Settles how a column writes times, above all the order of day and month, over all its values."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from churn_agent.domain.wording import counted
from churn_agent.ingest.formats.cells import Examples, is_missing
from churn_agent.ingest.formats.clocks import MIDNIGHT
from churn_agent.ingest.formats.dates import ISO, NUMERIC, SENTINEL_DAYS, Order, Written, take_apart
from churn_agent.ingest.formats.moments import ORDERS, Time, TimeFormat, read_iso
from churn_agent.ingest.formats.stamps import Stamp, is_serial, read_stamp
from churn_agent.ingest.questions import Question

__all__ = ["Time", "TimeFormat", "TimeProfile"]

_NEARLY_ALL = 0.95
"""Share of the dates with an open order that an order must fit if it does not fit all."""
_HALF = 0.5
"""Share of a column's values that must be times."""


class TimeProfile:
    """Collects what a column's values say about its way of writing times, in constant memory."""

    def __init__(self, about: str = "occurred_at", *, earliest_year: int = 1970, now: datetime | None = None) -> None:
        """Creates a profile.

        Args:
            about: column or field, for questions.
            earliest_year: earlier times are refused; 1900 suits attributes such as a day of birth.
            now: end of what is plausible for numbers, less two years; the present if None.
        """
        self._about = about
        self._earliest_year = earliest_year
        self._now = now or datetime.now(UTC)
        self._values = self._times = self._serials = self._clocks = 0
        self._kinds: Counter[str] = Counter()
        self._fits: Counter[Order] = Counter()
        self._numeric = self._open = 0
        self._only: Mapping[Order, Examples] = {order: Examples() for order in ORDERS}
        self._open_examples, self._plain, self._serial_examples = Examples(), Examples(), Examples()
        self._others = Examples()

    def add(self, text: str, n: int = 1) -> None:
        """Adds a value that `n` cells have. Cells without a value, and days that stand for "none", do not count."""
        text = text.strip()
        moment, day_only = read_iso(text)
        if moment is not None:
            if (moment.year, moment.month, moment.day) not in SENTINEL_DAYS:
                self._add(text, n, ISO, moment if not day_only else None)
            return
        if is_missing(text):
            return
        stamp = read_stamp(text, self._now)
        if stamp:
            self._add_stamp(text, n, stamp)
        elif is_serial(text):
            self._values += n
            self._serials += n
            self._serial_examples.add(text)
        else:
            self._add_written(text, n, take_apart(text, self._now.year))

    def settle(self, day_first: bool | None = None, time_format: str | None = None) -> TimeFormat | Question | None:
        """Decides how the column writes times.

        Args:
            day_first: order from the mapping.
            time_format: format for `datetime.strptime` from the mapping, or `excel`.

        Returns:
            The format; a question if two orders remain possible; None if most values are not times.
        """
        if time_format:
            return self._format(None, time_format=time_format)
        if self._values and self._serials == self._values:
            return self._format(None, serial=True)
        order: Order | None = None
        if self._numeric:
            answer = self._order(day_first)
            if answer is None or isinstance(answer, Question):
                return answer
            order = answer
        fit = self._times - self._numeric + (self._fits[order] if order else 0)
        return self._format(order, fit=fit) if fit >= _HALF * self._values else None

    def _order(self, day_first: bool | None) -> Order | Question | None:
        if day_first is not None:
            return "dmy" if day_first else "mdy"
        for least in (1.0, _NEARLY_ALL):
            fitting: list[Order] = [order for order in ORDERS if self._fits[order] >= least * self._numeric]
            if len(fitting) == 1 or (fitting and not self._open):
                return fitting[0]
            if fitting:
                return self._question(fitting)
        return self._question([order for order in ORDERS if self._fits[order]])

    def _add(self, text: str, n: int, kind: str, moment: datetime | None) -> None:
        self._values += n
        self._times += n
        self._kinds[kind] += n
        self._plain.add(text)
        self._clocks += moment is not None and (moment.tzinfo is not None or moment.time() != datetime.min.time())

    def _add_stamp(self, text: str, n: int, stamp: Stamp) -> None:
        if stamp.moment is not None:
            self._add(text, n, stamp.kind, None if stamp.day_only else stamp.moment)

    def _add_written(self, text: str, n: int, written: Written | None) -> None:
        if written is None:
            self._values += n
            self._others.add(text)
            return
        days = set(written.readings.values())
        if days <= SENTINEL_DAYS:
            return
        self._values += n
        self._times += n
        self._kinds[written.kind] += n
        self._clocks += written.clock is not None and (
            written.clock.zone is not None or written.clock.since_midnight != MIDNIGHT
        )
        if written.kind != NUMERIC:
            self._plain.add(text)
            return
        self._numeric += n
        self._fits.update(dict.fromkeys(written.readings, n))
        if len(days) > 1:
            self._open += n
            self._open_examples.add(text)
        elif len(written.readings) > 1:
            self._plain.add(text)
        for order in written.readings if len(written.readings) == 1 else ():
            self._only[order].add(text)

    def _format(
        self, order: Order | None, *, time_format: str | None = None, serial: bool = False, fit: int | None = None
    ) -> TimeFormat:
        telling = [*self._only[order], *self._open_examples] if order else []
        shown = list(self._serial_examples) if serial else telling or [*self._plain, *self._serial_examples]
        return TimeFormat(
            order=order,
            time_format=time_format,
            serial=serial,
            midnights=not self._clocks and self._times == self._values,
            earliest_year=self._earliest_year,
            values=self._values,
            misfits=self._values - fit if fit is not None else 0,
            examples=tuple(shown[:3]),
            kinds=("days as a spreadsheet counts",) if serial else tuple(kind for kind, _ in self._ranked()),
            now=self._now,
        )

    def _ranked(self) -> list[tuple[str, int]]:
        return sorted(self._kinds.items(), key=lambda item: (-item[1], item[0]))

    def _question(self, orders: list[Order]) -> Question:
        sides = [f"{self._only[order]} can only be {ORDERS[order]}" for order in orders if str(self._only[order])]
        for example in list(self._open_examples)[:1]:
            written = take_apart(example, self._now.year)
            readings = written.readings if written else {}
            days = [f"{_shown(readings[order])} with the {ORDERS[order]}" for order in orders if order in readings]
            sides.append(f"{example!r} is {' or '.join(days)}")
        return Question(
            f"{self._about}: day and month of {counted(self._numeric, 'date')}",
            "; ".join(sides) + ".",
            tuple(ORDERS[order] for order in orders),
            _answer,
        )


def _answer(option: str) -> dict[str, bool | str]:
    return {"time_format": "%y-%m-%d"} if option == ORDERS["ymd"] else {"day_first": option == ORDERS["dmy"]}


def _shown(day: tuple[int, int, int]) -> str:
    return datetime(*day).date().isoformat()  # noqa: DTZ001 - only its day is shown
