"""The language of what people read: gettext catalogues, and numbers, dates and money by Babel's locales.

Code below this package speaks English. Reports translate it: their own words with `gettext`, and sentences of facts,
reasons and actions with `sentences.translated`. The catalogues are `locale/<language>.po`; they are read as they are,
so nothing has to be compiled.
"""

import io
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, wraps
from gettext import NullTranslations
from importlib.resources import files
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from churn_agent.domain.snapshot import REPORT_LANGUAGES, Card

if TYPE_CHECKING:
    from churn_agent.reports.portfolio.accounts import Portfolio

_P = ParamSpec("_P")
_R = TypeVar("_R")
SOURCE = "en"
"""Language of the messages in the code."""


@dataclass(frozen=True)
class Language:
    """A language with its catalogue and its formats."""

    code: str
    """Of the catalogue, such as `de`."""
    locale: Locale
    translations: NullTranslations

    @property
    def is_source(self) -> bool:
        """Whether messages are shown as they are in the code."""
        return self.code == SOURCE


@cache
def language(tag: str) -> Language:
    """Returns the language of a tag such as `de`, `de-CH` or `en`; English if there is no catalogue for it."""
    try:
        locale = Locale.parse(tag.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        locale = Locale(SOURCE)
    if locale.language not in REPORT_LANGUAGES:
        locale = Locale(SOURCE)
    return Language(locale.language, locale, _translations(locale.language))


@cache
def _translations(code: str) -> NullTranslations:
    if code == SOURCE:
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    compiled = io.BytesIO()
    with (files("churn_agent.reports.locale") / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled)


_current: ContextVar[Language | None] = ContextVar("language", default=None)


def current() -> Language:
    """Returns the language that is spoken now; English unless `speaking` says otherwise."""
    return _current.get() or language(SOURCE)


@contextmanager
def speaking(tag: str) -> Generator[Language]:
    """Speaks a language within the block."""
    token = _current.set(language(tag))
    try:
        yield current()
    finally:
        _current.reset(token)


def in_its_language(
    render: "Callable[Concatenate[Portfolio, _P], _R]",
) -> "Callable[Concatenate[Portfolio, _P], _R]":
    """Makes a function render a report in the language that the card names."""

    @wraps(render)
    def rendered(portfolio: "Portfolio", *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with speaking(portfolio.card.language):
            return render(portfolio, *args, **kwargs)

    return rendered


def gettext(message: str, **values: object) -> str:
    """Returns a message in the current language, with values in place of `{name}`."""
    text = current().translations.gettext(message)
    return text.format(**values) if values else text


def ngettext(one: str, many: str, n: int, **values: object) -> str:
    """Returns one of two messages by a number, which is `{n}` in them."""
    return current().translations.ngettext(one, many, n).format(n=number(n), **values)


def pgettext(context: str, message: str, **values: object) -> str:
    """Returns a message whose meaning depends on a context."""
    text = current().translations.pgettext(context, message)
    return text.format(**values) if values else text


def noop(message: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return message


# --- numbers, days and money


def number(value: float, digits: int = 0) -> str:
    """Returns a number with separators of thousands, rounded as Python rounds."""
    rounded = Decimal(f"{value:.{digits}f}")
    return format_decimal(rounded, format=f"#,##0{'.' * bool(digits)}{'0' * digits}", locale=current().locale)


def signed(value: float, digits: int = 0) -> str:
    """Returns a number with its sign."""
    return f"{'-' if value < 0 else '+'}{number(abs(value), digits)}"


def share(value: float) -> str:
    """Returns a share, 0 to 1, as a whole percentage."""
    return format_percent(Decimal(f"{100 * value:.0f}") / 100, locale=current().locale)


def day(value: date | None) -> str:
    """Returns a day, or an empty string for none; an ISO date in English."""
    if value is None:
        return ""
    return value.isoformat() if current().is_source else format_date(value, "dd.MM.yyyy", locale=current().locale)


def month(value: date) -> str:
    """Returns a month with its year."""
    return format_date(value, "MMMM yyyy", locale=current().locale)


def money(amount: float, currency: str) -> str:
    """Returns an amount without cents, with the currency as it is written, on the side where the language has it."""
    if not currency:
        return number(amount)
    standard = str(current().locale.currency_formats["standard"].pattern)
    space = " " if current().is_source else "\u00a0"
    return space.join((currency, number(amount)) if standard.startswith("\u00a4") else (number(amount), currency))


def in_period(yearly: float | None, card: Card) -> float | None:
    """Returns a yearly value for the period that the card shows."""
    return None if yearly is None else yearly / 12 if card.value_period == "month" else yearly
