"""Parses rows into interactions. An invalid time, amount, direction or id raises `ValueError`."""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from churn_agent.domain.interactions import Direction, Interaction, Speaker
from churn_agent.domain.snapshot import Card
from churn_agent.ingest import identity, speakers
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.columns import Rule
from churn_agent.ingest.derived import no_metadata
from churn_agent.ingest.formats import ids
from churn_agent.ingest.formats.cells import NumberText
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
_RATINGS = frozenset({"rating", "stars", "star_rating", "review_stars", "score", "nps", "csat"})

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Draft(NamedTuple):
    """A parsed row, before the rows before it are known that are equal to it."""

    content: bytes
    """What makes the row's identity, as `identity.content_of` returns it."""
    values: tuple[Any, ...]
    """The fields of the interaction after its id."""
    source_customer_id: str | None
    """The customer in the source, if that id is an alias."""

    def interaction(self, id_: str) -> Interaction:
        """Returns the interaction."""
        return Interaction(id_, *self.values)


class _Moment(NamedTuple):
    utc: datetime
    offset_minutes: int
    written: str
    """As it counts for the row's identity."""


class InteractionParser:
    """Parses the rows of one source into interactions, by one rule of its mapping.

    Rows are parsed many at once, column by column: values that repeat are parsed once.
    """

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
        self._times = understood.times or TimeFormat()
        self._amounts = understood.amounts
        self._columns = understood.columns
        mapped = {name: column for name, column in self._columns.items() if name != "interaction_id"}
        self._used = frozenset(mapped.values())
        self._leaves_out = no_metadata(rule)
        self._metadata_names = cache(self._names_of_metadata)
        self._card = card
        self._clean = cleaner
        self._source = source
        self._zone = zone or card.zone
        self._own = own or speakers.OwnPeople(())
        self._unknown_is: Speaker = unknown_is
        self._aliases = aliases or {}
        self._whole_ids = whole_ids
        self._usual_channel = _CHANNEL_OF_TEXT.get(self._columns.get("text", ""), _DEFAULT_CHANNEL)
        self._subjects: set[tuple[str | ValueError, str]] = set()
        self._words: dict[str, bool] = {}
        self._only = {header_name(name): frozenset(values) for name, values in rule.only.items()}
        self._same = tuple(map(header_name, rule.inbound_if_same or ()))

    def wants(self, row: Row) -> bool:
        """Whether the rule includes this row."""
        return all(row.values.get(name, "") in values for name, values in self._only.items())

    def __call__(self, rows: Sequence[Row]) -> list[Draft | ValueError]:
        """Returns for each row what it says, or why it cannot be used."""
        values = [row.values for row in rows]
        source_ids = _each(self._column("customer_id", values), self._customer_id)
        moments = self._moments(values)
        failed: dict[int, ValueError] = {}
        for number, (source_id, moment) in enumerate(zip(source_ids, moments, strict=True)):
            if isinstance(source_id, ValueError):
                failed[number] = source_id
            elif isinstance(moment, ValueError):
                failed[number] = moment
        usual = self._usual_channel
        channels = _each(self._column("channel", values), lambda written: written.strip() or usual)
        metadata = self._metadata(values)
        texts = self._texts(values, metadata, source_ids, channels, failed)
        amounts = self._all_amounts(values, metadata, failed)
        for of in metadata:
            for name in _RATINGS.intersection(of):
                of[name] = _rating(of[name])
        self._words |= {name: self._card.holds_words(name) for name in set(channels).difference(self._words)}
        words = [self._words[channel] for channel in channels]
        authors = [author or None for author in self._column("author", values)]
        sides = self._sides(values, authors, channels)
        keys = _each(self._column("interaction_id", values), self._key)
        usable = [number for number in range(len(rows)) if number not in failed] if failed else range(len(rows))
        cleaned = iter(
            self._clean.clean(
                [texts[number] for number in usable],
                [channels[number] for number in usable],
                [words[number] for number in usable],
            )
        )
        drafts: list[Draft | ValueError] = []
        aliases = self._aliases
        for number, source_id, moment, channel, text, author, amount, key, of, (speaker, direction) in zip(
            range(len(rows)), source_ids, moments, channels, texts, authors, amounts, keys, metadata, sides, strict=True
        ):
            if isinstance(source_id, ValueError) or isinstance(moment, ValueError) or number in failed:
                drafts.append(failed[number])
                continue
            clean, language, _, marks = next(cleaned)
            customer_id = aliases.get(source_id, source_id)
            content = identity.content_of(source_id, moment.written, author, text, channel, amount)
            fields = (
                customer_id, moment.utc, channel, clean, direction, author, amount, moment.offset_minutes, of,
                text if clean != text else None, language, speaker, key, marks,
            )  # fmt: skip
            drafts.append(Draft(content, fields, source_id if customer_id != source_id else None))
        return drafts

    def _column(self, field: str, rows: Sequence[Mapping[str, str]]) -> list[str]:
        """Returns the values of a field."""
        column, default = self._columns.get(field), self._rule.defaults.get(field, "")
        known = self._rule.values.get(field, {})
        if column is None:
            return [known.get(default, default)] * len(rows)
        values = [of.get(column) or default for of in rows]
        return [known.get(value, value) for value in values] if known else values

    def _customer_id(self, text: str) -> str | ValueError:
        try:
            return checked_customer_id(text, whole=self._whole_ids)
        except ValueError as error:
            return error

    def _key(self, text: str) -> str | None:
        key = text.strip()
        return f"{self._source or self._columns['interaction_id']}:{key}" if key else None

    def _moments(self, rows: Sequence[Mapping[str, str]]) -> list[_Moment | ValueError]:
        written, clocks = self._column("occurred_at", rows), self._column("occurred_at_time", rows)
        if not any(clocks):
            return _each(written, self._time)
        return _each(zip(written, clocks, strict=True), lambda of: self._time(*of))

    def _time(self, written: str, clock: str = "") -> _Moment | ValueError:
        text = written.strip()
        if not text:
            return ValueError("the time is empty")
        try:
            parsed = self._times.parse(text, self._zone, clock.strip())
        except ValueError as error:
            return ValueError(f"the time {error}")
        if parsed is None:
            return ValueError(f"the time {text!r} stands for none")
        offset = parsed.offset_minutes
        naive = parsed.utc if parsed.zoned or not offset else parsed.utc + timedelta(minutes=offset)
        return _Moment(parsed.utc, offset, naive.replace(tzinfo=None).isoformat())

    def _metadata(self, rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
        if not self._metadata_names(tuple(dict.fromkeys(chain.from_iterable(rows)))):
            return [{} for _ in rows]
        return [{name: text for name in self._metadata_names(tuple(of)) if (text := of[name])} for of in rows]

    def _names_of_metadata(self, header: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in header if name and name not in self._used and not self._leaves_out(name))

    def _sides(
        self, rows: Sequence[Mapping[str, str]], authors: Sequence[str | None], channels: Sequence[str]
    ) -> list[tuple[Speaker, Direction | None]]:
        """Returns speaker and direction of each row."""
        spoken = self._column("speaker", rows)
        if self._same:
            one, other = self._same
            directions = ["inbound" if of.get(one) == of.get(other) else "outbound" for of in rows]
        else:
            directions = self._column("direction", rows)

        def side(of: tuple[str, str, str | None, str]) -> tuple[Speaker, Direction | None]:
            spoken, direction, author, channel = of
            spoken, direction = spoken.strip(), direction.strip()
            speaker = speakers.settle(
                spoken=spoken,
                direction=direction,
                author=author or "",
                channel=channel,
                is_record=not self._words[channel],
                own=self._own,
                unknown_is=self._unknown_is,
            )
            told = direction or spoken or (author and self._own)
            return speaker, speakers.DIRECTION_OF.get(speaker) if told else None

        return _each(zip(spoken, directions, authors, channels, strict=True), side)

    def _texts(
        self,
        rows: Sequence[Mapping[str, str]],
        metadata: Sequence[dict[str, str]],
        customer_ids: Sequence[str | ValueError],
        channels: Sequence[str],
        failed: Mapping[int, ValueError],
    ) -> list[str]:
        """Joins the subject and the text of opening messages; that of an answer is not the writer's."""
        texts = self._column("text", rows)
        for number, subject in enumerate(map(str.strip, self._column("subject", rows))):
            if not subject or number in failed:
                continue
            text, thread = texts[number], (customer_ids[number], subject)
            metadata[number].setdefault("subject", subject)
            opening = not text.strip() or thread not in self._subjects or speakers.is_own_voice(channels[number])
            self._subjects.add(thread)
            if opening:
                texts[number] = with_subject(subject, text)
        return texts

    def _all_amounts(
        self, rows: Sequence[Mapping[str, str]], metadata: Sequence[dict[str, str]], failed: dict[int, ValueError]
    ) -> list[float | None]:
        """Parses the amounts. A text is not lost for an amount that cannot be read: that becomes metadata."""
        amounts: list[float | None] = [None] * len(rows)
        written = self._column("amount", rows)
        if self._amounts is None or not any(written):
            return amounts
        plain, currencies = self._column("text", rows), self._column("currency", rows)
        having = [number for number, text in enumerate(written) if text]
        # A number and a text can be equal, and be read in different ways.
        parsed = _each(
            [(written[at], isinstance(written[at], NumberText), currencies[at]) for at in having], self._amount
        )
        for number, amount in zip(having, parsed, strict=True):
            if not isinstance(amount, ValueError):
                amounts[number], currency = amount
                if currency:
                    metadata[number]["currency"] = currency
            elif number not in failed:
                if not plain[number].strip():
                    failed[number] = amount
                metadata[number]["amount"] = written[number].strip()
        return amounts

    def _amount(self, of: tuple[str, bool, str]) -> tuple[float | None, str] | ValueError:
        """Returns the amount and its currency."""
        text, _, currency = of
        written, currency = text.strip(), currency.strip().upper()
        if not written or self._amounts is None:
            return None, ""
        try:
            number = self._amounts.parse(written)
        except ValueError as error:
            return ValueError(f"the amount {error}")
        if number is None:
            return None, ""
        currency = currency or number.currency or ""
        unit = self._rule.amount_unit
        if unit == "minor":
            unit = 10.0 ** -minor_units(currency)
        return (number.value if unit == 1 else round(number.value * unit, 6)), currency


def _each(items: Iterable[K], make: Callable[[K], V]) -> list[V]:
    """Applies a function to each item, and to equal items once."""
    items = list(items)
    made = {item: make(item) for item in dict.fromkeys(items)}
    return [made[item] for item in items]


def _rating(written: str) -> str:
    """Returns "1 star" and "4/5" as numbers, so that ratings count."""
    match = _RATING.fullmatch(written)
    return match[1].replace(",", ".") if match else written


def has_content(interaction: Interaction) -> bool:
    """Whether a row has a text, an amount or a rating."""
    if interaction.text.strip() or (interaction.original or "").strip() or interaction.amount is not None:
        return True
    return any(interaction.metadata.get(name) for name in _RATINGS)


def checked_customer_id(text: str, *, whole: bool = False) -> str:
    """Returns a customer id unchanged, or without `.0`.

    Raises:
        ValueError: the id is blank, or a spreadsheet has broken it.
    """
    if not text.strip():
        raise ValueError("the customer id is empty")
    return ids.whole_id(ids.check_id(text)) if whole else ids.check_id(text)
