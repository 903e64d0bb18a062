"""Recognises messages that call for care rather than selling: deaths, serious illness, insolvency, and the like.

The rules are data (`prompts/care.yaml`). A sentence is flagged if a pattern of its kind matches and none of the
exceptions does. No model takes part, so that the result does not depend on one.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churn_agent.domain.assessment import CareFlag, CareKind, Citation
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.evidence import patterns
from churn_agent.evidence.patterns import any_of, last_sentences

_NOTES = frozenset("call calls phone note notes crm visit_note call_note meeting".split())
"""Channels in which staff write down what customers say."""
_INNER_DOT = re.compile(
    r"(\b(?:mr|mrs|ms|dr|prof|hr|fr)|\b(?:art|abs|nr)(?=\.\s*\d)"
    r"|\b\d{1,2}(?=\.\s+(?:jan|feb|mär|apr|mai|jun|jul|aug|sep|okt|nov|dez)))\.",
    re.IGNORECASE,
)
"""Dots within sentences: after titles and before numbers of articles, and in German dates."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CareRule(_Data):
    """What calls for care of one kind."""

    lasts_days: Annotated[int, Field(ge=1)]
    """Days after the message until the flag expires."""
    label: str
    """Wording for readers."""
    flags: Annotated[tuple[str, ...], Field(min_length=1)]
    """Patterns of sentences that are flagged."""
    unless: tuple[str, ...] = ()
    """Patterns of sentences that are not flagged."""
    ends: tuple[str, ...] = ()
    """Patterns of sentences that end an earlier flag."""


class CareRules(_Data):
    """The content of `care.yaml`."""

    version: int
    parts: Mapping[str, str] = {}
    """Name -> piece of a pattern."""
    unless_for_all: tuple[str, ...] = ()
    """Patterns of sentences that are not flagged as any kind."""
    kinds: Mapping[CareKind, CareRule]

    @model_validator(mode="after")
    def _compiles(self) -> "CareRules":
        for kind, rule in self.kinds.items():
            try:
                patterns.check((*rule.flags, *rule.unless, *rule.ends, *self.unless_for_all), self.parts)
            except ValueError as error:
                raise ValueError(f"{kind}: {error}") from error
        return self

    @cached_property
    def _compiled(self) -> Mapping[CareKind, tuple[re.Pattern[str], re.Pattern[str] | None, re.Pattern[str] | None]]:
        compiled: dict[CareKind, tuple[re.Pattern[str], re.Pattern[str] | None, re.Pattern[str] | None]] = {}
        for kind, rule in self.kinds.items():
            flags = any_of(rule.flags, self.parts)
            assert flags
            unless = any_of((*rule.unless, *self.unless_for_all), self.parts)
            compiled[kind] = flags, unless, any_of(rule.ends, self.parts)
        return compiled

    def kinds_of(self, text: str) -> dict[CareKind, tuple[int, int]]:
        """The kinds of care that a text calls for, each with the character range of the first sentence that says so."""
        spans: dict[CareKind, tuple[int, int]] = {}
        text = _with_plain_marks(text)
        for start, end in last_sentences(text):
            for kind, (flags, unless, _) in self._compiled.items():
                sentence = text[start:end]
                if kind not in spans and flags.search(sentence) and not (unless and unless.search(sentence)):
                    spans[kind] = start, end
        return spans

    def ended_by(self, text: str) -> set[CareKind]:
        """The kinds that a text plainly says to be over."""
        text = _with_plain_marks(text)
        parts = [text[start:end] for start, end in last_sentences(text)]
        return {
            kind
            for kind, (_, _, ends) in self._compiled.items()
            if ends and any(ends.search(sentence) for sentence in parts)
        }


def flags_of(snapshot: Snapshot, rules: CareRules) -> tuple[CareFlag, ...]:
    """The flags that stand on the snapshot's day, the newest message of each kind, in the order of the rules."""
    standing: dict[CareKind, CareFlag] = {}
    for interaction in _heard(snapshot):
        kinds = rules.kinds_of(interaction.text)
        for kind in rules.ended_by(interaction.text) - kinds.keys():
            standing.pop(kind, None)
        for kind, span in kinds.items():
            standing[kind] = _flag(kind, interaction, span, snapshot.card, rules.kinds[kind].lasts_days)
    return tuple(
        standing[kind] for kind in rules.kinds if kind in standing and snapshot.as_of <= standing[kind].expires_on
    )


def spoken(snapshot: Snapshot) -> Iterator[Interaction]:
    """The texts with customers' words, the oldest first: their messages, and notes by staff about talks with them."""
    messages = {message.id for message in snapshot.messages}
    for row in snapshot.interactions:
        is_note = row.channel.casefold() in _NOTES and row.speaker in ("company", "unknown", "other")
        if row.id in messages or (is_note and row.text.strip()):
            yield row


def _heard(snapshot: Snapshot) -> Iterator[Interaction]:
    """The texts as in `spoken`, and what others write about the customer, such as administrators, heirs and lawyers."""
    ids = {row.id for row in spoken(snapshot)}
    for row in snapshot.interactions:
        by_other = row.speaker == "other" and row.direction != "outbound" and snapshot.card.holds_words(row.channel)
        if row.id in ids or (by_other and row.text.strip()):
            yield row


def _with_plain_marks(text: str) -> str:
    """The text, of the same length, with straight apostrophes and without dots that end no sentence."""
    return _INNER_DOT.sub(r"\1·", text.replace("’", "'"))


def _flag(kind: CareKind, interaction: Interaction, span: tuple[int, int], card: Card, lasts_days: int) -> CareFlag:
    start, end = span
    when = card.local(interaction.occurred_at)
    citation = Citation(
        interaction_id=interaction.id,
        label="",
        quote=interaction.text[start:end],
        occurred_at=when,
        verified=True,
        author=interaction.author,
        start=start,
        end=end,
    )
    return CareFlag(kind=kind, citation=citation, date=when.date(), expires_on=_after(when.date(), lasts_days))


def _after(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max
