"""Times of day and time zones as text."""

import re
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

MIDNIGHT: Final = timedelta(0)
_ABBREVIATIONS = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2,
    "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "HST": -10,
}  # fmt: skip
"""Abbreviation -> hours from UTC; those of North America as in RFC 2822. IST has several meanings, and is not here."""
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?:(?:[:.]|\s?h\s?)(?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,:](?P<fraction>\d{1,9}))?)?|"
    r"\s?h|(?=\s?[ap]))?(?:\s*(?P<half>[ap])\.?m\.?)?\s*(?:uhr|h|hrs)?",
    re.IGNORECASE,
)
_OFFSET = re.compile(
    r"(?:UTC|GMT)?(?P<sign>[+\-−])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?(?::\d{2})?", re.IGNORECASE
)
_ON_A_DAY = re.compile(r"\d{4}-\d\d-\d\d[T ](.*)")
_SHARE_OF_A_DAY = re.compile(r"0?[.,]\d+")
_NAMED = re.compile(r"\[[\w/+\-]+\]|\([^()]*\)")
"""A zone in brackets after an offset: Java's `[Europe/Zurich]`, JavaScript's `(Central European Time)`."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day and, if the text has one, its time zone."""

    since_midnight: timedelta
    """Up to and including 24 hours."""
    zone: tzinfo | None = None


def parse_clock(text: str) -> Clock | None:
    """Parses a time of day such as `9:30 PM`, `14h05` or `10:00:00.5 +01:00`; None if the text is not one."""
    written = text.replace("\u202f", " ").replace("\u00a0", " ").strip()
    match = _CLOCK.match(written)
    if match is None or (match["minute"] is None and match.end() == match.end("hour")):
        return None
    hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"] in "pP" else 0)
    micros = int(((match["fraction"] or "") + "000000")[:6])
    day = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micros)
    if minute > 59 or second > 59 or day > timedelta(hours=24):
        return None
    rest = written[match.end() :].strip()
    zone = parse_zone(rest) if rest else None
    return None if rest and zone is None else Clock(day, zone)


def read_clock(text: str) -> Clock:
    """Parses the time of day of a second column, as people, programs (`0930`) and spreadsheets (`0.395833`) write it.

    Raises:
        ValueError: the text is not a time of day.
    """
    written = text.strip()
    if written.isdigit() and len(written) in (3, 4, 6):
        written = re.sub(r"(?<=\d)(?=(?:\d\d)+$)", ":", written)
    on_a_day = _ON_A_DAY.fullmatch(written)  # spreadsheets put a time of day on their first day
    clock = parse_clock(on_a_day[1] if on_a_day else written)
    if clock:
        return clock
    if _SHARE_OF_A_DAY.fullmatch(written):
        return Clock(timedelta(seconds=round(float(written.replace(",", ".")) * 86400)))
    raise ValueError(f"{text!r} is not a time of day")


def parse_zone(text: str) -> tzinfo | None:
    """Parses an offset, a common abbreviation, or a name such as `Europe/Zurich`; None if the text is not a zone."""
    written = text.strip()
    bare = _NAMED.sub("", written).strip() or written.strip("[]() ")
    offset = _OFFSET.fullmatch(bare)
    if offset:
        minutes = int(offset["hours"]) * 60 + int(offset["minutes"] or 0)
        if minutes > 18 * 60:
            return None
        return timezone(timedelta(minutes=minutes if offset["sign"] == "+" else -minutes))
    hours = _ABBREVIATIONS.get(bare.upper())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    return _iana(bare) if "/" in bare else None


@cache
def _iana(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
