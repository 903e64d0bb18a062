"""Numbers as people write them: the decimal sign is settled over a whole column."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Literal, cast

from churn_agent.domain.wording import counted
from churn_agent.ingest.formats.cells import Examples, NumberText, is_missing
from churn_agent.ingest.formats.currencies import currency_of
from churn_agent.ingest.questions import Guess, Question

DecimalSign = Literal[".", ","]

NEARLY_ALL = 0.95
"""Share of a column's values that a reading must fit if it does not fit all."""
_HALF = 0.5
"""The same if the mapping sets the decimal sign."""
_NAMES: dict[DecimalSign, str] = {".": "decimal point", ",": "decimal comma"}
_SAME = str.maketrans(
    dict.fromkeys("\u00a0\u202f\u2009\u2007\u2008", " ")
    | dict.fromkeys("−–—‐‑﹣－", "-")
    | dict.fromkeys("’‘ʼ´`٬", "'")
    | {"٫": ".", "．": ".", "，": ",", "％": "%", "（": "(", "）": ")"}
    | dict.fromkeys("\u200e\u200f\u061c\u2066\u2067\u2068\u2069\ufeff")
)
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
_POINT = re.compile(r"-?\d+\.(?:\d{1,2}|\d{4,})")
"""Has a decimal point beyond doubt."""
_NUMBER = re.compile(
    r"(?P<open>\()?\s*(?P<minus>[-+]?)\s*(?P<before>[^\d\s()+%.,'-][^\d\s()+%,'-]*)?\s*(?P<inner>[-+]?)\s*"
    r"(?P<digits>[.,]?\d(?:[\d.,' ]*\d)?[.,]?)(?P<power>[eE][-+]?\d+)?(?:(?<=[.,])--?)?"
    r"\s*(?P<percent>%)?\s*(?P<after>[^\d\s()+%.,'-][^\d\s()+%,'-]*)?\s*(?P<trailing>-?)\s*(?P<close>\))?"
)
"""A dash after the decimal sign stands for no cents: `49,-`."""
_GROUPED = r"[1-9]\d{0,2}(?P<group>[%s])\d{3}(?:(?P=group)\d{3})*"
_APOSTROPHES = r"\d+(?:'\d{3})+"  # never a decimal sign; programs set one alone in 1234567'890
_INDIAN = r"[1-9]\d?(?:,\d\d)+,\d{3}"
_POINT_GROUPS, _COMMA_GROUPS = _GROUPED % ", ", _GROUPED % ". "
_READINGS: dict[DecimalSign, re.Pattern[str]] = {
    ".": re.compile(rf"(?:\d+|{_APOSTROPHES}|{_POINT_GROUPS}|{_INDIAN})?(?:\.(?P<cents>\d*))?"),
    ",": re.compile(rf"(?:\d+|{_APOSTROPHES}|{_COMMA_GROUPS})?(?:,(?P<cents>\d*))?"),
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its currency."""

    value: float
    """The value; a percentage as a fraction."""
    currency: str | None
    """ISO 4217 code, or a sign that several currencies share (`$`); None if the text names none."""


@dataclass(frozen=True)
class NumberFormat:
    """The way a column writes numbers."""

    decimal: DecimalSign = "."
    values: int = 0
    """Number of values in the column."""
    misfits: int = 0
    """How many of them this format does not fit."""
    fractions: bool = False
    """Whether any value has a decimal sign or groups of digits."""
    examples: tuple[str, ...] = ()

    def describe(self) -> str:
        """Returns the format with examples: `decimal comma: 12,50; 1.234,00`."""
        name = _NAMES[self.decimal] if self.fractions else "whole numbers"
        return f"{name}: {'; '.join(self.examples)}" if self.examples else name

    def guess(self, about: str) -> Guess:
        """Returns the format as a guess about a column."""
        fit = f"fits {self.values - self.misfits:,} of {self.values:,} values"
        other = "," if self.decimal == "." else "."
        return Guess(about, self.describe(), fit, f'decimal: "{other}"')

    def parse(self, text: str) -> Number | None:
        """Parses a number; None for a cell without a value.

        Raises:
            ValueError: the text is not a number in this format; the message says so.
        """
        if isinstance(text, NumberText) or (self.decimal == "." and _PLAIN.fullmatch(text)):
            value, currency = _float(text), None
        elif is_missing(text):
            return None
        else:
            written = _written(text)
            digits = written and written.digits_in(self.decimal)
            if not written or not digits:
                raise ValueError(f"{text!r} is not a number with a {_NAMES[self.decimal]}")
            value, currency = written.value(digits), written.currency
        if not isfinite(value):
            raise ValueError(f"{text!r} is not a finite number")
        return Number(value, currency)


class NumberProfile:
    """Collects what a column's values say about its decimal sign, in constant memory."""

    def __init__(self, about: str = "amount") -> None:
        """Creates a profile of the column or field `about`."""
        self._about = about
        self._values = self._numbers = self._open = 0
        self._fits: dict[DecimalSign, int] = {".": 0, ",": 0}
        self._only = {".": Examples(), ",": Examples()}
        self._open_examples, self._plain, self._words = Examples(), Examples(), Examples()

    def add(self, text: str, n: int = 1) -> None:
        """Adds a value that `n` cells have. Cells without a value do not count."""
        if isinstance(text, NumberText) or (text.isascii() and text.isdigit()):
            self._count(text, n, "1", "1")
        elif _POINT.fullmatch(text):
            self._count(text, n, "1", None)
        elif not is_missing(text):
            written = _written(text)
            point, comma = (written.digits_in(".") if written else None), (written.digits_in(",") if written else None)
            self._count(text.strip(), n, point, comma)

    def settle(self, decimal: str | None = None) -> NumberFormat | Question | None:
        """Decides how the column writes numbers.

        Args:
            decimal: decimal sign from the mapping, `.` or `,`.

        Returns:
            The format that fits all values, or the only one that fits nearly all; a question if both signs remain
            possible; None if the column holds words.
        """
        signs: tuple[DecimalSign, ...] = (".", ",")
        if decimal:
            fit = self._numbers >= _HALF * self._values
            return self._format("," if decimal == "," else ".") if fit else None
        for least in (1.0, NEARLY_ALL):
            fitting: list[DecimalSign] = [sign for sign in signs if self._fits[sign] >= least * self._values]
            if len(fitting) == 1 or (fitting and self._same_for_both):
                return self._format(fitting[0])
            if fitting:
                return self._question()
        return self._question() if self._numbers >= NEARLY_ALL * self._values else None

    def settle_beside(self, decimal: str | None) -> NumberFormat | Question | None:
        """Decides as `settle` does; where a decimal sign stated for another file does not fit, by the column alone."""
        settled = self.settle(decimal)
        contradicts = isinstance(settled, NumberFormat) and settled.misfits > (1 - NEARLY_ALL) * settled.values
        return self.settle() if decimal and contradicts else settled

    @property
    def evidence(self) -> str:
        """How many values are numbers, with examples of the others."""
        others = f", {self._words} are not" if str(self._words) else ""
        return f"{self._numbers:,} of {self._values:,} values are numbers{others}"

    @property
    def _same_for_both(self) -> bool:
        return not self._open and self._fits["."] == self._fits[","] == self._numbers

    def _count(self, text: str, n: int, point: str | None, comma: str | None) -> None:
        self._values += n
        if point is None and comma is None:
            self._words.add(text)
            return
        self._numbers += n
        self._fits["."] += n * (point is not None)
        self._fits[","] += n * (comma is not None)
        if point == comma:
            self._plain.add(text)
        elif point and comma:
            self._open += n
            self._open_examples.add(text)
        else:
            self._only["." if point else ","].add(text)

    def _format(self, decimal: DecimalSign) -> NumberFormat:
        telling = [*self._only[decimal], *self._open_examples]
        return NumberFormat(
            decimal,
            self._values,
            self._values - self._fits[decimal],
            bool(telling),
            tuple((telling or [*self._plain])[:3]),
        )

    def _question(self) -> Question:
        sides = [f"{self._only[sign]} can only have a {_NAMES[sign]}" for sign in _NAMES if str(self._only[sign])]
        if self._open:
            example = next(iter(self._open_examples))
            written = cast("_Written", _written(example))
            readings = [_shown(written.value(cast("str", written.digits_in(sign)))) for sign in (",", ".")]
            sides.append(f"{example!r} is {readings[0]} with a decimal comma and {readings[1]} with a decimal point")
        if str(self._words):
            sides.append(f"{self._words} are not numbers")
        return Question(
            f"{self._about}: the decimal sign of {counted(self._values, 'value')}",
            "; ".join(sides) + ".",
            tuple(_NAMES[sign] for sign in (",", ".")),
            lambda option: {"decimal": next(sign for sign, name in _NAMES.items() if name == option)},
        )


@dataclass(frozen=True, slots=True)
class _Written:
    """A text taken apart, before its decimal sign is known."""

    digits: str
    power: str
    negative: bool
    percent: bool
    currency: str | None

    def digits_in(self, decimal: DecimalSign) -> str | None:
        """Returns the digits with a point and without groups; None if they do not fit the decimal sign."""
        match = _READINGS[decimal].fullmatch(self.digits)
        if match is None:
            return None
        whole = self.digits if match["cents"] is None else self.digits[: match.start("cents") - 1]
        return re.sub(r"\D", "", whole) + (f".{match['cents']}" if match["cents"] else "")

    def value(self, digits: str) -> float:
        """Returns the value of what `digits_in` returned."""
        value = Decimal(digits + self.power) / (100 if self.percent else 1)
        return _float(-value if self.negative else value)


def _written(text: str) -> _Written | None:
    """Takes a number apart; None if the text is not one."""
    plain = text.translate(_SAME).strip()
    if not plain.isascii():
        plain = "".join(str(unicodedata.decimal(character, character)) for character in plain)
    match = _NUMBER.fullmatch(plain)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    signs = [match["open"] or "", match["minus"], match["inner"], match["trailing"]]
    names = [name for name in (match["before"], match["after"]) if name]
    currencies = {currency_of(name) for name in names}
    if sum(map(bool, signs)) > 1 or len(currencies) > 1 or None in currencies:
        return None
    negative = any(sign in ("-", "(") for sign in signs if sign)
    return _Written(
        match["digits"], match["power"] or "", negative, bool(match["percent"]), next(iter(currencies), None)
    )


def _float(value: str | Decimal) -> float:
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{str(value)!r} is not a number") from None


def _shown(value: float) -> str:
    return f"{value:.15g}"
