"""The first pass over a source: its columns, and the formats and words in them."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from churn_agent.domain.interactions import RECORD_CHANNELS
from churn_agent.domain.wording import counted
from churn_agent.ingest import speakers
from churn_agent.ingest.columns import COMMON_NAMES, INTERACTION_FIELDS, INTERACTION_NEEDS, Rule, assign
from churn_agent.ingest.formats.numbers import NumberFormat, NumberProfile
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.questions import Guess, Question
from churn_agent.ingest.readers.base import Row, header_name

_MOST_WORDS = 500
"""Most distinct words counted in a column of roles, directions or channels."""
_PROSE_WORDS = 5
"""Fewest words of a text that is a sentence."""
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
    unused: frozenset[str] = frozenset()
    """Our fields without a column, although a column has their name."""


@dataclass
class _Channel:
    rows: int = 0
    sentences: int = 0


@dataclass
class _Keys:
    """Whether a column identifies rows."""

    seen: dict[int, int] = field(default_factory=dict)
    """Hash of a key -> hash of the row's other values."""
    shared: int = 0
    """Number of rows whose key is that of a different row."""
    blank: int = 0

    def add(self, value: str, row: Row) -> None:
        if not value.strip():
            self.blank += 1
            return
        key, content = hash(value), hash(tuple(row.values.items()))
        if self.seen.setdefault(key, content) != content:
            self.shared += 1


class RuleProfile:
    """The rows of a source that one rule of its mapping takes."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.header: dict[str, None] = {}
        self.rows = 0
        self._times = {name: TimeProfile(name) for name in self._candidates("occurred_at")}
        self._orders = {name: _Order() for name in self._times}
        self._numbers = {name: NumberProfile(name) for name in self._candidates("amount")}
        self._keys = {name: _Keys() for name in self._candidates("interaction_id")}
        self._words: dict[str, Counter[str]] = {
            name: Counter() for field in ("speaker", "direction") for name in self._candidates(field)
        }
        self._channels: dict[str, dict[str, _Channel]] = {name: {} for name in self._candidates("channel")}
        self._texts = self._candidates("text")
        self._ids = self._candidates("customer_id")
        self.ids_with_point: set[str] = set()
        """Ids of customers that end with `.0`."""
        self._by_header: dict[tuple[str, ...], list[tuple[str, Callable[[str, Row], None]]]] = {}

    def _candidates(self, field_: str) -> tuple[str, ...]:
        mapped = self.rule.columns.get(field_, "")
        if mapped is None:
            return ()
        if mapped:
            return (header_name(mapped),)
        return () if self.rule.exact else COMMON_NAMES[field_]

    def add(self, row: Row) -> None:
        """Adds a row."""
        self.rows += 1
        names = tuple(row.values)
        adders = self._by_header.get(names)
        if adders is None:
            self.header.update(dict.fromkeys(names))
            adders = self._by_header[names] = list(self._adders(names))
        for name, add in adders:
            add(row.values[name], row)

    def _adders(self, names: tuple[str, ...]) -> "list[tuple[str, Callable[[str, Row], None]]]":
        adders: list[tuple[str, Callable[[str, Row], None]]] = []
        for name in names:
            if name in self._times:
                adders.append((name, lambda value, row, add=self._times[name].add: add(value)))
                adders.append((name, lambda value, row, add=self._orders[name].add: add(value)))
            if name in self._numbers:
                adders.append((name, lambda value, row, add=self._numbers[name].add: add(value)))
            if name in self._keys:
                adders.append((name, self._keys[name].add))
            if name in self._ids:
                adders.append((name, self._add_id))
            if name in self._words:
                adders.append((name, lambda value, row, words=self._words[name]: _count(words, value)))
            if name in self._channels:
                adders.append((name, lambda value, row, of=self._channels[name]: self._add_channel(of, value, row)))
        return adders

    def _add_id(self, value: str, _: Row) -> None:
        if value[-2:] == ".0":
            self.ids_with_point.add(value)

    def _add_channel(self, channels: dict[str, _Channel], value: str, row: Row) -> None:
        if value not in channels and len(channels) >= _MOST_WORDS:
            return
        channel = channels.setdefault(value, _Channel())
        channel.rows += 1
        if value.casefold() in RECORD_CHANNELS:
            text = next((row.values[name] for name in self._texts if row.values.get(name)), "")
            channel.sentences += len(text.split()) >= _PROSE_WORDS and not any(map(str.isdigit, text))

    def columns(self, source: object, *, complete: bool) -> dict[str, str]:
        """Returns our field -> column. Raises `DataError` if a needed column is missing."""
        return assign(list(self.header), INTERACTION_FIELDS, INTERACTION_NEEDS, source, self.rule, complete=complete)

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
        amounts = self._settle_amounts(columns, questions, guesses)
        order = self._orders.get(columns.get("occurred_at", ""))
        newest_first = order is not None and order.newest_first
        unused = frozenset(
            field_
            for field_ in INTERACTION_FIELDS
            if field_ not in columns and any(name in self.header for name in self._candidates(field_))
        )
        return Understanding(columns, times, amounts, newest_first, unused), questions, guesses

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

    def _settle_channel(self, columns: dict[str, str], guesses: list[Guess]) -> None:
        """A column such as `type` holds categories, not channels, if people write under words such as `billing`."""
        column = columns.get("channel")
        if column is None or "channel" in self.rule.columns or column in _CHANNEL_NAMES:
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
        for field_ in ("speaker", "direction"):
            column = columns.get(field_)
            if column is None:
                continue
            known = self.rule.values.get(field_, {})
            asked = speakers.unknown_words(field_, self._words[column], known)
            guessed = field_ == "speaker" and field_ not in self.rule.columns
            if guessed and len(asked) == sum(1 for word in self._words[column] if word.strip()):
                del columns[field_]  # no word of it is about speakers: the role of a contact, say, or a name
                if column == "speaker" and "author" not in self.rule.columns:
                    columns.setdefault("author", column)
            else:
                questions += asked


class _Order:
    """Whether rows come newest first, by the text of their times (ISO or seconds since 1970)."""

    def __init__(self) -> None:
        self._last = ""
        self._rising = self._falling = 0

    def add(self, value: str) -> None:
        if len(value) == len(self._last):
            self._rising += value > self._last
            self._falling += value < self._last
        self._last = value

    @property
    def newest_first(self) -> bool:
        return self._falling > 0 and self._rising == 0


def _count(words: Counter[str], value: str) -> None:
    if value in words or len(words) < _MOST_WORDS:
        words[value] += 1
