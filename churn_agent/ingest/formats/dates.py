"""Dates as text: taken apart without deciding which number is the day."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Literal

from babel import Locale

from churn_agent.ingest.formats.clocks import Clock, parse_clock, parse_zone

Order = Literal["ymd", "dmy", "mdy"]

ISO, NUMERIC, NAMED = "ISO 8601", "numeric", "names of months"
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")
"""Languages whose names of months and weekdays are known."""
SENTINEL_DAYS = frozenset(
    {(1, 1, 1), (9999, 12, 31), (9999, 1, 1), (2999, 12, 31), (2999, 1, 1), (0, 0, 0), (1900, 1, 0), (1899, 12, 30),
     (1899, 12, 31), (1900, 1, 1), (1753, 1, 1)}
)  # fmt: skip
"""Days (year, month, day) that databases and spreadsheets write for "none"."""
_NUMBERS = re.compile(
    r"(?P<a>\d{4}|\d{1,2})(?P<sign>[-/.])(?P<b>\d{1,2})(?P=sign)(?P<c>\d{4}|\d{1,2})(?:\.(?=[\s,]|$))?(?![\d.])(?P<rest>.*)",
    re.DOTALL,
)
_JOINT = re.compile(r"[Tt_]|- |-(?=\d\d\.\d\d\.\d\d)")
"""Between a date in numbers and its time of day."""
_XML_ZONE = re.compile(r"Z|[+-]\d\d:\d\d")
_CONNECTORS = frozenset("de del di da do of the at um à a às ore om le il el den der dem am on and".split())
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|º|ª|°|e)\b", re.IGNORECASE)
_CLOCK_START = re.compile(
    r"\b\d{1,2}(?::\d{2}|\.\d{2}(?:\.\d{2}|\s?uhr|\s?[ap]\.?m\b)|\s?[ap]\.?m\b|h\d{2}\b|\s?uhr)", re.IGNORECASE
)
_SPACED = re.compile(r"(\d{1,4})(?:\. |[年년]\s?)(\d{1,2})(?:\. |[月월]\s?)(\d{1,4})[日일]?")
"""`1. 2. 2026`, and years, months and days of East Asia."""
_WORD = re.compile(r"[^\W\d_]+|\d+")
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)[T ](\d\d)(\d\d)(\d\d)?(?!\d)")
"""ISO 8601 without signs, as in calendars: `20260201T103000Z`."""
_WEEK = re.compile(r"\d{4}-?W\d{2}(?:-?\d)?")


@dataclass(frozen=True, slots=True)
class Written:
    """A date as written: the numbers for year, month and day by each order that they allow."""

    kind: str
    """`NUMERIC` if the year is last (or has two digits), else `ISO` or `NAMED`."""
    readings: dict[Order, tuple[int, int, int]]
    """Order -> (year, month, day)."""
    clock: Clock | None = None


@cache
def months() -> dict[str, int]:
    """Returns names and abbreviations of months, in lower case without a point -> number."""
    return {name: int(number) for number, name in _names("months")} | {"sept": 9, "märz": 3, "maerz": 3, "fév": 2}


@cache
def _weekdays() -> frozenset[str]:
    return frozenset(part for _, name in _names("days") for part in name.split("-")) | {"tues", "thur", "thurs"}


def _names(what: Literal["months", "days"]) -> Iterator[tuple[int, str]]:
    for language in LANGUAGES:
        for widths in getattr(Locale(language), what).values():
            for width in ("wide", "abbreviated"):
                for number, name in widths[width].items():
                    yield number, name.casefold().strip(".")


def take_apart(text: str, this_year: int) -> Written | None:
    """Takes a date (and time of day) apart.

    Args:
        text: a date with year, month and day in numbers or with a month's name.
        this_year: years of two digits lie in the 90 years before it or in the 10 years from it.

    Returns:
        The readings that are dates; None if there is none.
    """
    basic = _BASIC.match(text)
    if basic:
        text = f"{basic[1]}-{basic[2]}-{basic[3]}T{basic[4]}:{basic[5]}:{basic[6] or '00'}{text[basic.end() :]}"
    match = _NUMBERS.fullmatch(_SPACED.sub(r"\1.\2.\3", text, count=1))
    if match:
        return _numeric(match, this_year)
    if _WEEK.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return None
        return Written(ISO, {"ymd": (day.year, day.month, day.day)})
    return _named(text, this_year)


def _numeric(match: re.Match[str], this_year: int) -> Written | None:
    a, b, c, sign = match["a"], match["b"], match["c"], match["sign"]
    clock, rest = None, match["rest"].strip(", ")
    if rest:
        joint = _JOINT.match(rest)
        rest = rest[joint.end() :] if joint else rest
        clock = parse_clock(rest) or _hour(rest) or _zone_alone(rest)
        if clock is None:
            return None
    years_first, years_last = len(a) == 4, len(c) == 4
    x, y, z = int(a), int(b), int(c)
    readings: dict[Order, tuple[int, int, int]] = {}
    if years_first:
        readings["ymd"] = (x, y, z)
    else:
        year = z if years_last else _century(z, this_year)
        readings["dmy"] = (year, y, x)
        if sign != ".":
            readings["mdy"] = (year, x, y)
        if sign == "-" and not years_last and _century(x, this_year) <= this_year + 2:
            readings["ymd"] = (_century(x, this_year), y, z)
    if years_first and years_last:
        return None
    return _valid(ISO if years_first else NUMERIC, readings, clock)


def _hour(text: str) -> Clock | None:
    """Parses the hour alone of `2026-02-01T10`."""
    return parse_clock(f"{text}:00") if text.isdigit() and len(text) == 2 else None


def _zone_alone(text: str) -> Clock | None:
    """Parses the zone of a date of XML, `2026-02-01+01:00`."""
    zone = parse_zone(text) if _XML_ZONE.fullmatch(text) else None
    return Clock(timedelta(), zone) if zone else None


def _named(text: str, this_year: int) -> Written | None:
    """Takes a date with a month's name apart: `1. Februar 2026, 14:05 Uhr`, `Sun Feb  1 10:00:00 +0100 2026`."""
    plain = _ORDINAL.sub("", text.replace("\u202f", " ").replace("\u00a0", " "))
    start = _CLOCK_START.search(plain)
    head, tail = (plain[: start.start()], plain[start.start() :]) if start else (plain, "")
    if start and len(re.findall(r"\d+", head)) < 2:  # ctime: the year stands last
        last = re.search(r"\s(\d{4})$", tail.strip())
        if last is None:
            return None
        head, tail = f"{head} {last[1]}", tail.strip()[: last.start()]
    head = head.rstrip(": Tt,-") if start else head
    clock = parse_clock(tail) if start else None
    if start and clock is None:
        return None
    parts = _WORD.findall(head)
    names = [part.casefold() for part in parts if not part.isdigit()]
    numbers = [part for part in parts if part.isdigit()]
    known = [name for name in names if name in months()]
    known = [name for name in known if name not in _weekdays()] or known[-1:]  # "mar" is March and a Tuesday
    others = [name for name in names if name not in months() and name not in _weekdays() and name not in _CONNECTORS]
    if len(known) != 1 or others or len(numbers) != 2:
        return None
    first, second = numbers
    if len(first) == 4:
        first, second = second, first
    if len(first) > 2 or len(second) not in (2, 4):
        return None
    year = int(second) if len(second) == 4 else _century(int(second), this_year)
    return _valid(NAMED, {"dmy": (year, months()[known[0]], int(first))}, clock)


def _century(year: int, this_year: int) -> int:
    return year + (2000 if 2000 + year < this_year + 10 else 1900)


def _valid(kind: str, readings: dict[Order, tuple[int, int, int]], clock: Clock | None) -> Written | None:
    valid: dict[Order, tuple[int, int, int]] = {
        order: day for order, day in readings.items() if day in SENTINEL_DAYS or _is_date(*day)
    }
    return Written(kind, valid, clock) if valid else None


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        datetime(year, month, day)  # noqa: DTZ001 - a day has no zone
    except ValueError:
        return False
    return True
