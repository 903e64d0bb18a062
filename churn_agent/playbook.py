"""Retention actions come from the playbook alone: eligible ones, for the reasons that were found."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from churn_agent import strict_yaml
from churn_agent.domain.assessment import Band, Fact, Reason, RetentionAction, Urgency
from churn_agent.domain.snapshot import Snapshot
from churn_agent.prompts import shipped_folder

MOST_ACTIONS = 3
LEAST_WEIGHT = 0.25
"""Contribution to the score (log-odds) below which a reason calls for no action."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Eligibility(_Data):
    """Conditions; those given must all hold."""

    min_tenure_days: int = 0
    bands: tuple[Band, ...] = ("low", "medium", "high")
    domains: tuple[str, ...] = ()
    """Domains of the card; none given means all."""
    least: Mapping[str, float] = {}
    """Fact -> least value. A fact that the history is too short for does not stand in the way."""


class PlaybookAction(_Data):
    """One action a company can take."""

    id: str
    title: str
    what: str
    addresses: Annotated[tuple[str, ...], Field(min_length=1)]
    """Signals and facts."""
    eligible: Eligibility = Eligibility()
    urgency: Urgency
    cost: Annotated[float, Field(ge=0)]
    """Of doing it once, in the book's money."""
    owner: str
    channel: str
    cooldown_days: Annotated[int, Field(ge=0)] = 0


class Playbook(_Data):
    """All actions."""

    version: int
    actions: tuple[PlaybookAction, ...]

    @cached_property
    def by_id(self) -> dict[str, PlaybookAction]:
        return {action.id: action for action in self.actions}


def load_playbook() -> Playbook:
    """The shipped playbook, `prompts/playbook.yaml`."""
    return strict_yaml.load(shipped_folder() / "playbook.yaml", Playbook)


def eligible(playbook: Playbook, snapshot: Snapshot, facts: Sequence[Fact], band: Band | None) -> list[PlaybookAction]:
    """The actions that may be taken for this customer now."""
    oldest = min((each.occurred_at for each in snapshot.interactions), default=None)
    end = snapshot.card.end_of_day(snapshot.as_of)
    tenure = (end - oldest).days if oldest else 0
    values = {fact.name: fact.value for fact in facts}

    def recently_done(action: PlaybookAction) -> bool:
        since = end - timedelta(days=action.cooldown_days)
        return any(
            each.direction == "outbound" and each.metadata.get("action") == action.id and each.occurred_at > since
            for each in snapshot.interactions
        )

    return [
        action
        for action in playbook.actions
        if tenure >= action.eligible.min_tenure_days
        and (band is None or band in action.eligible.bands)
        and (not action.eligible.domains or snapshot.card.domain in action.eligible.domains)
        and all(values.get(name, least) >= least for name, least in action.eligible.least.items())
        and not recently_done(action)
    ]


def suggest(
    actions: Sequence[PlaybookAction],
    reasons: Sequence[Reason],
    *,
    weights: Mapping[str, float],
    proposed: Sequence[str] = (),
) -> tuple[RetentionAction, ...]:
    """Up to `MOST_ACTIONS` of the eligible actions, those for the weightiest reasons first.

    Args:
        weights: concept -> how much it matters here; only the size counts.
        proposed: ids that a model chose; where there are any, others are not suggested.
    """
    found: list[tuple[float, RetentionAction]] = []
    # A fact calls for action only where it speaks for churn; of what customers say, good news may be answered too.
    telling = [reason for reason in reasons if reason.citations or reason.polarity == "risk"]
    statements = {
        reason.concept: reason.statement
        for reason in reversed(telling)
        if abs(weights.get(reason.concept, 0)) >= LEAST_WEIGHT
    }
    for action in actions:
        if proposed and action.id not in proposed:
            continue
        concepts = tuple(concept for concept in action.addresses if concept in statements)
        if not concepts and not proposed:
            continue
        first = max(concepts, key=lambda concept: abs(weights.get(concept, 0)), default=None)
        suggestion = RetentionAction(
            playbook_id=action.id,
            title=action.title,
            rationale=statements[first] if first else action.what,
            addresses=concepts,
            urgency=action.urgency,
        )
        found.append((sum(abs(weights.get(concept, 0)) for concept in concepts), suggestion))
    found.sort(key=lambda pair: -pair[0])
    return tuple(suggestion for _, suggestion in found[:MOST_ACTIONS])
