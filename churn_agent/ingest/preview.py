"""A few telling customers of an import, to see what was understood before or just after it is stored."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from churn_agent.domain.interactions import SPEAKERS, Interaction, Speaker
from churn_agent.domain.snapshot import Card
from churn_agent.domain.wording import counted
from churn_agent.history.database import to_stored
from churn_agent.history.interactions import Arrival, interaction_of

_CUSTOMERS = 5
_FIRST_ROWS = 5_000
"""Rows from which all customers are compared; later ones are only looked at for what these lack."""


@dataclass(frozen=True)
class Example:
    """A customer as understood."""

    customer_id: str
    why: str
    """What makes the customer telling; empty for one that only fills the list."""
    interactions: tuple[Interaction, ...]
    """One, or two by different speakers; times are in the book's time zone."""


class Preview:
    """Chooses the customers while rows pass, with bounded memory."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._rows = 0
        self._texts: Counter[str] = Counter()
        self._first: dict[str, Interaction] = {}
        """Customer -> first interaction, one with a text if there is one."""
        self._sides: dict[str, dict[Speaker, Interaction]] = {}
        """Customer -> speaker -> first text."""
        self._marked: dict[str, Interaction] = {}
        self._paid: dict[str, Interaction] = {}
        self._latest: Interaction | None = None

    def add_all(self, arrivals: Sequence[Arrival], columns: Mapping[str, Sequence[Any]], now: datetime) -> None:
        """Adds rows of the import, of which only those that it may choose become interactions.

        Args:
            arrivals: the rows.
            columns: their values, by column.
            now: present time.
        """
        first = max(_FIRST_ROWS - self._rows, 0)
        wanted = set(range(min(first, len(arrivals))))
        if len(self._marked) < _CUSTOMERS:
            wanted.update(number for number, marks in enumerate(columns["marks"]) if marks)
        if len(self._paid) < _CUSTOMERS:
            wanted.update(number for number, amount in enumerate(columns["amount"]) if amount is not None)
        until = to_stored(now)
        past = [(time, number) for number, time in enumerate(columns["occurred_at"]) if time <= until]
        wanted.add(max(past)[1] if past else 0)
        for number in sorted(wanted):
            self.add(interaction_of(arrivals[number]), now)

    def add(self, interaction: Interaction, now: datetime) -> None:
        """Adds an interaction of the import. `now` keeps interactions in the future from being the latest."""
        if self._latest is None or self._latest.occurred_at <= interaction.occurred_at <= now:
            self._latest = interaction
        customer_id = interaction.customer_id
        if interaction.marks and len(self._marked) < _CUSTOMERS:
            self._marked.setdefault(customer_id, interaction)
        if interaction.amount is not None and len(self._paid) < _CUSTOMERS:
            self._paid.setdefault(customer_id, interaction)
        if self._rows < _FIRST_ROWS:
            self._rows += 1
            self._add_text(interaction)

    def _add_text(self, interaction: Interaction) -> None:
        customer_id = interaction.customer_id
        if not interaction.text.strip():
            self._first.setdefault(customer_id, interaction)
        elif self._card.holds_words(interaction.channel):
            self._texts[customer_id] += 1
            sides = self._sides.setdefault(customer_id, {})
            sides.setdefault(interaction.speaker or "unknown", interaction)
            if self._texts[customer_id] == 1:
                self._first[customer_id] = interaction
        else:
            self._first.setdefault(customer_id, interaction)

    def examples(self) -> list[Example]:
        """Returns up to five customers, different ones as far as there are."""
        chosen: dict[str, Example] = {}
        for reason in (self._most_texts(), self._both_sides(), self._left_out(), self._with_amount(), self._last()):
            example = next((example for example in reason if example.customer_id not in chosen), None)
            if example:
                chosen[example.customer_id] = example
        for customer_id, interaction in self._first.items():
            if len(chosen) >= _CUSTOMERS:
                break
            chosen.setdefault(customer_id, Example(customer_id, "", (interaction,)))
        return [self._local(example) for example in chosen.values()]

    def _most_texts(self) -> Iterator[Example]:
        most = self._texts.most_common(1)
        for customer_id, n in most:
            why = f"most texts: {n:,}" if len(self._texts) > 1 else counted(n, "text")
            sides = self._sides[customer_id]
            speakers = sorted(sides, key=SPEAKERS.index)[:2]
            yield Example(customer_id, why, tuple(sides[speaker] for speaker in speakers))

    def _both_sides(self) -> Iterator[Example]:
        for customer_id, sides in self._sides.items():
            both = _of_sides(sides)
            if both:
                yield Example(customer_id, "words of both sides", both)

    def _left_out(self) -> Iterator[Example]:
        for customer_id, interaction in self._marked.items():
            yield Example(customer_id, "[left out] of what is read", (interaction,))

    def _with_amount(self) -> Iterator[Example]:
        for customer_id, interaction in self._paid.items():
            yield Example(customer_id, "an amount", (interaction,))

    def _last(self) -> Iterator[Example]:
        if self._latest:
            yield Example(self._latest.customer_id, "the latest", (self._latest,))

    def _local(self, example: Example) -> Example:
        local = [replace(row, occurred_at=self._card.local(row.occurred_at)) for row in example.interactions]
        return replace(example, interactions=tuple(local))


def _of_sides(sides: dict[Speaker, Interaction]) -> tuple[Interaction, ...]:
    return (sides["customer"], sides["company"]) if {"customer", "company"} <= sides.keys() else ()
