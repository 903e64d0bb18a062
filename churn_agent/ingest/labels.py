"""Reads files of labels: words for the outcome, dates, horizons, settled over the whole file."""

from collections import Counter
from collections.abc import Mapping
from datetime import time, timedelta

from churn_agent.domain.interactions import Label
from churn_agent.domain.snapshot import Card
from churn_agent.ingest.formats.ids import check_id, whole_id
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.base import Row

_CHURNED = frozenset(
    """1 true t yes y ja oui si sí sim churn churned lost left gone cancelled canceled terminated attrited attrition
    quit ended inactive gekündigt verloren abgewandert résilié parti perdu""".split()
)
_STAYED = frozenset(
    """0 false f no n nein non não nee stay stayed retained retention kept active existing current remained renewed
    aktiv geblieben actif resté""".split()
) | {"not churned", "no churn", "non-churn", "not_churned", "no_churn"}
_MOST_WORDS = 50
_SHOWN = 5
_LAST_SECOND = time(23, 59, 59)
_MOST_DAYS = 3660


class LabelParser:
    """Parses rows into labels."""

    def __init__(self, columns: Mapping[str, str], card: Card, dates: TimeFormat, *, whole_ids: bool = False) -> None:
        """Creates a parser.

        Args:
            columns: our field -> column.
            card: card of the book, with the time zone and the usual horizon.
            dates: the way the file writes dates.
            whole_ids: whether the customer 1001.0 is 1001.
        """
        self._columns = columns
        self._card = card
        self._dates = dates
        self._whole_ids = whole_ids

    def __call__(self, row: Row) -> Label:
        """Returns the label of a row. Raises `ValueError` with the value that is invalid."""
        columns, values = self._columns, row.values
        customer_id = check_id(values.get(columns["customer_id"], ""))
        return Label(
            customer_id=whole_id(customer_id) if self._whole_ids else customer_id,
            as_of=self._day(values.get(columns["as_of"], "")),
            churned=_outcome(values.get(columns["churned"], "")),
            horizon_days=self._horizon(values.get(columns.get("horizon_days", ""), "")),
            metadata={name: text for name, text in values.items() if name not in columns.values() and text != ""},
        )

    def _day(self, text: str) -> str:
        try:
            moment = self._dates.parse(text, self._card.zone)
        except ValueError as error:
            raise ValueError(f"as_of {text!r} is not a date (such as 2026-03-01): {error}") from None
        if moment is None:
            raise ValueError(f"as_of is {text!r}; a label needs a date")
        written = moment.utc + timedelta(minutes=moment.offset_minutes)
        clock = written.time().replace(microsecond=0, tzinfo=None)
        if clock not in (time(), _LAST_SECOND):
            raise ValueError(f"as_of {text!r} has a time of day; a label counts from a day on")
        return written.date().isoformat()

    def _horizon(self, text: str) -> int:
        written = text.strip()
        if not written:
            return self._card.horizon_days
        try:
            days = float(written)
        except ValueError:
            days = 0.0
        if not (days.is_integer() and 1 <= days <= _MOST_DAYS):
            raise ValueError(f"horizon_days is {text!r}; it must be a whole number of days, 1 to {_MOST_DAYS}")
        return int(days)


class LabelProfile:
    """Collects what a file of labels says about its words and dates, in constant memory."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        """Creates a profile. `columns` maps our fields to columns."""
        self._columns = columns
        self._dates = TimeProfile("as_of")
        self._unknown: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        """Adds a row."""
        self._dates.add(row.values.get(self._columns["as_of"], ""))
        word = row.values.get(self._columns["churned"], "").strip()
        if word and _known(word) is None and (word in self._unknown or len(self._unknown) < _MOST_WORDS):
            self._unknown[word] += 1

    @property
    def unknown_words(self) -> str | None:
        """Words for the outcome that are unknown, with their counts: `'maybe' (3), 'x' (1)`; None if there are none."""
        ranked = sorted(self._unknown.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{word!r} ({count:,})" for word, count in ranked[:_SHOWN])
        return f"{shown} and {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else shown or None

    def dates(self, day_first: bool | None = None, time_format: str | None = None) -> TimeFormat | Question:
        """Returns the way the file writes dates, or a question about it."""
        return self._dates.settle(day_first, time_format) or TimeFormat()


def _known(word: str) -> bool | None:
    plain = word.strip().casefold().removesuffix(" customer").removesuffix(".0")
    return True if plain in _CHURNED else False if plain in _STAYED else None


def _outcome(word: str) -> bool:
    churned = _known(word)
    if churned is None:
        raise ValueError(f"churned is {word!r}; it must be 1 or 0, yes or no, churned or stayed")
    return churned
