"""Reads files of attributes: numbers and dates are settled by column over the whole file, and stored in one form."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from churn_agent.domain.days import real_day
from churn_agent.domain.snapshot import Card
from churn_agent.history.book import Attributes
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.formats.cells import NumberText, is_missing
from churn_agent.ingest.formats.numbers import NumberFormat, NumberProfile
from churn_agent.ingest.formats.stamps import is_serial
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.parsing import checked_customer_id
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.base import Row

ATTRIBUTE_FIELDS = ("customer_id", "known_from")
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
_WHOLE = re.compile(r"-?\d+")
_NOT_NUMBERS = frozenset(
    """id ids code number no nr nummer phone tel telephone telefon mobile fax iban zip zipcode postcode plz vat sku
    version""".split()
)
"""Words in names of columns whose digits are not numbers."""
_DAYS = frozenset("date datum fecha dato termin expires expiry ends until renewal bis".split())
"""Words in names of columns whose numbers can be days of a spreadsheet."""
_TOTALS = frozenset(
    """total totals grand_total subtotal sum overall summe gesamt gesamtsumme zwischensumme insgesamt totale totaal
    totaux total_général suma razem""".split()
)
"""Words that a row of totals has as its customer."""
_MOST_MISFITS = 0.05
_MOST_CURRENCIES = 20
_ANY_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class AttributeFormats:
    """What the columns of a file of attributes mean."""

    columns: Mapping[str, str]
    """`customer_id`, and `known_from` if there is one -> column."""
    numbers: Mapping[str, NumberFormat] = field(default_factory=dict[str, NumberFormat])
    dates: Mapping[str, TimeFormat] = field(default_factory=dict[str, TimeFormat])
    currencies: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Column -> its currencies, where there are several: these amounts stay as they are."""


class AttributeProfile:
    """Collects what a file says about its columns, in constant memory."""

    def __init__(self, columns: Mapping[str, str], time_format: str | None = None) -> None:
        """Creates a profile.

        Args:
            columns: our field -> column.
            time_format: format of dates from the mapping; it counts for columns of other forms whose values fit it.
        """
        self.columns = columns
        self.names: dict[str, None] = {}
        """Names of all columns, in their order."""
        self._mapped_times = TimeFormat(time_format=time_format, earliest_year=1900) if time_format else None
        self._not_mapped: set[str] = set()
        self._numbers: dict[str, NumberProfile] = {}
        self._dates: dict[str, TimeProfile] = {}
        self._plain: Counter[str] = Counter()
        self._currencies: dict[str, set[str]] = {}

    def add(self, row: Row) -> None:
        """Adds a row."""
        self.names |= dict.fromkeys(row.values)
        for name, text in row.values.items():
            if name and name not in self.columns.values() and not is_missing(text):
                self._add(name, text)
        known_from = self.columns.get("known_from")
        if known_from:
            text = row.values.get(known_from, "")
            self._dates.setdefault(known_from, TimeProfile(known_from)).add(text)
            if not is_missing(text) and not self._fits_mapping(text):
                self._not_mapped.add(known_from)

    def _add(self, name: str, text: str) -> None:
        if not _NOT_NUMBERS.isdisjoint(re.split(r"[\W_]+", name.casefold())):
            return
        if self._is_day(name, text):
            self._dates.setdefault(name, TimeProfile(name, earliest_year=1900)).add(text)
            return
        self._numbers.setdefault(name, NumberProfile(name)).add(text)
        if isinstance(text, NumberText) or _PLAIN.fullmatch(text):
            self._plain[name] += 1
        else:
            self._dates.setdefault(name, TimeProfile(name, earliest_year=1900)).add(text)
            if not self._fits_mapping(text):
                self._not_mapped.add(name)
            currency = _currency(text)
            known = self._currencies.setdefault(name, set())
            if currency and len(known) < _MOST_CURRENCIES:
                known.add(currency)

    def _is_day(self, name: str, text: str) -> bool:
        """Whether a number is a day of a spreadsheet, in a column of days."""
        words = re.split(r"[\W_]+", name.casefold())
        return is_serial(text) and not _DAYS.isdisjoint(words) and "to_date" not in "_".join(words)

    def settle(self, mapping: ColumnMapping) -> AttributeFormats | list[Question]:
        """Decides the formats, or returns questions about them."""
        questions: list[Question] = []
        numbers: dict[str, NumberFormat] = {}
        dates: dict[str, TimeFormat] = {}
        several = {name: sorted(known) for name, known in self._currencies.items() if len(known) > 1}
        for name, profile in self._numbers.items():
            settled = profile.settle_beside(mapping.decimal)
            if isinstance(settled, Question):
                questions.append(settled)
            elif settled and settled.misfits <= _MOST_MISFITS * settled.values and name not in several:
                numbers[name] = settled
        for name, profile in self._dates.items():
            if self._mapped_times and name not in numbers and name not in self._not_mapped and not self._plain[name]:
                dates[name] = self._mapped_times
                continue
            orders = [profile.settle(day_first) for day_first in (True, False)]
            fitting = [one for one in orders if isinstance(one, TimeFormat) and self._fits(name, one)]
            if name in numbers or not fitting:
                continue
            settled = profile.settle(mapping.day_first)
            if isinstance(settled, Question):
                questions.append(settled)
            elif settled:
                dates[name] = settled
        return questions or AttributeFormats(self.columns, numbers, dates, several)

    def _fits_mapping(self, text: str) -> bool:
        try:
            return bool(self._mapped_times and self._mapped_times.parse(text, _ANY_ZONE))
        except ValueError:
            return False

    def _fits(self, name: str, times: TimeFormat) -> bool:
        return times.values - times.misfits >= (1 - _MOST_MISFITS) * (times.values + self._plain[name]) > 0


