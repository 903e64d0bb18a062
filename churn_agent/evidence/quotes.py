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
    """Sentences that do not show some signals, by their own words, by those of their message, or by both."""

    about: str
    """What they say in truth, for readers of the file."""
    signals: Annotated[tuple[str, ...], Field(min_length=1)]
    where: tuple[str, ...] = ()
    """Patterns of the sentence of the quote."""
    unless: tuple[str, ...] = ()
    """Patterns of sentences that the veto leaves alone."""
    message: tuple[str, ...] = ()
    """Patterns of the whole message, with its subject."""
    message_unless: tuple[str, ...] = ()
    """Patterns of messages that the veto leaves alone."""
    instead: str | None = None
    """The signal that such a sentence shows, if it shows another."""

    @model_validator(mode="after")
    def _looks_at_something(self) -> "Veto":
        if not self.where and not self.message:
            raise ValueError(f"the veto {self.about!r} has neither `where` nor `message`")
        return self

    @property
    def patterns(self) -> tuple[str, ...]:
        """All its regular expressions."""
        return (*self.where, *self.unless, *self.message, *self.message_unless)

    def stops(self, sentence: str, message: str) -> bool:
        """Whether a sentence of a message does not show the signals.

        Args:
            sentence: that of the quote.
            message: its text, or the end of a long one.
        """
        where, unless, of_message, message_unless = self._compiled
        if (where and not where.search(sentence)) or (unless and unless.search(sentence)):
            return False
        if of_message and not of_message.search(message):
            return False
        return not (message_unless and message_unless.search(message))

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str] | None, ...]:
        return any_of(self.where), any_of(self.unless), any_of(self.message), any_of(self.message_unless)


class QuoteRules(_Data):
    """The content of `quotes.yaml`."""

    version: int = 1
    hints: tuple[str, ...] = ()
    retractions: tuple[str, ...] = ()
    not_retractions: tuple[str, ...] = ()
    retracted: tuple[str, ...] = ()
    """Signals that a sentence does not show if it, or a later one of its message, is a retraction."""
    announcements: tuple[str, ...] = ()
    not_announcements: tuple[str, ...] = ()
    vetoes: tuple[Veto, ...] = ()

    @model_validator(mode="after")
    def _compiles(self) -> "QuoteRules":
        of_vetoes = [pattern for veto in self.vetoes for pattern in veto.patterns]
        of_announcements = (*self.announcements, *self.not_announcements)
        patterns.check((*self.hints, *self.retractions, *self.not_retractions, *of_announcements, *of_vetoes))
        return self

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over all rules, first 16 hexadecimal digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @cached_property
    def _by_signal(self) -> Mapping[str, list[Veto]]:
        table: dict[str, list[Veto]] = {}
        for veto in self.vetoes:
            for signal in veto.signals:
                table.setdefault(signal, []).append(veto)
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
        start, end = _place(quote, text)
        sentence, message = text[start:end] or quote, text[-MOST:]
        if signal in self.retracted and self._retracted_from(start, text):
            return None
        for veto in self._by_signal.get(signal, ()):
            if veto.stops(sentence, message):
                return veto.instead
        return signal

    def _retracted_from(self, start: int, text: str) -> bool:
        """Whether a sentence that does not begin before `start` takes an announcement back."""
        return any(span[0] >= start for span in _matching(text, *self._retractions))


def _matching(text: str, pattern: re.Pattern[str] | None, unless: re.Pattern[str] | None) -> Iterator[tuple[int, int]]:
    """Yields the character ranges of the sentences that match a pattern, unless they match the other."""
    for start, end in last_sentences(text):
        sentence = text[start:end]
        if pattern and pattern.search(sentence) and not (unless and unless.search(sentence)):
            yield start, end


def _place(quote: str, text: str) -> tuple[int, int]:
    """The character range of the sentence or sentences that hold a quote; an empty one at the end without any."""
    span = find_quote(quote, text)
    around = [(start, end) for start, end in sentences(text) if span and end > span[0] and start < span[1]]
    return (around[0][0], around[-1][1]) if around else (len(text), len(text))
