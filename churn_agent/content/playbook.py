"""The playbook: the retention actions that a company can take, and the conditions on them."""

import hashlib
from collections import Counter
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from churn_agent.content.conditions import Condition, Kind, parse
from churn_agent.content.folders import own_or_shipped
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.assessment import FACT_NAMES, Band, Urgency
from churn_agent.errors import InputError
from churn_agent.files import strict_yaml

_BANDS = get_args(Band)
ATTRIBUTE = "attribute."
"""Prefix of the names of customer attributes in conditions."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlaybookAction(_Data):
    """One action a company can take."""

    id: str
    title: str
    what: str
    addresses: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of signals and facts."""
    when: str | None = None
    """A condition on facts, signals (their strength, 0 to 1), `band`, `domain` and `attribute.NAME`. If it is
    false, the action is not suggested; unknown values do not rule it out."""
    urgency: Urgency
    cost: Annotated[float, Field(ge=0)]
    """Cost of doing it once, in the currency of the book."""
    effect: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of churning customers that it retains, if measured."""
    capacity: Annotated[int, Field(ge=1)] | None = None
    """Customers for whom it can be done before the next report."""
    talk_track: tuple[str, ...] = ()
    """Sentences for the person who does it to say; they stand on the card."""
    never_say: tuple[str, ...] = ()
    """Statements and promises that the person doing it must not make."""
    owner: str
    channel: str
    cooldown_days: Annotated[int, Field(ge=0)] = 0

    @cached_property
    def condition(self) -> Condition | None:
        """The parsed `when`; None without one."""
        return parse(self.when) if self.when else None

    @model_validator(mode="after")
    def _can_ever_be_suggested(self, info: ValidationInfo) -> "PlaybookAction":
        signals = _signals(info.context)
        unknown = [name for name in self.addresses if name not in (*FACT_NAMES, *signals)]
        if unknown:
            raise ValueError(f"action {self.id!r} addresses {unknown[0]!r}, which is neither a signal nor a fact")
        try:
            if self.condition:
                self.condition.check(_kinds(signals), beside=ATTRIBUTE)
        except InputError as error:
            raise ValueError(str(error)) from error
        for name, value in self.condition.compared if self.condition else ():
            if name == "band" and value not in _BANDS:
                raise ValueError(f"condition {self.when!r}: {value!r} is not a band; use {', '.join(_BANDS)}")
            if name in signals and not 0 <= float(value) <= 1:
                raise ValueError(
                    f"condition {self.when!r}: the strength of {name!r} must be from 0 to 1, not {value:g}"
                )
        return self


class Playbook(_Data):
    """All actions."""

    version: int
    actions: tuple[PlaybookAction, ...]
    _signals: tuple[str, ...] = PrivateAttr(default=())

    def model_post_init(self, context: Any) -> None:
        """Takes the ids of signals from the validation context."""
        self._signals = _signals(context)

    @property
    def signals(self) -> tuple[str, ...]:
        """The ids of all signals that conditions can name."""
        return self._signals

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "Playbook":
        twice = [id_ for id_, n in Counter(action.id for action in self.actions).items() if n > 1]
        if twice:
            raise ValueError(f"two actions have the id {twice[0]!r}")
        return self

    @cached_property
    def content_hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @cached_property
    def by_id(self) -> dict[str, PlaybookAction]:
        """Id -> action."""
        return {action.id: action for action in self.actions}


def load_playbook(folder: Path | None = None) -> Playbook:
    """The playbook, `playbook.yaml`: that of the user's own prompts if there is one, else the shipped one.

    Its signals are those of the taxonomy that goes with it (`load_taxonomy`).

    Raises:
        FileFormatError: the file is not a valid playbook, or a condition in it is invalid or uses an unknown name.
    """
    signals = tuple(load_taxonomy(folder).by_id)
    return strict_yaml.load(own_or_shipped("playbook.yaml", folder), Playbook, context=signals)


def _signals(context: tuple[str, ...] | None) -> tuple[str, ...]:
    """The ids of the signals for a playbook: `context`, else the shipped ones."""
    return _shipped_signals() if context is None else context


@cache
def _shipped_signals() -> tuple[str, ...]:
    return tuple(load_taxonomy().by_id)


def _kinds(signals: tuple[str, ...]) -> dict[str, Kind]:
    """The names that conditions can use, except attributes, which differ between books."""
    numbers: dict[str, Kind] = dict.fromkeys((*FACT_NAMES, *signals), "number")
    return {**numbers, "band": "text", "domain": "text"}
