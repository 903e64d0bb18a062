"""Reads files of measurements: one number a row (metric, value), or one column a metric."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from churn_agent.domain.measurements import Measurement
from churn_agent.domain.snapshot import Card
from churn_agent.errors import DataError
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.formats.numbers import NumberFormat, NumberProfile
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.parsing import checked_customer_id
from churn_agent.ingest.periods import DAYS, Reading, end_of_period, reading_of
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.base import Row

MEASUREMENT_NEEDS = ("customer_id", "measured_at")
_CACHED = 100_000
_MOST_DATES = 2_000
"""Most different values of the column of dates that are compared; a column with more is not one of months or weeks."""


@dataclass(frozen=True)
class MeasurementFormats:
    """What the columns of a file of measurements mean."""

    columns: Mapping[str, str]
    """Our field -> column."""
    times: TimeFormat
    numbers: Mapping[str, NumberFormat]
    """Column with values (or seats) -> the way it writes numbers."""
    skipped: Sequence[str] = ()
    """Columns that hold words, and are not imported."""
    reading: Reading = DAYS
    """Whether dates stand for a day, or for a period."""


class MeasurementProfile:
    """Collects what a file says about its columns, in constant memory."""

    def __init__(self, header: Sequence[str], source: str, columns: Mapping[str, str]) -> None:
        """Creates a profile.

        Args:
            header: names of the columns.
            source: name of the source, for messages.
            columns: our field -> column.

        Raises:
            DataError: a column of metrics has no column of values beside it.
        """
        self.columns = dict(columns)
        if ("metric" in self.columns) != ("metric_value" in self.columns):
            if "metric" in self.columns:
                raise DataError(f"{source}: no column for the value of {self.columns['metric']!r} (metric_value)")
            del self.columns["metric_value"]  # one of the metrics of a wide table
        taken = {column for field, column in self.columns.items() if field not in ("metric_value", "seats")}
        one = "metric" in self.columns
        values = [self.columns["metric_value"]] if one else [name for name in header if name and name not in taken]
        if one and "seats" in self.columns:
            values.append(self.columns["seats"])
        self._source = source
        self._times = TimeProfile("measured_at")
        self._numbers = {name: NumberProfile(name) for name in values}
        self._dates: set[str] = set()

    def add(self, row: Row) -> None:
        """Adds a row."""
        written = row.values.get(self.columns["measured_at"], "")
        end = end_of_period(written)
        self._times.add(end)
        if end == written and len(self._dates) <= _MOST_DATES:
            self._dates.add(written)
        for name, profile in self._numbers.items():
            profile.add(row.values.get(name, ""))

    def settle(self, mapping: ColumnMapping) -> MeasurementFormats | list[Question]:
        """Decides the formats. Raises `DataError` if there are no times or no numbers."""
        times = self._times.settle(mapping.day_first, mapping.time_format)
        settled = {name: profile.settle_beside(mapping.decimal) for name, profile in self._numbers.items()}
        questions = [answer for answer in (times, *settled.values()) if isinstance(answer, Question)]
        if questions:
            return questions
        if not isinstance(times, TimeFormat):
            raise DataError(f"{self._source}: the column {self.columns['measured_at']!r} has no times")
        numbers = {name: answer for name, answer in settled.items() if isinstance(answer, NumberFormat)}
        metrics = set(numbers) if "metric" not in self.columns else {self.columns["metric_value"]} & set(numbers)
        if not metrics:
            raise DataError(f"{self._source}: no column has numbers")
        skipped = tuple(name for name in settled if name not in numbers)
        reading = reading_of(self.columns["measured_at"], self._days(times), mapping.measured_over)
        return MeasurementFormats(self.columns, times, numbers, skipped, reading)

    def _days(self, times: TimeFormat) -> set[date]:
        """Returns the different dates of the column; none if it has times of day or too many dates."""
        days: set[date] = set()
        for text in self._dates if len(self._dates) <= _MOST_DATES else ():
            try:
                moment = times.parse(text, ZoneInfo("UTC"))
            except ValueError:
                continue
            if moment is not None:
                if not moment.date_only:
                    return set()
                days.add(moment.utc.date())
        return days


class MeasurementParser:
    """Parses rows into measurements."""

    def __init__(self, formats: MeasurementFormats, card: Card, mapping: ColumnMapping, namespace: str) -> None:
        """Creates a parser.

        Args:
            formats: the columns and their formats.
            card: card of the book, with its time zone.
            mapping: the user's mapping.
            namespace: name of the source, before its keys.
        """
        self._formats = formats
        self._whole = bool(mapping.whole_ids)
        self._namespace = namespace
        columns = formats.columns
        self._seats = columns.get("seats")
        values = columns.get("metric_value")
        self._metrics = [values] if values else list(formats.numbers)
        zone = ZoneInfo(mapping.time_zone) if mapping.time_zone else card.zone

        @lru_cache(_CACHED)
        def time(text: str) -> tuple[datetime, date]:
            named_end = end_of_period(text)
            moment = formats.times.parse(named_end, zone)
            if moment is None:
                raise ValueError(f"measured_at is {text!r}; a measurement needs a time")
            if not moment.date_only:
                return moment.utc, card.local(moment.utc).date()
            written = (moment.utc + timedelta(minutes=moment.offset_minutes)).date()
            end = formats.reading.end(written) if named_end == text else written
            return moment.utc + (end - written), end

        self._time = time

    def __call__(self, row: Row) -> Iterator[Measurement]:
        """Yields the measurements of a row. Raises `ValueError` with the value that is invalid."""
        values, columns = row.values, self._formats.columns
        customer_id = checked_customer_id(values.get(columns["customer_id"], ""), whole=self._whole)
        at, day = self._time(values.get(columns["measured_at"], ""))
        key = values.get(columns.get("measurement_id", ""), "")
        seats = self._number(self._seats, values.get(self._seats, "")) if self._seats else None
        for column in self._metrics:
            value = self._number(column, values.get(column, ""))
            if value is None:
                continue
            metric = values.get(columns["metric"], "").strip() if "metric" in columns else column
            if not metric:
                raise ValueError("the name of the metric is empty")
            yield Measurement(
                customer_id=customer_id,
                at=at,
                day=day,
                metric=metric,
                value=value,
                person=values.get(columns.get("person", ""), "").strip(),
                seats=seats,
                key=f"{self._namespace}:{key}" if key else "",
            )

    def _number(self, column: str, text: str) -> float | None:
        format_ = self._formats.numbers.get(column)
        number = format_.parse(text) if format_ else None
        return number.value if number else None
