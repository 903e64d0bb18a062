"""Suggests retention actions: only eligible actions of the playbook, for the reasons in an assessment."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from churn_agent.content.conditions import Condition, Kind, Value, parse
from churn_agent.content.folders import own_or_shipped
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.assessment import FACT_NAMES, Band, Fact, Reason, RetentionAction, Signal, Urgency
from churn_agent.domain.snapshot import Snapshot
from churn_agent.errors import InputError
from churn_agent.files import strict_yaml

MOST_ACTIONS = 3
LEAST_WEIGHT = 0.25
"""Contribution to the score (log-odds) below which a reason calls for no action."""

_BANDS = get_args(Band)
_ATTRIBUTE = "attribute."
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
    never_say: tuple[str, ...] = ()
    """Statements and promises that the person doing it must not make."""
    owner: str
    channel: str
    cooldown_days: Annotated[int, Field(ge=0)] = 0

    @cached_property
    def condition(self) -> Condition | None:
        return parse(self.when) if self.when else None

    @model_validator(mode="after")
    def _can_ever_be_suggested(self, info: ValidationInfo) -> "PlaybookAction":
        signals = _signals(info.context)
        unknown = [name for name in self.addresses if name not in (*FACT_NAMES, *signals)]
        if unknown:
            raise ValueError(f"action {self.id!r} addresses {unknown[0]!r}, which is neither a signal nor a fact")
        try:
            if self.condition:
                self.condition.check(_kinds(signals), beside=_ATTRIBUTE)
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


def eligible(
    playbook: Playbook,
    snapshot: Snapshot,
    facts: Sequence[Fact],
    band: Band | None,
    signals: Sequence[Signal] | None = None,
) -> list[PlaybookAction]:
    """Returns the actions that are possible for this customer now.

    Args:
        signals: from the customer's messages; None if they are not read yet.
        band: None if it is not known yet.
    """
    end = snapshot.card.end_of_day(snapshot.as_of)
    known = _known(playbook, snapshot, facts, band, signals)

    def recently_done(action: PlaybookAction) -> bool:
        since = end - timedelta(days=action.cooldown_days)
        return any(
            each.direction == "outbound" and each.metadata.get("action") == action.id and each.occurred_at > since
            for each in snapshot.interactions
        )

    return [
        action
        for action in playbook.actions
        if (action.condition is None or action.condition.holds(known) is not False) and not recently_done(action)
    ]


def _known(
    playbook: Playbook, snapshot: Snapshot, facts: Sequence[Fact], band: Band | None, signals: Sequence[Signal] | None
) -> dict[str, Value]:
    """The values that conditions can use, by name."""
    oldest = min((each.occurred_at for each in snapshot.interactions), default=None)
    tenure = (snapshot.card.end_of_day(snapshot.as_of) - oldest).days if oldest else 0
    known: dict[str, Value] = {f"{_ATTRIBUTE}{name}": value for name, value in snapshot.attributes.items()}
    known |= {"domain": snapshot.card.domain, "tenure": float(tenure)} | ({"band": band} if band else {})
    if signals is not None:
        known |= dict.fromkeys(playbook.signals, 0.0) | {each.concept: each.strength for each in signals}
    return known | {fact.name: fact.value for fact in facts if fact.name != "tenure"}


def suggest(
    actions: Sequence[PlaybookAction],
    reasons: Sequence[Reason],
    *,
    weights: Mapping[str, float],
    proposed: Sequence[str] = (),
) -> tuple[RetentionAction, ...]:
    """Returns up to `MOST_ACTIONS` of the eligible actions, those for the weightiest reasons first.

    Args:
        weights: concept -> weight in this assessment; the sign is ignored.
        proposed: ids that a model chose; if there are any, only these are suggested.
    """
    weighted: list[tuple[float, RetentionAction]] = []
    # Facts call for action only as risks; good news in customers' own words may be answered too.
    telling = [reason for reason in reasons if reason.citations or reason.polarity == "risk"]
    statements = {
        reason.concept: _with_evidence(reason)
        for reason in reversed(telling)
        if abs(weights.get(reason.concept, 0)) >= LEAST_WEIGHT
    }
    # Reasons worded by a model name no action; an action that the model chose then refers to the quotes.
    cited = next((reason for reason in reasons if reason.citations), None)
    quoted = (
        _with_evidence(cited, replacement="What they wrote") if cited else "Chosen by the model for what it was shown."
    )
    at_stake = {"risk": 0.0, "protective": 0.0}
    for reason in telling:
        at_stake[reason.polarity] += abs(weights.get(reason.concept, 0))
    good_news = {reason.concept for reason in telling if reason.polarity == "protective"}
    for action in actions:
        if proposed and action.id not in proposed:
            continue
        concepts = tuple(concept for concept in action.addresses if concept in statements)
        if concepts and good_news.issuperset(concepts) and at_stake["risk"] > at_stake["protective"]:
            continue  # no thanks to customers who seem to leave
        if not concepts and not proposed:
            continue
        first = max(concepts, key=lambda concept: abs(weights.get(concept, 0)), default=None)
        suggestion = RetentionAction(
            playbook_id=action.id,
            title=action.title,
            rationale=statements[first] if first else quoted,
            addresses=concepts,
            urgency=action.urgency,
            owner=action.owner,
            channel=action.channel,
            never_say=action.never_say,
        )
        weighted.append((sum(abs(weights.get(concept, 0)) for concept in concepts), suggestion))
    weighted.sort(key=lambda pair: -pair[0])
    return tuple(suggestion for _, suggestion in weighted[:MOST_ACTIONS])


def _with_evidence(reason: Reason, replacement: str = "") -> str:
    """The statement, or its replacement, with the dates of its evidence."""
    days = dict.fromkeys(f"{citation.occurred_at:%Y-%m-%d}" for citation in reason.citations)
    statement = replacement or reason.statement
    return f"{statement.removesuffix('.')} ({', '.join(days)})" if days else statement
