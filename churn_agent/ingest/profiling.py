"""The first pass over a source: its columns, and the formats and words in them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from churn_agent.domain.interactions import RECORD_CHANNELS
from churn_agent.domain.snapshot import Card
from churn_agent.domain.wording import counted
from churn_agent.ingest import payments, speakers
from churn_agent.ingest.call_notes import are_notes
from churn_agent.ingest.columns import COMMON_NAMES, INTERACTION_FIELDS, INTERACTION_NEEDS, Rule, assign
from churn_agent.ingest.deletions import Deletions
from churn_agent.ingest.derived import no_metadata
from churn_agent.ingest.formats.numbers import NumberFormat, NumberProfile
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.payments import PaymentProfile
from churn_agent.ingest.questions import Guess, Question
from churn_agent.ingest.readers.base import Row, header_name
from churn_agent.ingest.refunds import Refunds
from churn_agent.ingest.text_signs import TextSigns

_MOST_WORDS = 500
"""Most distinct words counted in a column of roles, directions or channels."""
_PROSE_WORDS = 5
"""Fewest words of a text that is a sentence."""
_NAMED_ADDRESS = re.compile(r"[^<>]*\S\s*<[^<>@\s]+@[^<>@\s]+>")
_CHANNEL_NAMES = ("channel", "kanal")
"""Columns that hold channels whatever their words."""


@dataclass(frozen=True)
class Understanding:
    """What a source's rows of one rule mean."""

    columns: Mapping[str, str]
    """Our field -> column."""
    times: TimeFormat | None
    """None if no column has times."""
    amounts: NumberFormat | None
    """None if there are no amounts."""
    newest_first: bool = False
    """Whether the rows are in descending order of time."""
    notes: bool = False
    """Whether the texts of calls are notes of the company's people."""
    payments: Mapping[str, TimeFormat] = field(default_factory=dict[str, TimeFormat])
    """`due_at`, `paid_at` -> format of its column."""
    updates: TimeFormat | None = None
    """Format of the times of the records' last changes; None if the source has none."""
    unused: frozenset[str] = frozenset()
    """Our fields without a column, although a column has their name."""


@dataclass
class _Channel:
    rows: int = 0
    sentences: int = 0


