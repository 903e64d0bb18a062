"""A running import: what its passes share."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from churn_agent.domain.snapshot import Card
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.options import ImportOptions
from churn_agent.ingest.questions import Guess, NeedsAnswer, Question
from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.rejects import Rejects
from churn_agent.ingest.sources import Source
from churn_agent.ingest.summary import ImportSummary
from churn_agent.ingest.understanding import answered

T = TypeVar("T")
_SHOWN = 3
"""Rows of a file about customers that the summary shows."""


@dataclass
class Run:
    """A running import."""

    options: ImportOptions
    mapping: ColumnMapping
    """The mapping with all answers so far."""
    card: Card
    summary: ImportSummary
    rejects: Rejects
    announce: Callable[[str], None]
    """Called with one line for the user."""
    aliases: Mapping[str, str]
    """Old id -> id of the customer today."""

    def note(self, guess: Guess) -> None:
        """Adds a guess to the summary, and tells the user of it."""
        self.summary.guesses.append(guess)
        change = f"; to change it: {guess.mapping}" if guess.mapping else ""
        self.announce(f"{guess.about}: {guess.taken} ({guess.evidence}){change}")

    def settled(self, source: Source, settle: Callable[[ColumnMapping], T | list[Question]]) -> T:
        """Returns the formats of a file, after asking what it leaves open.

        Args:
            source: the file.
            settle: returns the formats, or the questions that a mapping leaves.

        Raises:
            NeedsAnswer: a question was not answered.
        """
        formats = settle(self.mapping)
        if isinstance(formats, list):
            questions = cast("list[Question]", formats)
            named = [(source.name, question) for question in questions]
            self.mapping = answered(self.mapping, named, self.options.answers)
            formats = settle(self.mapping)
        if isinstance(formats, list):
            raise NeedsAnswer(source.name, cast("list[Question]", formats))
        return formats

    def shown(self, kind: str, rows: Iterable[T], show: Callable[[T], dict[str, Any]]) -> Iterator[T]:
        """Yields rows of a file about customers, and keeps the first few for the summary.

        Args:
            kind: `customers`, `labels` or `measurements`.
            rows: the parsed rows.
            show: returns what a row says, as JSON.
        """
        examples = self.summary.about_customers.setdefault(kind, [])
        for row in rows:
            if len(examples) < _SHOWN:
                examples.append(show(row))
            yield row

    def parsed(self, source: Source, row: Row, parse: Callable[[Row], T]) -> T | None:
        """Returns what a row says; a row that cannot be used is added to the rejected ones, for None.

        Args:
            source: source of the row.
            row: the row.
            parse: parses a row; raises `ValueError` with the reason if it cannot be used.
        """
        try:
            if row.problem:
                raise ValueError(row.problem)
            return parse(row)
        except ValueError as error:
            self.rejects.add(source.name, row, str(error))
            return None
