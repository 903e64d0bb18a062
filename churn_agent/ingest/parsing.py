"""Parses rows into interactions. An invalid time, amount, direction or id raises `ValueError`."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from churn_agent.domain.interactions import Interaction, Speaker
from churn_agent.domain.snapshot import Card
from churn_agent.ingest import identity, speakers
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.columns import INTERACTION_FIELDS, Rule
from churn_agent.ingest.derived import no_metadata
from churn_agent.ingest.formats import ids
from churn_agent.ingest.formats.currencies import minor_units
from churn_agent.ingest.formats.times import TimeFormat
from churn_agent.ingest.profiling import Understanding
from churn_agent.ingest.readers.base import Row, header_name
from churn_agent.ingest.subjects import with_subject

_DEFAULT_CHANNEL = "message"
_CHANNEL_OF_TEXT = {
    "review": "review", "review_text": "review", "review_body": "review",
    "post": "social", "tweet": "social", "caption": "social",
    "feedback": "feedback", "comment": "comment",
}  # fmt: skip
"""Column of the text -> channel, if the source has none."""
_RATING = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:stars?|sterne?|★+|⭐+|/\s*\d+|out of \d+)\s*", re.I)
_RATINGS = ("rating", "stars", "star_rating", "review_stars", "score", "nps", "csat")


class InteractionParser:
    """Parses the rows of one source into interactions, by one rule of its mapping."""

    def __init__(
        self,
        rule: Rule,
        understood: Understanding,
        card: Card,
        cleaner: Cleaner,
        *,
        source: str = "",
        zone: ZoneInfo | None = None,
        own: speakers.OwnPeople | None = None,
        unknown_is: Speaker = "unknown",
        aliases: Mapping[str, str] | None = None,
        whole_ids: bool = False,
    ) -> None:
        """Creates a parser.

        Args:
            rule: rule of the mapping.
            understood: columns and formats of the source.
            card: card of the book, with its time zone and channels.
            cleaner: cleaner of the import.
            source: name of the source, before its keys.
            zone: time zone of times without an offset; the card's if not given.
            own: the company's people.
            unknown_is: speaker of rows that say nothing about it.
            aliases: old customer id -> new one.
            whole_ids: whether the customer 1001.0 is 1001.
        """
        self._rule = rule
        self._times = understood.times
        self._amounts = understood.amounts
        self._columns = understood.columns
        mapped = {name: column for name, column in self._columns.items() if name != "interaction_id"}
        self._used = frozenset(mapped.values())
        self._leaves_out = no_metadata(rule)
        self._read = {name: self._reader(name) for name in INTERACTION_FIELDS}
        self._card = card
        self._clean = cleaner
        self._source = source
        self._zone = zone or card.zone
        self._own = own or speakers.OwnPeople(())
        self._unknown_is: Speaker = unknown_is
        self._aliases = aliases or {}
        self._whole_ids = whole_ids
        self._usual_channel = _CHANNEL_OF_TEXT.get(self._columns.get("text", ""), _DEFAULT_CHANNEL)
        self._subjects: set[tuple[str, str]] = set()
        self._words: dict[str, bool] = {}
        self._only = {header_name(name): frozenset(values) for name, values in rule.only.items()}
        self._same = tuple(map(header_name, rule.inbound_if_same or ()))

    def wants(self, row: Row) -> bool:
        """Whether the rule includes this row."""
        return all(row.values.get(name, "") in values for name, values in self._only.items())

    def __call__(self, row: Row, occurrences: Counter[bytes]) -> tuple[Interaction, str | None]:
        """Returns the interaction of a row, and the customer in the source if that id is an alias.

        Raises:
            ValueError: a value is invalid; the message says which and why.
        """
        values, read = row.values, self._read
        metadata = {
            name: text
            for name, text in values.items()
            if text and name and name not in self._used and not self._leaves_out(name)
        }
        source_id = checked_customer_id(read["customer_id"](values), whole=self._whole_ids)
        customer_id = self._aliases.get(source_id, source_id)
        moment, offset, written_at = self._time(values)
        channel = read["channel"](values).strip() or self._usual_channel
        direction = read["direction"](values).strip()
        if self._same:
            direction = "inbound" if values.get(self._same[0]) == values.get(self._same[1]) else "outbound"
        text = self._text(values, metadata, source_id, channel)
        author = read["author"](values) or None
        amount = self._amount(values, metadata)
        if not text.strip():
            _keep_rating(metadata)
        if channel not in self._words:
            self._words[channel] = self._card.holds_words(channel)
        spoken = read["speaker"](values).strip()
        speaker = speakers.settle(
            spoken=spoken,
            direction=direction,
            author=author or "",
            channel=channel,
            is_record=not self._words[channel],
            own=self._own,
            unknown_is=self._unknown_is,
        )
        key = read["interaction_id"](values).strip()
        content = identity.content_of(source_id, written_at, author, text, channel, amount)
        cleaned = self._clean(text, channel, words=self._words[channel])
        interaction = Interaction(
            id=identity.id_of(content, occurrences),
            customer_id=customer_id,
            occurred_at=moment,
            channel=channel,
            text=cleaned.text,
            direction=speakers.DIRECTION_OF.get(speaker) if direction or spoken or (author and self._own) else None,
            author=author,
            amount=amount,
            utc_offset_minutes=offset,
            metadata=metadata,
            original=text if cleaned.text != text else None,
            language=cleaned.language,
            speaker=speaker,
            key=f"{self._source or self._columns['interaction_id']}:{key}" if key else None,
            marks=cleaned.marks,
        )
        return interaction, source_id if customer_id != source_id else None

    def _time(self, values: Mapping[str, str]) -> tuple[datetime, int, str]:
        """Returns the time in UTC, the offset in minutes, and the time as it counts for the row's identity."""
        written = self._read["occurred_at"](values).strip()
        time_of_day = self._read["occurred_at_time"](values).strip()
        if not written:
            raise ValueError("the time is empty")
        try:
            parsed = (self._times or TimeFormat()).parse(written, self._zone, time_of_day)
        except ValueError as error:
            raise ValueError(f"the time {error}") from None
        if parsed is None:
            raise ValueError(f"the time {written!r} stands for none")
        naive = parsed.utc if parsed.zoned else parsed.utc + timedelta(minutes=parsed.offset_minutes)
        return parsed.utc, parsed.offset_minutes, naive.replace(tzinfo=None).isoformat()

    def _text(self, values: Mapping[str, str], metadata: dict[str, str], customer_id: str, channel: str) -> str:
        """Joins the subject and the text of an opening message; that of an answer is not the writer's."""
        text, subject = self._read["text"](values), self._read["subject"](values).strip()
        if not subject:
            return text
        metadata.setdefault("subject", subject)
        opening = not text.strip() or (customer_id, subject) not in self._subjects or speakers.is_own_voice(channel)
        self._subjects.add((customer_id, subject))
        return with_subject(subject, text) if opening else text

    def _amount(self, values: Mapping[str, str], metadata: dict[str, str]) -> float | None:
        """Parses the amount. A text is not lost for an amount that cannot be read: that becomes metadata."""
        written = self._read["amount"](values).strip()
        currency = self._read["currency"](values).strip().upper()
        if not written or self._amounts is None:
            return None
        try:
            number = self._amounts.parse(written)
        except ValueError as error:
            if not self._read["text"](values).strip():
                raise ValueError(f"the amount {error}") from None
            metadata["amount"] = written
            return None
        if number is None:
            return None
        currency = currency or number.currency or ""
        if currency:
            metadata["currency"] = currency
        unit = self._rule.amount_unit
        if unit == "minor":
            unit = 10.0 ** -minor_units(currency)
        return number.value if unit == 1 else round(number.value * unit, 6)

    def _reader(self, field: str) -> Callable[[Mapping[str, str]], str]:
        """Returns a function that reads a field from the values of a row."""
        column, default = self._columns.get(field), self._rule.defaults.get(field, "")
        known = self._rule.values.get(field)
        if known:
            return lambda values: known.get(value := values.get(column or "", "") or default, value)
        if column is None:
            return lambda values: default
        return lambda values: values.get(column, "") or default


def _keep_rating(metadata: dict[str, str]) -> None:
    """Writes "1 star" and "4/5" as numbers, so that a rating without words counts."""
    for name in _RATINGS:
        match = _RATING.fullmatch(metadata.get(name, ""))
        if match:
            metadata[name] = match[1].replace(",", ".")


def has_content(interaction: Interaction) -> bool:
    """Whether a row has a text, an amount or a rating."""
    rated = any(interaction.metadata.get(name) for name in _RATINGS)
    return bool(interaction.text.strip()) or interaction.amount is not None or rated


def checked_customer_id(text: str, *, whole: bool = False) -> str:
    """Returns a customer id unchanged, or without `.0`.

    Raises:
        ValueError: the id is blank, or a spreadsheet has broken it.
    """
    if not text.strip():
        raise ValueError("the customer id is empty")
    return ids.whole_id(ids.check_id(text)) if whole else ids.check_id(text)
