"""Parses rows into interactions and labels. An invalid time, amount, direction or id raises `ValueError`."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from churn_agent.domain.interactions import Direction, Interaction, Label
from churn_agent.domain.snapshot import Card
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.columns import INTERACTION_FIELDS, Rule
from churn_agent.ingest.readers.base import Row, header_name

_DEFAULT_CHANNEL = "message"
_CHANNEL_OF_TEXT = {
    "review": "review", "review_text": "review", "review_body": "review",
    "post": "social", "tweet": "social", "caption": "social",
}  # fmt: skip
"""Column of the text -> channel, if the source has none."""
_DIRECTIONS: Mapping[str, Direction] = {
    "inbound": "inbound",
    "in": "inbound",
    "incoming": "inbound",
    "outbound": "outbound",
    "out": "outbound",
    "outgoing": "outbound",
}
_TRUE = frozenset({"1", "true", "yes", "y"})
_FALSE = frozenset({"0", "false", "no", "n"})
_EPOCH = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?")
_UTC_NAME = re.compile(r"\s*(?:UTC|GMT)$")


class InteractionParser:
    """Parses the rows of one source into interactions, by one rule of its mapping."""

    def __init__(self, rule: Rule, columns: Mapping[str, str], card: Card, cleaner: Cleaner) -> None:
        """Creates a parser.

        Args:
            rule: rule of the mapping.
            columns: our field -> column, as `columns.assign` returns it.
            card: card of the book, with its time zone and channels.
            cleaner: cleaner of the import.
        """
        self._rule = rule
        self._columns = columns
        self._used = frozenset(columns.values())
        self._read = {name: self._reader(name) for name in INTERACTION_FIELDS}
        self._card = card
        self._clean = cleaner
        self._zone = card.zone
        self._usual_channel = _CHANNEL_OF_TEXT.get(columns.get("text", ""), _DEFAULT_CHANNEL)
        self._words: dict[str, bool] = {}
        self._only = {header_name(name): frozenset(values) for name, values in rule.only.items()}
        self._same = tuple(map(header_name, rule.inbound_if_same or ()))

    def wants(self, row: Row) -> bool:
        """Whether the rule includes this row."""
        return all(row.values.get(name, "") in values for name, values in self._only.items())

    def __call__(self, row: Row, occurrences: Counter[bytes]) -> Interaction:
        """Returns the interaction of a row. Its id is a hash of the content and the number of equal rows before it.

        Raises:
            ValueError: a value is invalid; the message says which and why.
        """
        values, read = row.values, self._read
        metadata = {name: text for name, text in values.items() if text and name and name not in self._used}
        customer_id = checked_customer_id(read["customer_id"](values))
        moment, offset = parse_time(read["occurred_at"](values), self._zone, self._rule.time_format)
        channel = read["channel"](values).strip() or self._usual_channel
        written = read["direction"](values).strip()
        direction = _DIRECTIONS.get(written.casefold())
        if written and direction is None:
            metadata["direction"] = written
        if self._same:
            direction = "inbound" if values.get(self._same[0]) == values.get(self._same[1]) else "outbound"
        text = read["text"](values)
        author = read["author"](values) or None
        amount = parse_amount(read["amount"](values), self._rule.amount_unit)

        more = sorted(metadata.items())
        content = ascii((customer_id, moment.isoformat(), channel, text, direction, author, amount, offset, more))
        digest = hashlib.sha256(content.encode()).digest()[:16]
        occurrences[digest] += 1
        counted = hashlib.sha256(digest + str(occurrences[digest]).encode()).hexdigest()[:32]

        if channel not in self._words:
            self._words[channel] = self._card.holds_words(channel)
        cleaned = self._clean(text, channel, words=self._words[channel])
        return Interaction(
            id=counted,
            customer_id=customer_id,
            occurred_at=moment,
            channel=channel,
            text=cleaned.text,
            direction=direction,
            author=author,
            amount=amount,
            utc_offset_minutes=offset,
            metadata=metadata,
            original=text if cleaned.text != text else None,
            language=cleaned.language,
        )

    def _reader(self, field: str) -> Callable[[Mapping[str, str]], str]:
        """Returns a function that reads a field from the values of a row."""
        column, default = self._columns.get(field), self._rule.defaults.get(field, "")
        known = self._rule.values.get(field)
        if known:
            return lambda values: known.get(value := values.get(column or "", "") or default, value)
        if column is None:
            return lambda values: default
        return lambda values: values.get(column, "") or default


def checked_customer_id(text: str) -> str:
    """Returns a customer id unchanged. Raises `ValueError` if it is blank."""
    if not text.strip():
        raise ValueError("the customer id is empty")
    return text


def parse_amount(text: str, unit: float = 1.0) -> float | None:
    """Parses a finite number; None for blank text. Raises `ValueError`."""
    if not text.strip():
        return None
    try:
        amount = float(text)
    except ValueError:
        raise ValueError(f"the amount {text!r} is not a number") from None
    if amount != amount or amount in (float("inf"), float("-inf")):
        raise ValueError(f"the amount {text!r} is not a number")
    return amount if unit == 1 else round(amount * unit, 6)


def parse_time(text: str, zone: ZoneInfo, time_format: str | None = None) -> tuple[datetime, int]:
    """Parses a time into UTC and its offset in minutes; times without an offset are in `zone`.

    Args:
        text: ISO 8601, seconds or milliseconds since 1970, or text in `time_format`.
        zone: time zone of times without an offset.
        time_format: format for `datetime.strptime`.

    Raises:
        ValueError: the text is not a time.
    """
    written = text.strip()
    try:
        if time_format:
            moment = datetime.strptime(written, time_format)  # noqa: DTZ007 - its zone is set below
        elif _EPOCH.fullmatch(written):
            seconds = float(written) / (1000 if len(written.partition(".")[0]) == 13 else 1)
            moment = datetime.fromtimestamp(seconds, UTC)
        else:
            moment = datetime.fromisoformat(_UTC_NAME.sub("+00:00", written))
    except ValueError:
        expected = f"in the format {time_format!r}" if time_format else "ISO 8601 (such as 2026-03-01T09:30:00+01:00)"
        raise ValueError(f"the time {text!r} is not {expected}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC), int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    except OverflowError:
        raise ValueError(f"the time {text!r} is out of range") from None


def parse_label(row: Row, columns: Mapping[str, str], card: Card) -> Label:
    """Parses the label of a row. Raises `ValueError`."""
    word = row.values[columns["churned"]].strip().casefold()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"churned is {word!r}; it must be 0 or 1")
    as_of = row.values[columns["as_of"]].strip()
    try:
        as_of = date.fromisoformat(as_of[:10] if "T00:00" in as_of else as_of).isoformat()
    except ValueError:
        raise ValueError(f"as_of {as_of!r} is not a date (such as 2026-03-01)") from None
    horizon = row.values.get(columns.get("horizon_days", ""), "").strip()
    return Label(
        customer_id=checked_customer_id(row.values[columns["customer_id"]]),
        as_of=as_of,
        churned=word in _TRUE,
        horizon_days=int(horizon) if horizon.isdecimal() else card.horizon_days,
        metadata={k: v for k, v in row.values.items() if k not in columns.values() and v != ""},
    )
