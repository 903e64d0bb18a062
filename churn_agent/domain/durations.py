"""Parses durations as people write them."""

import re
from datetime import timedelta

# ISO 8601 ("P90D"), which pydantic reads, is not what people type. The parsers on PyPI are unmaintained and accept
# far more than is needed here ("3 weeks and 2 days ago").
_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CENTURY = 36_525


def parse(text: str) -> timedelta:
    """Parses a number with a unit: `90s`, `45m`, `1.5h`, `90d` or `13w`.

    Raises:
        ValueError: the text is not a duration, or is longer than a `timedelta` can be.
    """
    match = _WRITTEN.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a duration such as 45m, 2h or 90d")
    try:
        return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError as error:
        raise ValueError(f"{text!r} is too long") from error


def whole_days(text: str) -> int:
    """Parses a duration in days, `90d`, `13w` or just `90`: 1 to 36,525, a century.

    Raises:
        ValueError: the text is not such a duration.
    """
    duration = parse(f"{text}d" if text[-1:].isdecimal() else text)
    if duration % timedelta(days=1) or not 1 <= duration.days <= _CENTURY:
        raise ValueError(f"{text!r} is not a valid duration; use whole days from 1 to {_CENTURY:,}, such as 90d or 13w")
    return duration.days
