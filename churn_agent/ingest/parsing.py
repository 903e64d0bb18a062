"""Parses rows into interactions. An invalid time, amount, direction or id raises `ValueError`."""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from churn_agent.domain.interactions import UPDATED_AT, Direction, Speaker, text_id
from churn_agent.domain.ratings import kind_of_rating
from churn_agent.domain.snapshot import Card
from churn_agent.history.interactions import VALUES
from churn_agent.ingest import identity, payments, speakers
from churn_agent.ingest.authors import automatic_rows, names_of
from churn_agent.ingest.call_notes import is_call, reported
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.cleaning.cleaner import is_mail
from churn_agent.ingest.columns import Rule
from churn_agent.ingest.derived import no_metadata
from churn_agent.ingest.formats import ids
from churn_agent.ingest.formats.cells import NumberText, stands_for_nothing
from churn_agent.ingest.formats.currencies import currency_of, minor_units
from churn_agent.ingest.formats.times import TimeFormat
from churn_agent.ingest.profiling import Understanding
from churn_agent.ingest.readers.base import Row, header_name
from churn_agent.ingest.subjects import with_subject

_DEFAULT_CHANNEL = "message"
_CODE = 3
"""Letters of the code of a currency."""
_CHANNEL_OF_TEXT = {
    "review": "review", "review_text": "review", "review_body": "review",
    "post": "social", "tweet": "social", "caption": "social",
    "feedback": "feedback", "comment": "comment",
}  # fmt: skip
"""Column of the text -> channel, if the source has none."""
_RATING = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:stars?|sterne?|★+|⭐+|/\s*\d+|out of \d+)\s*", re.I)
_RATINGS_IN_WORDS = {word: str(n) for n, word in enumerate("one two three four five".split(), start=1)}

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


Draft = tuple[bytes, bool, tuple[Any, ...]]
"""A parsed row, before the rows before it are known that are equal to it: its `identity.contents_of`, whether it is a
record or has a text, an amount or a rating, and its values (`history.interactions.VALUES`). A plain tuple, because an
import makes millions of them."""


