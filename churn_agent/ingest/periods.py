"""Dates that stand for a whole month or week: a month as its first day, a week as its Monday."""

import calendar
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from churn_agent.ingest.questions import Guess

Period = Literal["day", "week", "month"]
_MONTH_WORDS = frozenset("month monat mois mes mese maand period periode abrechnungsmonat".split())
_WEEK_WORDS = frozenset("week woche kw semaine semana settimana".split())
_FEWEST_MONTHS = 3
"""Fewest different first days of months from which a column without a telling name is taken as months."""
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Reading:
    """How the dates of a column are read."""

    period: Period
    guess: Guess | None = None
    """None where nothing was guessed."""

    def end(self, day: date) -> date:
        """Returns the last day of the period that a date begins; the date itself if it begins none."""
        if self.period == "month" and day.day == 1:
            return day.replace(day=calendar.monthrange(day.year, day.month)[1])
        if self.period == "week" and day.weekday() == 0 and date.max - day > timedelta(days=6):
            return day + timedelta(days=6)
        return day


DAYS = Reading("day")


def reading_of(column: str, days: Collection[date], wanted: Period | None) -> Reading:
    """Returns how the dates of a column are read. What is measured over a month or week is known at its end.

    A column of first days of months is one of months, if its name says so or there are three different ones. A column
    of Mondays is one of weeks if its name says so.

    Args:
        column: name of the column.
        days: its dates, each without a time of day.
        wanted: `measured_over` of the mapping.
    """
    if wanted:
        return Reading(wanted)
    words = set(re.split(r"[\W_]+", column.casefold()))
    if not days:
        return DAYS
    if all(day.day == 1 for day in days) and (words & _MONTH_WORDS or len(set(days)) >= _FEWEST_MONTHS):
        return Reading("month", _guess(column, "months", "first days of months"))
    if words & _WEEK_WORDS and all(day.weekday() == 0 for day in days):
        return Reading("week", _guess(column, "weeks", "Mondays"))
    return DAYS


def _guess(column: str, taken: str, evidence: str) -> Guess:
    return Guess(column, f"{taken}, which count at their end", f"all dates are {evidence}", "measured_over: day")


def end_of_month(text: str) -> str:
    """Returns the last day of a month such as `2026-03`; other text as it is."""
    month = _MONTH.fullmatch(text.strip())
    if not month or not int(month[1]):  # there is no year 0
        return text
    return f"{month[0]}-{calendar.monthrange(int(month[1]), int(month[2]))[1]:02d}"
