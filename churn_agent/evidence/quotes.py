"""Checks customers' sentences by rules: the signal that a model sees in one, hints at leaving, and retractions.

The rules are data (`prompts/quotes.yaml`), few and precise: a veto silences a signal, so that a rule that fires wrongly
costs as much as a false reason.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churn_agent.evidence import patterns
from churn_agent.evidence.grounding import find_quote, sentences
from churn_agent.evidence.patterns import MOST, any_of, last_sentences


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Veto(_Data):
    """Sentences that do not show some signals."""

    about: str
    """What they say in truth, for readers of the file."""
    signals: Annotated[tuple[str, ...], Field(min_length=1)]
    where: Annotated[tuple[str, ...], Field(min_length=1)]
    unless: tuple[str, ...] = ()
    instead: str | None = None
    """The signal that such a sentence shows, if it shows another."""


class QuoteRules(_Data):
    """The content of `quotes.yaml`."""

    version: int = 1
    hints: tuple[str, ...] = ()
    retractions: tuple[str, ...] = ()
    not_retractions: tuple[str, ...] = ()
    announcements: tuple[str, ...] = ()
    not_announcements: tuple[str, ...] = ()
    vetoes: tuple[Veto, ...] = ()

    @model_validator(mode="after")
    def _compiles(self) -> "QuoteRules":
        of_vetoes = [pattern for veto in self.vetoes for pattern in (*veto.where, *veto.unless)]
        of_announcements = (*self.announcements, *self.not_announcements)
        patterns.check((*self.hints, *self.retractions, *self.not_retractions, *of_announcements, *of_vetoes))
        return self

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over all rules, first 16 hexadecimal digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @cached_property
    def _by_signal(self) -> Mapping[str, list[tuple[re.Pattern[str], re.Pattern[str] | None, str | None]]]:
        table: dict[str, list[tuple[re.Pattern[str], re.Pattern[str] | None, str | None]]] = {}
        for veto in self.vetoes:
            where = any_of(veto.where)
            assert where
            for signal in veto.signals:
                table.setdefault(signal, []).append((where, any_of(veto.unless), veto.instead))
        return table

    @cached_property
    def _hints(self) -> re.Pattern[str] | None:
        return any_of(self.hints)

    @cached_property
    def _retractions(self) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
        return any_of(self.retractions), any_of(self.not_retractions)

    @cached_property
    def _announcements(self) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
        return any_of(self.announcements), any_of(self.not_announcements)

    def hints_at_leaving(self, text: str) -> bool:
        """Whether the words of a message may be about leaving; many such messages are about something else."""
        return bool(self._hints and self._hints.search(text[-MOST:]))

    def retraction(self, text: str) -> tuple[int, int] | None:
        """The character range of the first sentence that takes an announcement back; None if there is none."""
        return next(_matching(text, *self._retractions), None)

    def announcement(self, text: str, signal: str) -> tuple[int, int] | None:
        """The character range of the first sentence that plainly says that the customer leaves; None if there is none.

        Args:
            text: the message.
            signal: id of the signal that such a sentence shows, whose vetoes count.
        """
        spans = _matching(text, *self._announcements)
        return next((span for span in spans if self.shown_by(signal, text[slice(*span)], text) == signal), None)

    def shown_by(self, signal: str, quote: str, text: str) -> str | None:
        """The signal that a quote shows, if a model takes it for `signal`: that one, another, or none.

        Args:
            signal: id of a signal.
            quote: of the text.
            text: the message.
        """
        vetoes = self._by_signal.get(signal)
        if not vetoes:
            return signal
        sentence = sentence_of(quote, text)
        for where, unless, instead in vetoes:
            if where.search(sentence) and not (unless and unless.search(sentence)):
                return instead
        return signal


def _matching(text: str, pattern: re.Pattern[str] | None, unless: re.Pattern[str] | None) -> Iterator[tuple[int, int]]:
    """Yields the character ranges of the sentences that match a pattern, unless they match the other."""
    for start, end in last_sentences(text):
        sentence = text[start:end]
        if pattern and pattern.search(sentence) and not (unless and unless.search(sentence)):
            yield start, end


def sentence_of(quote: str, text: str) -> str:
    """The sentence or sentences of a text that hold a quote; the quote itself if it is not in the text."""
    span = find_quote(quote, text)
    if span is None:
        return quote
    around = [(start, end) for start, end in sentences(text) if end > span[0] and start < span[1]]
    return text[around[0][0] : around[-1][1]] if around else quote