class _Moment(NamedTuple):
    utc: datetime
    """Without an offset."""
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
        machines: speakers.OwnPeople | None = None,
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
            machines: the company's programs.
            unknown_is: speaker of rows that say nothing about it.
            aliases: old customer id -> new one.
            whole_ids: whether the customer 1001.0 is 1001.
        """
        self._rule = rule
        self._times = understood.times or TimeFormat()
        self._amounts = understood.amounts
        self._notes = understood.notes
        self._due = understood.payments
        self._updates = understood.updates
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
        self._machines = machines
        self._unknown_is: Speaker = unknown_is
        self._aliases = aliases or {}
        self._whole_ids = whole_ids
        self._usual_channel = _CHANNEL_OF_TEXT.get(self._columns.get("text", ""), _DEFAULT_CHANNEL)
        ending = self._columns.get("amount", "").rpartition("_")[2]
        self._currency = (currency_of(ending) or "") if len(ending) == _CODE else ""
        """Currency in the name of the amount's column, such as `betrag_eur`."""
        self.not_of_payments: dict[str, dict[str, None]] = {}
        """Channel in which people write -> mapped fields of payments that rows in it have; they become metadata."""
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
        source_ids = _map_distinct(self._column("customer_id", values), self._customer_id)
        moments = self._moments(values)
        failed: dict[int, ValueError] = {}
        for number, (source_id, moment) in enumerate(zip(source_ids, moments, strict=True)):
            if isinstance(source_id, ValueError):
                failed[number] = source_id
            elif isinstance(moment, ValueError):
                failed[number] = moment
        usual = self._usual_channel
        channels = _map_distinct(self._column("channel", values), lambda written: written.strip() or usual)
        metadata = self._metadata(values)
        texts, openings = self._texts(values, metadata, source_ids, channels, failed)
        amounts = self._all_amounts(values, metadata, failed)
        for of in metadata:
            for name in filter(kind_of_rating, of):
                of[name] = _rating(of[name])
        self._words |= {name: self._card.holds_words(name) for name in set(channels).difference(self._words)}
        words = [self._words[channel] for channel in channels]
        self._add_payments(values, metadata, words, channels, amounts)
        self._add_updates(values, metadata)
        authors = [author or None for author in self._column("author", values)]
        sides = self._sides(values, authors, channels)
        for number, sign in automatic_rows(metadata, authors, channels, openings):
            sides[number] = "machine", None
            metadata[number].setdefault("taken_as", f"automatic ({sign})")
        keys = _map_distinct(self._column("interaction_id", values), self._key)
        table: list[Any] = [source_ids, moments, channels, words, texts, authors, amounts, keys, metadata, sides]
        usable = [number for number in range(len(rows)) if number not in failed]
        if failed:
            table = [[column[number] for number in usable] for column in table]
        drafts = self._drafts(*table)
        if not failed:
            return drafts
        rest = iter(drafts)
        return [failed[number] if number in failed else next(rest) for number in range(len(rows))]

    def _drafts(
        self,
        source_ids: list[str],
        moments: list[_Moment],
        channels: list[str],
        words: list[bool],
        texts: list[str],
        authors: list[str | None],
        amounts: list[float | None],
        keys: list[str | None],
        metadata: list[dict[str, str]],
        sides: list[tuple[Speaker, Direction | None]],
    ) -> list[Draft | ValueError]:
        """Cleans the texts of usable rows and puts their columns together."""
        if not source_ids:
            return []
        utc, offsets, written = zip(*moments, strict=True)
        contents = identity.contents_of(source_ids, written, authors, texts, channels, amounts)
        earlier = self._quoted(source_ids, utc, channels, texts, sides)
        cleaned, languages, _, marks = zip(*self._clean.clean(texts, channels, words, earlier), strict=True)
        originals = [text if text != clean else None for text, clean in zip(texts, cleaned, strict=True)]
        filled = [
            bool(amount is not None or clean.strip() or text.strip() or not with_words or any(map(kind_of_rating, of)))
            for amount, clean, text, with_words, of in zip(amounts, cleaned, texts, words, metadata, strict=True)
        ]
        customer_ids, aliases = source_ids, self._aliases
        others: Sequence[str | None] = [None] * len(source_ids)
        if aliases:
            customer_ids = [aliases.get(id_, id_) for id_ in source_ids]
            others = [id_ if id_ != today else None for id_, today in zip(source_ids, customer_ids, strict=True)]
        names = names_of(authors, metadata)
        stored_marks = [[list(mark) for mark in of] if of else None for of in marks]
        speakers_, directions = zip(*sides, strict=True)
        values = zip(
            customer_ids, utc, offsets, channels, directions, names, cleaned, map(text_id, cleaned), amounts,
            metadata, originals, languages, speakers_, keys, stored_marks, others, strict=True,
        )  # fmt: skip
        return list(zip(contents, filled, values, strict=True))

    def _quoted(
        self,
        customer_ids: Sequence[str],
        times: Sequence[datetime],
        channels: Sequence[str],
        texts: Sequence[str],
        sides: Sequence[tuple[Speaker, Direction | None]],
    ) -> dict[int, frozenset[str]]:
        """Returns number of a text -> its lines with a quotation sign that an earlier mail of ours has."""
        sent, mail = self._clean.sent, {channel: is_mail(channel) for channel in set(channels)}
        mails = [number for number, channel in enumerate(channels) if mail[channel]]
        for number in mails:
            if sides[number][0] == "company":
                sent.add(customer_ids[number], times[number], texts[number])
        return {
            number: lines
            for number in mails
            if sides[number][0] in ("customer", "unknown") and ">" in texts[number]
            if (lines := sent.quoted_in(customer_ids[number], times[number], texts[number]))
        }

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
            return _map_distinct(written, self._time)
        return _map_distinct(zip(written, clocks, strict=True), lambda of: self._time(*of))

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
        offset, utc = parsed.offset_minutes, parsed.utc.replace(tzinfo=None)
        written_at = utc if parsed.zoned or not offset else utc + timedelta(minutes=offset)
        return _Moment(utc, offset, written_at.isoformat())

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
        spoken = self._known_words("speaker", rows)
        if self._same:
            one, other = self._same
            directions = ["inbound" if of.get(one) == of.get(other) else "outbound" for of in rows]
        else:
            directions = self._known_words("direction", rows)

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
                machines=self._machines,
            )
            if self._are_notes(channel) and speaker != "machine":
                return "company", speakers.DIRECTION_OF.get(speakers.speaker_of(direction) or "unknown")
            known = direction or spoken or (author and self._own)
            return speaker, speakers.DIRECTION_OF.get(speaker) if known else None

        return _map_distinct(zip(spoken, directions, authors, channels, strict=True), side)

    def _are_notes(self, channel: str) -> bool:
        """Whether the company's people wrote the texts of a channel, about what the customer said."""
        if self._rule.notes_by_staff is not None:
            return self._rule.notes_by_staff
        return self._notes and is_call(channel)

    def reported(self, draft: Draft) -> Draft | None:
        """Returns the customer's words in a note of a call; None if there are none, or the row is not a note."""
        if not (self._notes or self._rule.notes_by_staff) or not self._are_notes(draft[2][VALUES.index("channel")]):
            return None
        return reported(draft, self._clean)

    def _known_words(self, field: str, rows: Sequence[Mapping[str, str]]) -> list[str]:
        """Returns the words of a column of roles or directions; a default stands for unknown ones."""
        words, default = self._column(field, rows), self._rule.defaults.get(field, "")
        return [word if speakers.speaker_of(word) else default for word in words] if default else words

    def _texts(
        self,
        rows: Sequence[Mapping[str, str]],
        metadata: Sequence[dict[str, str]],
        customer_ids: Sequence[str | ValueError],
        channels: Sequence[str],
        failed: Mapping[int, ValueError],
    ) -> tuple[list[str], set[int]]:
        """Joins the subject and the text of opening messages; that of an answer is not the writer's.

        Returns:
            The texts, and the numbers of the opening messages with a subject.
        """
        texts = ["" if stands_for_nothing(text) else text for text in self._column("text", rows)]
        openings = set[int]()
        for number, subject in enumerate(map(str.strip, self._column("subject", rows))):
            if not subject or number in failed:
                continue
            text, thread = texts[number], (customer_ids[number], subject)
            metadata[number].setdefault("subject", subject)
            opening = not text.strip() or thread not in self._subjects or speakers.is_own_voice(channels[number])
            self._subjects.add(thread)
            if opening:
                openings.add(number)
                texts[number] = with_subject(subject, text)
        return texts, openings

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
        parsed = _map_distinct(
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

    def _add_payments(
        self,
        rows: Sequence[Mapping[str, str]],
        metadata: Sequence[dict[str, str]],
        words: Sequence[bool],
        channels: Sequence[str],
        amounts: Sequence[float | None],
    ) -> None:
        """Adds due dates, days of payment and statuses to the metadata of records.

        A bill without a day of payment is open, if other bills have one and no status says otherwise. Unreadable
        values, and those of rows with texts by people, are kept under the names of their columns.
        """
        fields = [field for field in payments.FIELDS if field in self._columns or field in self._rule.defaults]
        written = {field: self._column(field, rows) for field in fields}
        for number, is_text in enumerate(words):
            of = metadata[number]
            for field in fields:
                text = written[field][number].strip()
                value = "" if is_text else self._payment_value(field, text)
                if value:
                    of[field] = value
                elif text:
                    of[self._columns.get(field, field)] = text
                    if is_text and field in self._rule.columns:
                        self.not_of_payments.setdefault(channels[number], {})[field] = None
            unpaid = payments.PAID_AT in fields and not any(of.get(f) for f in (payments.PAID_AT, payments.STATUS))
            if unpaid and not is_text and amounts[number] and channels[number].casefold() in payments.BILLS:
                of[payments.STATUS] = "open"

    def _add_updates(self, rows: Sequence[Mapping[str, str]], metadata: Sequence[dict[str, str]]) -> None:
        """Adds the times of the records' last changes to the metadata, in a form in which they can be compared."""
        if self._updates is None:
            return

        def moment(text: str) -> str:
            try:
                parsed = self._updates.parse(text.strip(), self._zone) if self._updates else None
            except ValueError:
                return ""
            return parsed.utc.replace(tzinfo=None).isoformat() if parsed else ""

        for of, at in zip(metadata, _map_distinct(self._column("updated_at", rows), moment), strict=True):
            if at:
                of[UPDATED_AT] = at

    def _payment_value(self, field: str, text: str) -> str:
        """Returns an ISO date or a status; empty if the text is neither."""
        if field == payments.STATUS:
            return payments.status_of(text) or ""
        try:
            moment = self._due[field].parse(text, self._zone) if text and field in self._due else None
        except ValueError:
            return ""
        return (moment.utc + timedelta(minutes=moment.offset_minutes)).date().isoformat() if moment else ""

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
        currency = currency or number.currency or self._currency
        unit = self._rule.amount_unit
        if unit == "minor":
            unit = 10.0 ** -minor_units(currency)
        return (number.value if unit == 1 else round(number.value * unit, 6)), currency


def _map_distinct(items: Iterable[K], make: Callable[[K], V]) -> list[V]:
    """Applies a function to each item, and to equal items once."""
    items = list(items)
    results = {item: make(item) for item in dict.fromkeys(items)}
    return [results[item] for item in items]


def _rating(written: str) -> str:
    """Returns "1 star", "4/5" and "FIVE" as numbers, so that ratings count."""
    match = _RATING.fullmatch(written)
    return match[1].replace(",", ".") if match else _RATINGS_IN_WORDS.get(written.strip().casefold(), written)


def checked_customer_id(text: str, *, whole: bool = False) -> str:
    """Returns a customer id unchanged, or without `.0`.

    Raises:
        ValueError: the id is blank, or a spreadsheet has broken it.
    """
    if not text.strip():
        raise ValueError("the customer id is empty")
    return ids.whole_id(ids.check_id(text)) if whole else ids.check_id(text)
