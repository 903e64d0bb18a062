"""Working days: Monday to Friday. Public holidays count as working days."""

from datetime import date, timedelta

_FRIDAY = 4


def working_days_after(day: date, n: int) -> date:
    """Returns the `n`-th working day after a day; the day itself for 0."""
    while n:
        day += timedelta(days=1)
        n -= day.weekday() <= _FRIDAY
    return day
