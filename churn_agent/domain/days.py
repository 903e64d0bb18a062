"""Days at which something can happen to a customer, and dates that mean none."""

from datetime import date, datetime

EARLIEST, LATEST = date(1900, 1, 2), date(2199, 12, 31)
"""Programs write dates outside (0001-01-01, 1899-12-30, 1900-01-01, 9999-12-31) where there is none."""
_NONE = frozenset({date(1970, 1, 1), date(2099, 12, 31)})


def real_day(text: str | None) -> date | None:
    """Returns the day of an ISO date or time in the data.

    Returns:
        None for other text and for dates that mean none: those before `EARLIEST` or after `LATEST`, 1970-01-01 and
        2099-12-31.
    """
    try:
        day = datetime.fromisoformat((text or "").strip()).date()
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST and day not in _NONE else None
