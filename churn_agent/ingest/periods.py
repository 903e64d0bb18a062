"""Dates that stand for a whole period: its first day, or its name, such as `2026-03`."""

import calendar
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from churn_agent.ingest.questions import Guess

Period = Literal["day", "week", "month", "quarter", "year"]
_WORDS: dict[Period, frozenset[str]] = {
    "week": frozenset("week weeks wk woche kw semaine semana settimana".split()),
    "month": frozenset("month monat mois mes mese maand abrechnungsmonat".split()),
    "quarter": frozenset("quarter qtr quartal trimestre kwartaal".split()),
    "year": frozenset("year jahr année annee año ano anno jaar".split()),
}
"""Words in names of columns."""
_ANY = frozenset("period periode".split())
_ENDINGS = frozenset("end ending ended ends to until till bis ende fin fine fim einde".split())
"""Words in names of columns whose dates are the ends of periods already."""
_MONTHS: dict[Period, tuple[int, ...]] = {"year": (1,), "quarter": (1, 4, 7, 10), "month": tuple(range(1, 13))}
"""Period -> the months that begin one."""
_LENGTH: dict[Period, int] = {"month": 1, "quarter": 3, "year": 12}
"""In months."""
_PLURAL: dict[Period, str] = {"week": "weeks", "month": "months", "quarter": "quarters", "year": "years"}
_FEWEST_FIRST_DAYS = 3
"""Fewest different first days of months from which a column without a telling name is taken as one of periods."""
_FEWEST_WEEKS = 4
"""The same for days a number of weeks apart, if they are Mondays or Sundays."""
_MONDAY, _SUNDAY = 0, 6
_WEEK = timedelta(days=6)
_NAMED = (
    re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{2})"),
    re.compile(r"(?P<month>\d{2})[-/.](?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})[-/ ]?[Qq](?P<quarter>[1-4])"),
    re.compile(r"[Qq](?P<quarter>[1-4])[-/ ]?(?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})-?[Ww](?P<week>\d{2})"),
)
"""Forms of months, quarters and ISO weeks without a day."""


@dataclass(frozen=True)
class Reading:
    """How the dates of a column are read."""

    period: Period
    guess: Guess | None = None
    """None where nothing was guessed."""

    def end(self, day: date) -> date:
        """Returns the last day of the period that a date begins; the date itself if it begins none."""
        if self.period == "week" and date.max - day > _WEEK:
            return day + _WEEK
        if self.period in _LENGTH and day.day == 1 and day.month in _MONTHS[self.period]:
            return _end_of_month(day.year, day.month + _LENGTH[self.period] - 1)
        return day


DAYS = Reading("day")


def reading_of(column: str, days: Collection[date], wanted: Period | None) -> Reading:
    """Returns how the dates of a column are read. What is measured over a period is known at its end.

    A column whose name says week is one of weeks if all its days are the same day of the week; one whose name says
    month, quarter or year, if all its days begin one. Without a telling name, it takes four Mondays or Sundays, or
    three first days of months; the longest period that they fit counts, so that nothing is known too early.

    Args:
        column: name of the column.
        days: its dates, each without a time of day.
        wanted: `measured_over` of the mapping.
    """
    if wanted:
        return Reading(wanted)
    words = set(re.split(r"[\W_]+", column.casefold()))
    different, weekdays = set(days), {day.weekday() for day in days}
    if not days or words & _ENDINGS:
        return DAYS
    named = {period for period, known in _WORDS.items() if words & known}
    if len(weekdays) == 1 and (
        "week" in named or (not named and len(different) >= _FEWEST_WEEKS and weekdays <= {_MONDAY, _SUNDAY})
    ):
        return Reading("week", _guess(column, "week", f"{calendar.day_name[weekdays.pop()]}s"))
    if all(day.day == 1 for day in days):
        for period, months in _MONTHS.items():
            fits = all(day.month in months for day in days)
            telling = period in named or (period == "month" and words & _ANY)
            if fits and (telling or (not named and len(different) >= _FEWEST_FIRST_DAYS)):
                return Reading(period, _guess(column, period, f"first days of {_PLURAL[period]}"))
    return DAYS


def _guess(column: str, period: Period, evidence: str) -> Guess:
    taken = f"{_PLURAL[period]}, which count at their end"
    return Guess(column, taken, f"all dates are {evidence}", "measured_over: day")


def end_of_period(text: str) -> str:
    """Returns the last day of a month (`2026-03`, `03/2026`), quarter (`2026-Q1`) or ISO week (`2026-W10`).

    Other text is returned as it is.
    """
    match = next((match for form in _NAMED if (match := form.fullmatch(text.strip()))), None)
    if match is None:
        return text
    parts = {name: int(number) for name, number in match.groupdict().items()}
    try:
        if "week" in parts:
            return date.fromisocalendar(parts["year"], parts["week"], 7).isoformat()
        return _end_of_month(parts["year"], parts.get("month") or 3 * parts["quarter"]).isoformat()
    except ValueError:  # there is no month 13, no week 54 and no year 0
        return text


def _end_of_month(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])