class AttributeParser:
    """Parses rows into attributes."""

    def __init__(self, formats: AttributeFormats, card: Card, *, whole_ids: bool = False) -> None:
        """Creates a parser.

        Args:
            formats: the columns, and the way they write numbers and dates.
            card: card of the book, with its time zone.
            whole_ids: whether the customer 1001.0 is 1001.
        """
        self._formats = formats
        self._card = card
        self._whole = whole_ids
        self._fields = set(formats.columns.values())

    def __call__(self, row: Row) -> Attributes:
        """Returns the attributes of a row. Raises `ValueError` with the value that is invalid."""
        columns = self._formats.columns
        customer_id = checked_customer_id(row.values.get(columns["customer_id"], ""), whole=self._whole)
        if _is_total(customer_id, row.values.values()):
            raise ValueError(f"the id {customer_id!r} and empty cells beside it are those of a row of totals")
        values: dict[str, str] = {}
        original: dict[str, str] = {}
        for name, text in row.values.items():
            if not name or name in self._fields or text == "":
                continue
            value = self._value(name, text)
            if value != text:
                original[name] = str(text)
            if value:
                values[name] = value
        known = columns.get("known_from")
        dated = row.values.get(known, "").strip() if known else ""
        return Attributes(customer_id, values, self._day(known or "", dated), original or None)

    def _day(self, column: str, text: str) -> date | None:
        if is_missing(text):
            return None
        try:
            time = self._formats.dates.get(column, TimeFormat()).parse(text, self._card.zone)
        except ValueError as error:
            raise ValueError(f"known_from {text!r} is not a date: {error}") from None
        return (time.utc + timedelta(minutes=time.offset_minutes)).date() if time else None

    def _value(self, name: str, text: str) -> str:
        """Returns a value in the one form: digits with a point, ISO dates; empty for a date that means none."""
        try:
            if name in self._formats.numbers:
                return _number(text, self._formats.numbers[name])
            if name in self._formats.dates and real_day(text) is None:
                time = self._formats.dates[name].parse(text, self._card.zone)
                if time is None:
                    return ""
                written = time.utc + timedelta(minutes=time.offset_minutes)
                return written.date().isoformat() if time.date_only else written.replace(tzinfo=None).isoformat()
        except ValueError:
            return text  # one of the few that do not fit the column
        return text


def _is_total(customer_id: str, cells: Iterable[str]) -> bool:
    """Whether a row sums up the others: its word is no proof, since a customer may be called Total."""
    word = "_".join(customer_id.casefold().strip(" :*").split())
    return word in _TOTALS and any(not cell.strip() for cell in cells)


def _number(text: str, format_: NumberFormat) -> str:
    if isinstance(text, NumberText) or (_PLAIN if format_.decimal == "." else _WHOLE).fullmatch(text):
        return text
    number = format_.parse(text)
    return text if number is None else f"{number.value:.15g}"


def _currency(text: str) -> str | None:
    for decimal in (".", ","):
        try:
            number = NumberFormat(decimal).parse(text)
        except ValueError:
            continue
        return number.currency if number else None
    return None
