"""Arguments of the public interface in the types that callers have them in."""

from datetime import date, datetime
from numbers import Integral

from churn_agent.domain.days import EARLIEST, LATEST
from churn_agent.errors import InputError

_EXAMPLE = "'2026-03-01'"


def as_day(value: date | str) -> date:
    """Returns a day that was given as a date, a time or an ISO date.

    Args:
        value: a `date`; a `datetime` without a time zone, whose day is taken; or text such as `2026-03-01`.

    Raises:
        InputError: it is something else, it has a time zone (then its day depends on the book's), or it is not between
            `EARLIEST` and `LATEST`.
    """
    day: object = value
    if isinstance(value, str):
        try:
            day = datetime.fromisoformat(value.strip())
        except ValueError:
            raise InputError(f"{value!r} is not a date; write it like {_EXAMPLE}") from None
    if isinstance(day, datetime):
        if day.tzinfo is not None:
            raise InputError(f"the date {str(value)!r} has a time zone; give a day of the book, such as {_EXAMPLE}")
        day = day.date()
    if type(day) is not date:  # the day of pandas' NaT is NaT
        raise InputError(f"{value!r} is not a date; give a datetime.date, or text such as {_EXAMPLE}")
    if not EARLIEST <= day <= LATEST:
        raise InputError(f"the date {day} is not between {EARLIEST} and {LATEST}")
    return day


def as_customer_id(value: object) -> str:
    """Returns an id that was given as text or as a whole number.

    Raises:
        InputError: it is something else, whose text could differ from the id in the data (`1001.0`).
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Integral) and value is not True and value is not False:
        return str(int(value))
    raise InputError(f"the customer id {value!r} is of type {type(value).__name__}; give it as text, as in the data")
