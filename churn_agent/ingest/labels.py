"""Reads files of labels: words for the outcome, dates, horizons, settled over the whole file."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta

from churn_agent.domain.interactions import DATED_BY, Label
from churn_agent.domain.snapshot import Card
from churn_agent.errors import DataError
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.formats.cells import is_missing
from churn_agent.ingest.formats.ids import check_id, whole_id
from churn_agent.ingest.formats.numbers import NumberFormat, NumberProfile
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.outcome_words import KINDS, kind_of, outcome_of, voluntary_of
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.translating import settled_times

_MOST_WORDS = 50
_SHOWN = 5
_LAST_SECOND = time(23, 59, 59)
_MOST_DAYS = 3660
_DATES = ("as_of", "left_on", "notice_on")
_WORDS = {"kind": kind_of, "voluntary": voluntary_of}


@dataclass(frozen=True)
class LabelFormats:
    """What the columns of a file of labels mean."""

    columns: Mapping[str, str]
    """Our field -> column."""
    dates: Mapping[str, TimeFormat]
    """Field -> the way its column writes dates."""
    amounts: NumberFormat | None = None


def check_outcome(columns: Mapping[str, str], header: Iterable[str], source: str) -> None:
    """Raises `DataError` unless a file has an outcome and its date, or says when customers left or gave notice.

    Args:
        columns: our field -> column.
        header: names of the columns.
        source: name of the file.
    """
    if "left_on" in columns or "notice_on" in columns:
        return
    missing = "as_of" if "as_of" not in columns else "churned" if not {"churned", "kind"} & set(columns) else None
    if missing:
        raise DataError(
            f"{source}: no column for {missing!r}, and none for 'left_on' or 'notice_on'; the header has "
            f"{', '.join(header)[:200]}. Rename a column, or map it in a mapping file (--mapping)"
        )


class LabelParser:
    """Parses rows into labels."""

    def __init__(self, formats: LabelFormats, card: Card, *, whole_ids: bool = False) -> None:
        """Creates a parser.

        Args:
            formats: the columns, and the way the file writes dates and amounts.
            card: card of the book, with the time zone and the usual horizon.
            whole_ids: whether the customer 1001.0 is 1001.
        """
        self._formats = formats
        self._columns = formats.columns
        self._card = card
        self._whole_ids = whole_ids

    def __call__(self, row: Row) -> Label:
        """Returns the label of a row. Raises `ValueError` with the value that is invalid."""
        columns = self._columns
        texts = {field: row.values.get(column, "").strip() for field, column in columns.items()}
        customer_id = check_id(row.values.get(columns["customer_id"], ""))
        left_on = self._day("left_on", texts.get("left_on", ""))
        notice_on = self._day("notice_on", texts.get("notice_on", ""))
        kind = kind_of(texts.get("kind", ""))
        churned = outcome_of(texts["churned"]) if "churned" in columns else kind and kind == "lost"
        if (left_on or notice_on) and not texts.get("churned") and not texts.get("kind"):
            churned, kind = True, "lost"
        if churned is None:
            field = "churned" if "churned" in columns else "kind"
            if field not in columns:
                raise ValueError(
                    "neither left_on nor notice_on has a date, and no column says whether the customer left"
                )
            allowed = "1 or 0, yes or no, churned or stayed" if field == "churned" else ", ".join(KINDS)
            raise ValueError(f"{field} is {texts[field]!r}; it must be {allowed}")
        if kind and churned != (kind == "lost"):
            raise ValueError(f"churned is {texts['churned']!r} but {columns['kind']} is {texts['kind']!r}")
        horizon = self._horizon(texts.get("horizon_days", ""))
        metadata = {name: text for name, text in row.values.items() if name not in columns.values() and text != ""}
        as_of = self._day("as_of", texts.get("as_of", ""))
        if as_of is None and churned:
            as_of, by = _before_leaving(left_on, notice_on, horizon)
            metadata |= {DATED_BY: by} if by else {}
        if as_of is None:
            raise ValueError(f"as_of is {texts.get('as_of', '')!r}; a label needs a date")
        if left_on and left_on <= as_of:
            raise ValueError(f"the customer left on {left_on}, so there is nothing to predict on {as_of}")
        return Label(
            customer_id=whole_id(customer_id) if self._whole_ids else customer_id,
            as_of=as_of,
            churned=churned,
            horizon_days=horizon,
            metadata=metadata,
            left_on=left_on,
            notice_on=notice_on,
            kind=kind,
            amount=self._amount(texts.get("change_amount", "")),
            voluntary=voluntary_of(texts.get("voluntary", "")),
        )

    def _day(self, field: str, text: str) -> str | None:
        if field not in self._columns or is_missing(text):
            return None
        try:
            moment = self._formats.dates[field].parse(text, self._card.zone)
        except ValueError as error:
            raise ValueError(f"{field} {text!r} is not a date (such as 2026-03-01): {error}") from None
        if moment is None:
            return None
        written = moment.utc + timedelta(minutes=moment.offset_minutes)
        clock = written.time().replace(microsecond=0, tzinfo=None)
        if field == "as_of" and clock not in (time(), _LAST_SECOND):
            raise ValueError(f"as_of {text!r} has a time of day; a label counts from a day on")
        return written.date().isoformat()

    def _amount(self, text: str) -> float | None:
        number = self._formats.amounts.parse(text) if self._formats.amounts else None
        return number.value if number else None

    def _horizon(self, written: str) -> int:
        if not written:
            return self._card.horizon_days
        try:
            days = float(written)
        except ValueError:
            days = 0.0
        if not (days.is_integer() and 1 <= days <= _MOST_DAYS):
            raise ValueError(f"horizon_days is {written!r}; it must be a whole number of days, 1 to {_MOST_DAYS}")
        return int(days)


class LabelProfile:
    """Collects what a file of labels says about its words and dates, in constant memory."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        """Creates a profile. `columns` maps our fields to columns."""
        self._columns = dict(columns)
        self._dates = {field: TimeProfile(field) for field in _DATES if field in columns}
        self._amounts = NumberProfile("amount")
        self._unknown: Counter[str] = Counter()
        self._others: dict[str, Counter[str]] = {field: Counter() for field in _WORDS if field in columns}

    def add(self, row: Row) -> None:
        """Adds a row."""
        texts = {field: row.values.get(column, "") for field, column in self._columns.items()}
        for field, profile in self._dates.items():
            profile.add(texts[field])
        self._amounts.add(texts.get("change_amount", ""))
        word = texts.get("churned", "").strip()
        if word and outcome_of(word) is None:
            _count(self._unknown, word)
        for field, unknown in self._others.items():
            word = texts[field].strip()
            if not is_missing(word) and _WORDS[field](word) is None:
                _count(unknown, word)

    @property
    def unknown_words(self) -> str | None:
        """Words for the outcome that are unknown, with their counts: `'maybe' (3), 'x' (1)`; None if there are none."""
        return _listed(self._unknown) or None

    @property
    def metadata_columns(self) -> dict[str, str]:
        """Columns that look like the kind of an outcome but hold unknown words, which are listed."""
        with_churned = "churned" in self._columns
        return {
            self._columns[field]: _listed(unknown)
            for field, unknown in self._others.items()
            if unknown and (field != "kind" or with_churned)
        }

    def settle(self, mapping: ColumnMapping) -> LabelFormats | list[Question]:
        """Decides the formats of the columns. Columns that hold something else are metadata.

        Args:
            mapping: the user's mapping.

        Returns:
            The formats, or questions about them.
        """
        columns = {field: name for field, name in self._columns.items() if name not in self.metadata_columns}
        settled = {field: settled_times(profile, mapping) for field, profile in self._dates.items()}
        amounts = self._amounts.settle_beside(mapping.decimal) if "change_amount" in columns else None
        questions = [answer for answer in (*settled.values(), amounts) if isinstance(answer, Question)]
        if questions:
            return questions
        dates = {field: format_ for field, format_ in settled.items() if isinstance(format_, TimeFormat)}
        if "as_of" in columns:
            dates.setdefault("as_of", TimeFormat())
        for field in (*_DATES, "change_amount"):
            if field not in dates and not (field == "change_amount" and amounts):
                columns.pop(field, None)
        return LabelFormats(columns, dates, amounts if isinstance(amounts, NumberFormat) else None)


def _before_leaving(left_on: str | None, notice_on: str | None, horizon_days: int) -> tuple[str | None, str | None]:
    """Returns the day `horizon_days` before the customer gave notice or left, and which of the two came first."""
    days = [(day, name) for day, name in ((notice_on, "notice_on"), (left_on, "left_on")) if day]
    if not days:
        return None, None
    first, by = min(days)
    return (date.fromisoformat(first) - timedelta(days=horizon_days)).isoformat(), by


def _count(words: Counter[str], word: str) -> None:
    if word in words or len(words) < _MOST_WORDS:
        words[word] += 1


def _listed(words: Counter[str]) -> str:
    ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{word!r} ({count:,})" for word, count in ranked[:_SHOWN])
    return f"{shown} and {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else shown
