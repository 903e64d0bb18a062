"""Times as one number: seconds since 1970 and their fractions, digits of a date run together, days of a spreadsheet."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from churn_agent.ingest.formats.dates import SENTINEL_DAYS

EXCEL = "excel"
"""Time format in a mapping for the days of a spreadsheet."""
FIRST_YEAR: Final = 1990
"""Numbers that would be earlier times are not times."""
_YEARS_AHEAD = 2
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?")
_ROUNDED = re.compile(r"\d\.\d{12,}E\+\d\d?", re.IGNORECASE)
"""A long number of which only the last digits are lost."""
_DOT_NET = re.compile(r"\\?/Date\((\d+)(?:[+-]\d{4})?\)\\?/")
"""Milliseconds as .NET writes them in JSON: `/Date(1769940000000)/`."""
_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_COMPACT = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SERIAL, _LAST_SERIAL = 20000, 60000  # 1954 to 2064
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a day has no zone


@dataclass(frozen=True, slots=True)
class Stamp:
    """A number as a time."""

    kind: str
    moment: datetime | None
    """None for a day that stands for "none"."""
    day_only: bool = False


def read_stamp(text: str, now: datetime) -> Stamp | None:
    """Reads a number as a time by its plausible range; the ranges of the units do not overlap.

    Args:
        text: digits, perhaps with a fraction.
        now: numbers up to two years after this are times.

    Returns:
        The time; None if the number is not plausible as one.
    """
    if _ROUNDED.fullmatch(text):
        text = str(int(float(text)))
    match = _NUMBER.fullmatch(text) or _DOT_NET.fullmatch(text)
    if match is None:
        return None
    digits, fraction = match[1], (match[2] or "") if match.re is _NUMBER else ""
    last_year = now.year + _YEARS_AHEAD
    if not fraction.strip("0"):
        stamp = _compact(digits, last_year)
        if stamp:
            return stamp
    for unit, per_second in _UNITS.items():
        micros = int(digits + (fraction + "000000")[:6]) // per_second
        # Far outside the plausible range, so that no date overflows.
        if 5 * 10**14 < micros < 10**16:
            moment = _EPOCH + timedelta(microseconds=micros)
            if moment.year >= FIRST_YEAR and moment <= now + timedelta(days=366 * _YEARS_AHEAD):
                return Stamp(f"{unit} since 1970", moment)
    return None


def _compact(digits: str, last_year: int) -> Stamp | None:
    pattern = _COMPACT.get(len(digits))
    if pattern is None or not digits.startswith(("19", "20", "9999", "0001", "0000")):
        return None
    day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    if day in SENTINEL_DAYS:
        return Stamp("digits of a date", None)
    try:
        moment = datetime.strptime(digits, pattern)  # noqa: DTZ007 - the caller adds the zone
    except ValueError:
        return None
    if len(digits) > 8 and not FIRST_YEAR <= moment.year <= last_year:
        return None
    return Stamp("digits of a date", moment, day_only=len(digits) == 8)


def is_serial(text: str) -> bool:
    """Whether a number could be a day of a spreadsheet, such as 46054 or 46054.4375."""
    match = _NUMBER.fullmatch(text)
    return match is not None and _FIRST_SERIAL <= int(match[1]) <= _LAST_SERIAL


def excel_day(text: str) -> tuple[datetime, bool]:
    """Reads a day of a spreadsheet to the second: (time, whether it is a day only).

    Raises:
        ValueError: the number is not between 20000 and 60000.
    """
    if not is_serial(text):
        raise ValueError(f"{text!r} is not a day of a spreadsheet (20000 to 60000)")
    days, _, fraction = text.partition(".")
    seconds = round(float(f"0.{fraction}") * 86400) if fraction else 0
    return _DAY_ZERO + timedelta(days=int(days), seconds=seconds), seconds == 0
