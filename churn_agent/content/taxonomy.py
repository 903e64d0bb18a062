"""The taxonomy of signals that a customer's words can show. `signals.yaml` defines each signal completely."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from churn_agent.content.folders import own_or_shipped
from churn_agent.domain.assessment import FACT_NAMES, Polarity
from churn_agent.evidence.excerpts import words_of
from churn_agent.evidence.quotes import QuoteRules
from churn_agent.files import strict_yaml

Role = Literal[
    "leaving_announced",
    "leaving_considered",
    "before_leaving",
    "competitor",
    "disengagement",
    "staying",
    "problem",
    "solved",
]
LEAVING: tuple[Role, ...] = ("leaving_announced", "leaving_considered")
"""Roles of the signals by which customers say that they leave."""
_OF_ONE_SIGNAL: tuple[Role, ...] = (*LEAVING, "disengagement")
"""Roles that at most one signal can have."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalDefinition(_Data):
    """A concept of the taxonomy."""

    id: str
    """Stable id; records and labels use it."""
    polarity: Polarity
    """`risk` if it is a reason for churn, `protective` if it is one against."""
    definition: str
    """Wording for the language model; `$company` is filled in."""
    statement: str
    """Wording for readers of reports; `$company` is filled in."""
    word: str | None = None
    """The one-word answer by which prompts with a `choice` propose it; without one, they never do. Words that begin
    with different tokens are the easiest to distinguish."""
    weight: FiniteFloat
    """Contribution to the score at full strength, in log-odds; above 0 for risks, below 0 for protective signals."""
    role: Role | None = None
    """Role in readings, if it is treated differently from other signals."""
    queries: Annotated[tuple[str, ...], Field(min_length=1)]
    """Phrases that find candidate messages by meaning."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "SignalDefinition":
        if self.weight and (self.weight > 0) != (self.polarity == "risk"):
            raise ValueError(f"signal {self.id!r} has polarity {self.polarity!r} but weight {self.weight:g}")
        if self.id in FACT_NAMES:
            raise ValueError(f"{self.id!r} is the name of a fact; give the signal another id")
        return self


class Taxonomy(_Data):
    """All signals, by id."""

    version: int
    neutral_queries: Annotated[tuple[str, ...], Field(min_length=1)]
    """Phrases that show no signal."""
    signals: Annotated[tuple[SignalDefinition, ...], Field(min_length=1)]
    quotes: QuoteRules = QuoteRules()
    """What code can tell about sentences; its file is `quotes.yaml`."""

    @model_validator(mode="after")
    def _nothing_repeats(self) -> "Taxonomy":
        roles = [signal.role for signal in self.signals if signal.role in _OF_ONE_SIGNAL]
        words = [signal.word for signal in self.signals if signal.word]
        for what, values in (("id", [signal.id for signal in self.signals]), ("role", roles), ("word", words)):
            twice = [value for value, n in Counter(values).items() if n > 1]
            if twice:
                raise ValueError(f"two signals have the {what} {twice[0]!r}")
        return self

    @cached_property
    def by_id(self) -> dict[str, SignalDefinition]:
        """Id -> signal."""
        return {signal.id: signal for signal in self.signals}

    @cached_property
    def phrases(self) -> dict[Polarity | Literal["neutral"], list[str]]:
        """The query phrases by polarity."""
        phrases: dict[Polarity | Literal["neutral"], list[str]] = {"neutral": list(self.neutral_queries)}
        for signal in self.signals:
            phrases.setdefault(signal.polarity, []).extend(signal.queries)
        return phrases

    @cached_property
    def telling_words(self) -> frozenset[str]:
        """The words of the signals' query phrases."""
        return words_of([phrase for signal in self.signals for phrase in signal.queries])

    @cached_property
    def weights(self) -> dict[str, float]:
        """Signal id -> contribution to the score at full strength, in log-odds."""
        return {signal.id: signal.weight for signal in self.signals}

    @cached_property
    def words(self) -> dict[str, str]:
        """Signal id -> one-word answer, for signals that have one."""
        return {signal.id: signal.word for signal in self.signals if signal.word}

    @cached_property
    def definitions(self) -> dict[str, str]:
        """Signal id -> wording for the language model."""
        return {signal.id: signal.definition for signal in self.signals}

    def role_of(self, signal: str) -> Role | None:
        """The role of a signal, if it has one."""
        return self.by_id[signal].role

    @cached_property
    def leaving(self) -> frozenset[str]:
        """The signals by which customers say that they leave."""
        return frozenset(signal.id for signal in self.signals if signal.role in LEAVING)

    def with_role(self, role: Role) -> str | None:
        """The first signal with that role; None if there is none."""
        return next((signal.id for signal in self.signals if signal.role == role), None)

    def statements(self, company: str) -> dict[str, str]:
        """Signal id -> wording for readers of reports."""
        return {signal.id: Template(signal.statement).substitute(company=company) for signal in self.signals}

    def listing(self, names: Mapping[str, str] | None = None) -> str:
        """The signals as prompts show them, one a line, by their ids or by `names` (then only those that have one)."""
        lines = "\n".join(
            f"- {names[signal.id] if names else signal.id}: {signal.definition}"
            for signal in self.signals
            if names is None or signal.id in names
        )
        return Template(lines).substitute(company="the company")


def load_taxonomy(folder: Path | None = None) -> Taxonomy:
    """The taxonomy: the user's own `signals.yaml` and `quotes.yaml` if there are any, else the shipped ones.

    Args:
        folder: of the user's own prompts.

    Raises:
        FileFormatError: a file is not valid; the message names file, line and key.
    """
    taxonomy = strict_yaml.load(own_or_shipped("signals.yaml", folder), Taxonomy)
    rules = strict_yaml.load(own_or_shipped("quotes.yaml", folder), QuoteRules)
    return taxonomy.model_copy(update={"quotes": rules})