@dataclass
class _Keys:
    """Whether a column identifies rows."""

    seen: dict[int, int] = field(default_factory=dict[int, int])
    """Hash of a key -> hash of the row's other values."""
    shared: int = 0
    """Number of rows whose key is that of a different row."""
    blank: int = 0

    def add(self, column: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
        for value, row in zip(column, rows, strict=True):
            if not value.strip():
                self.blank += 1
            elif self.seen.setdefault(hash(value), content := hash(tuple(row.items()))) != content:
                self.shared += 1


class RuleProfile:
    """The rows of a source that one rule of its mapping takes."""

    def __init__(self, rule: Rule, card: Card) -> None:
        self.rule = rule
        self._card = card
        self.header: dict[str, None] = {}
        self.rows = 0
        self._times = {name: TimeProfile(name) for name in self._candidates("occurred_at")}
        self._orders = {name: _Order() for name in self._times}
        self._updates = {name: TimeProfile(name) for name in self._candidates("updated_at")}
        self._numbers = {name: NumberProfile(name) for name in self._candidates("amount")}
        self._keys = {name: _Keys() for name in self._candidates("interaction_id")}
        self._words: dict[str, Counter[str]] = {
            name: Counter() for field in ("speaker", "direction") for name in self._candidates(field)
        }
        self._payments = PaymentProfile({field: self._candidates(field) for field in payments.FIELDS})
        self._deletions = Deletions()
        self._refunds = Refunds(tuple(self._numbers))
        self._channels: dict[str, dict[str, _Channel]] = {name: {} for name in self._candidates("channel")}
        self._texts = self._candidates("text")
        self._signs = {name: TextSigns() for name in self._texts}
        self._ids = self._candidates("customer_id")
        self.ids_with_point: set[str] = set()
        """Ids of customers that end with `.0`."""
        self._named_addresses: dict[str, str] = {}
        """Column of ids -> an id that is an address with a name beside it."""
        self._looked_at = {
            *(*self._times, *self._updates, *self._numbers, *self._keys, *self._words, *self._channels, *self._ids),
            *self._payments.columns,
        }

    def _candidates(self, field_: str) -> tuple[str, ...]:
        mapped = self.rule.columns.get(field_, "")
        if mapped is None:
            return ()
        if mapped:
            return (header_name(mapped),)
        return () if self.rule.exact else COMMON_NAMES[field_]

    def add(self, rows: Sequence[Row]) -> None:
        """Adds rows, whose columns are looked at one by one: values that repeat count at once."""
        self.rows += len(rows)
        values = [row.values for row in rows]
        header = dict.fromkeys(chain.from_iterable(values))
        self.header.update(header)
        for name in header:
            self._deletions.add(name, (of[name] for of in values if name in of))
            self._refunds.add(name, values)
            if name in self._signs:
                self._signs[name].add(of[name] for of in values if name in of)
            if name in self._looked_at:
                having = [of for of in values if name in of]
                self._add_column(name, [of[name] for of in having], having)

    def _add_column(self, name: str, column: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
        counts = Counter(column)
        self._add_times(name, counts)
        if name in self._orders:
            self._orders[name].add(column)
        if name in self._numbers:
            # A number and a text can be equal, and be read in different ways.
            for (_, value), n in Counter(zip(map(type, column), column, strict=True)).items():
                self._numbers[name].add(value, n)
        if name in self._keys:
            self._keys[name].add(column, rows)
        if name in self._ids:
            self.ids_with_point.update(value for value in counts if value[-2:] == ".0")
            if named := next((value for value in counts if "<" in value and _NAMED_ADDRESS.fullmatch(value)), None):
                self._named_addresses.setdefault(name, named)
        if name in self._words:
            words = self._words[name]
            for value, n in counts.items():
                if value in words or len(words) < _MOST_WORDS:
                    words[value] += n
        if name in self._channels:
            self._add_channels(name, counts, column, rows)
        if name in self._payments.columns:
            self._payments.add(name, column, map(self._is_record, rows))

    def _add_times(self, name: str, counts: Mapping[str, int]) -> None:
        for profile in filter(None, (self._times.get(name), self._updates.get(name))):
            for value, n in counts.items():
                profile.add(value, n)

    def _is_record(self, row: Mapping[str, str]) -> bool:
        channel = next((row[name] for name in self._channels if row.get(name)), "")
        return self._means_record(channel or self.rule.defaults.get("channel", ""))

    def _means_record(self, channel: str) -> bool:
        return not self._card.holds_words(self.rule.values.get("channel", {}).get(channel, channel))

    def _of_records(self) -> tuple[bool, bool]:
        """Whether some, and whether all rows are in channels in which systems write."""
        default = self.rule.defaults.get("channel", "")
        counted_by = next((channels for channels in self._channels.values() if channels), None)
        records = [self._means_record(channel or default) for channel in counted_by or [default]]
        return any(records), all(records)

    def _add_channels(
        self, name: str, counts: Counter[str], column: Sequence[str], rows: Sequence[Mapping[str, str]]
    ) -> None:
        channels = self._channels[name]
        for value, n in counts.items():
            if value in channels or len(channels) < _MOST_WORDS:
                channels.setdefault(value, _Channel()).rows += n
        if not self._may_be_category(name):
            return
        records = {value for value in counts if value in channels and value.casefold() in RECORD_CHANNELS}
        for value, row in zip(column, rows, strict=True):
            if value in records:
                text = next((row[name] for name in self._texts if row.get(name)), "")
                channels[value].sentences += len(text.split()) >= _PROSE_WORDS and not any(map(str.isdigit, text))

    def _may_be_category(self, column: str) -> bool:
        """Whether a column of channels may hold something else."""
        return "channel" not in self.rule.columns and column not in _CHANNEL_NAMES

    def columns(self, source: object, *, complete: bool) -> dict[str, str]:
        """Returns our field -> column. Raises `DataError` if a needed column is missing; records need no text."""
        needs = [name for name in INTERACTION_NEEDS if name != "text" or not self._of_records()[1]]
        return assign(list(self.header), INTERACTION_FIELDS, needs, source, self.rule, complete=complete)

    def settle(self, source: str, *, complete: bool) -> tuple[Understanding, list[Question], list[Guess]]:
        """Decides the formats of the columns.

        Args:
            source: name of the source, for messages.
            complete: whether the header names all columns of the source.

        Raises:
            DataError: a needed column is missing.
        """
        columns = self.columns(source, complete=complete)
        questions: list[Question] = []
        guesses: list[Guess] = []
        self._settle_channel(columns, guesses)
        self._settle_keys(columns, questions, guesses)
        self._settle_speakers(columns, questions)
        times: TimeFormat | None = None
        if "occurred_at" in columns:
            settled = self._times[columns["occurred_at"]].settle(self.rule.day_first, self.rule.time_format)
            if isinstance(settled, Question):
                questions.append(settled)
            else:
                times = settled
        ids = columns.get("customer_id", "")
        if "|" not in ids and (named := self._named_addresses.get(ids)):
            taken = "ids as they are; the same address without the name is another customer"
            guesses.append(Guess(ids, taken, f"such as {named!r}", f"columns: {{customer_id: address({ids})}}"))
        updates = self._settle_updates(columns, times)
        amounts = self._settle_amounts(columns, questions, guesses)
        self._drop_payments(columns)
        order_of_times = times.order if times else None
        due = self._payments.settle(columns, self.rule, order_of_times, questions, guesses)
        order = self._orders.get(columns.get("occurred_at", ""))
        newest_first = order is not None and order.newest_first
        unused = frozenset(
            field_
            for field_ in INTERACTION_FIELDS
            if field_ not in columns and any(name in self.header for name in self._candidates(field_))
        )
        column = columns.get("channel")
        channels = list(self._channels[column]) if column else [self.rule.defaults.get("channel", "")]
        known = self.rule.values.get("channel", {})
        notes = are_notes(self.rule, columns, self.header, [known.get(channel, channel) for channel in channels])
        guesses += [notes] if notes else []
        signs = self._signs.get(columns.get("text", ""))
        guesses += signs.guesses(columns["text"]) if signs else []
        guesses += self._refunds.guesses(columns)
        guesses += self._deletions.guesses({header_name(name): rows for name, rows in self._selected().items()})
        understanding = Understanding(columns, times, amounts, newest_first, notes is not None, due, updates, unused)
        return understanding, questions, guesses

    def _selected(self) -> dict[str, Sequence[str]]:
        """Columns by which the mapping selects rows."""
        return {**self.rule.unless, **self.rule.only}

    def _settle_updates(self, columns: dict[str, str], times: TimeFormat | None) -> TimeFormat | None:
        """Decides the format of the times of changes. A column of other values, or in doubt, is metadata."""
        column = columns.get("updated_at")
        if column is None:
            return None
        day_first = self.rule.day_first
        if day_first is None and times and times.order in ("dmy", "mdy"):
            day_first = times.order == "dmy"
        settled = self._updates[column].settle(day_first, self.rule.time_format)
        if not isinstance(settled, TimeFormat):
            del columns["updated_at"]
            return None
        return settled

    def _settle_amounts(
        self, columns: dict[str, str], questions: list[Question], guesses: list[Guess]
    ) -> NumberFormat | None:
        column = columns.get("amount")
        if column is None:
            return None
        settled = self._numbers[column].settle(self.rule.decimal)
        if isinstance(settled, Question):
            questions.append(settled)
            return None
        if settled is None and "amount" not in self.rule.columns:
            del columns["amount"]
            taken = "metadata: it holds words, not amounts"
            guesses.append(Guess(column, taken, self._numbers[column].evidence, f"columns: {{amount: {column}}}"))
        return settled

    def _drop_payments(self, columns: dict[str, str]) -> None:
        """Takes the columns of bills and payments out where no system writes: `status` is then that of a ticket."""
        of_records, _ = self._of_records()
        ignored = no_metadata(self.rule)
        for field_ in payments.FIELDS:
            mapped = field_ in self.rule.columns
            if field_ in columns and not mapped and (not of_records or ignored(columns[field_])):
                del columns[field_]

    def _settle_channel(self, columns: dict[str, str], guesses: list[Guess]) -> None:
        """A column such as `type` holds categories, not channels, if people write under words such as `billing`."""
        column = columns.get("channel")
        if column is None or not self._may_be_category(column):
            return
        records = [channel for name, channel in self._channels[column].items() if name.casefold() in RECORD_CHANNELS]
        if any(2 * channel.sentences > channel.rows for channel in records):
            del columns["channel"]
            words = ", ".join(sorted(self._channels[column])[:5])
            taken = "a category (metadata), not the channel"
            guesses.append(Guess(column, taken, f"people write under {words}", f"columns: {{channel: {column}}}"))

    def _settle_keys(self, columns: dict[str, str], questions: list[Question], guesses: list[Guess]) -> None:
        column = columns.get("interaction_id")
        if column is None:
            return
        keys = self._keys[column]
        if not keys.shared and not (keys.blank and "interaction_id" not in self.rule.columns):
            return
        if "interaction_id" not in self.rule.columns:
            del columns["interaction_id"]
            why = counted(keys.shared or keys.blank, "row shares it or has none", "rows share it or have none")
            guesses.append(
                Guess(column, "metadata, not the key of a row", why, f"columns: {{interaction_id: {column}}}")
            )
        elif keys.shared:
            why = (
                f"{counted(keys.shared, 'row has', 'rows have')} the key of a different row, so it does not identify "
                "rows; map the key of each row, or none."
            )
            questions.append(
                Question(f"interaction_id: {column}", why, ("none",), lambda _: {"columns": {"interaction_id": None}})
            )

    def _settle_speakers(self, columns: dict[str, str], questions: list[Question]) -> None:
        """Asks about unknown words, unless the mapping has a default for all rows that say nothing else."""
        for field_ in ("speaker", "direction"):
            column = columns.get(field_)
            if column is None or ("speaker" in self.rule.defaults and "speaker" not in columns):
                continue
            known = self.rule.values.get(field_, {})
            asked = speakers.unknown_words(field_, self._words[column], known)
            guessed = field_ not in self.rule.columns
            if guessed and field_ == "speaker" and len(asked) == sum(1 for word in self._words[column] if word.strip()):
                del columns[field_]  # no word of it is about speakers: the role of a contact, say, or a name
                if column == "speaker" and "author" not in self.rule.columns:
                    columns.setdefault("author", column)
            elif not (guessed and field_ in self.rule.defaults):
                questions += asked


class _Order:
    """Whether rows come newest first, by the text of their times (ISO or seconds since 1970)."""

    def __init__(self) -> None:
        self._last: str = ""
        self._rising: bool = False
        self._falling: bool = False

    def add(self, column: Sequence[str]) -> None:
        for value in column:
            if self._rising:
                return
            if len(value) == len(self._last):
                self._rising = value > self._last
                self._falling |= value < self._last
            self._last = value

    @property
    def newest_first(self) -> bool:
        return self._falling and not self._rising
