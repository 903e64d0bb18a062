"""Suggests retention actions: only eligible actions of the playbook, for the reasons in an assessment."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from churn_agent.content.conditions import Value
from churn_agent.content.playbook import ATTRIBUTE, Playbook, PlaybookAction
from churn_agent.domain import permissions
from churn_agent.domain.assessment import Band, Fact, Reason, RetentionAction, Signal
from churn_agent.domain.snapshot import Snapshot

MOST_ACTIONS = 3
LEAST_WEIGHT = 0.25
"""Contribution to the score (log-odds) below which a reason calls for no action."""


def eligible(
    playbook: Playbook,
    snapshot: Snapshot,
    facts: Sequence[Fact],
    band: Band | None,
    signals: Sequence[Signal] | None = None,
) -> list[PlaybookAction]:
    """Returns the actions that are possible for this customer now, in channels that the customer has not refused.

    Args:
        playbook: all actions.
        snapshot: the customer at a date.
        facts: facts of the snapshot.
        band: None if it is not known yet.
        signals: from the customer's messages; None if they are not read yet.
    """
    known = _known(playbook, snapshot, facts, band, signals)
    return [
        action
        for action in playbook.actions
        if permitted(action, snapshot)
        and (action.condition is None or action.condition.holds(known) is not False)
        and not recently_done(action, snapshot)
    ]


def permitted(action: PlaybookAction, snapshot: Snapshot) -> bool:
    """Whether the customer has not refused the action's channel."""
    refused, medium = permissions.refused(snapshot.attributes), permissions.medium_of(action.channel)
    return medium not in refused if medium else refused != permissions.MEDIA


def recently_done(action: PlaybookAction, snapshot: Snapshot) -> bool:
    """Whether the action was done within its cooldown."""
    since = snapshot.card.end_of_day(snapshot.as_of) - timedelta(days=action.cooldown_days)
    return any(
        row.direction == "outbound" and row.metadata.get("action") == action.id and row.occurred_at > since
        for row in snapshot.interactions
    )


def _known(
    playbook: Playbook, snapshot: Snapshot, facts: Sequence[Fact], band: Band | None, signals: Sequence[Signal] | None
) -> dict[str, Value]:
    """The values that conditions can use, by name."""
    oldest = min((row.occurred_at for row in snapshot.interactions), default=None)
    tenure = (snapshot.card.end_of_day(snapshot.as_of) - oldest).days if oldest else 0
    known: dict[str, Value] = {f"{ATTRIBUTE}{name}": value for name, value in snapshot.attributes.items()}
    known |= {"domain": snapshot.card.domain, "tenure": float(tenure)} | ({"band": band} if band else {})
    if signals is not None:
        known |= dict.fromkeys(playbook.signals, 0.0) | {signal.concept: signal.strength for signal in signals}
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
        actions: eligible actions, in the order of the playbook.
        reasons: reasons of the assessment.
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
            what=action.what,
            talk_track=action.talk_track,
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
