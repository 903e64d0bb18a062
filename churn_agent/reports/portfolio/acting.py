"""When to act on a customer, and why no action is suggested where none is."""

from datetime import date, timedelta

from churn_agent.content.playbook import Playbook
from churn_agent.domain.assessment import Assessment, RetentionAction, Urgency
from churn_agent.domain.snapshot import Snapshot
from churn_agent.scoring import actions

_DAYS: dict[Urgency, int] = {"today": 0, "this_week": 7, "this_month": 30}
"""Urgency -> days after the assessment by which the action is due."""


def due(assessment: Assessment, *, ends: tuple[date | None, ...] = ()) -> date | None:
    """Returns the day by which the first action is due; None without an action.

    Args:
        assessment: with its actions.
        ends: days after which it is too late, such as the last day for notice; those that have passed do not count.
    """
    if not assessment.actions:
        return None
    by_urgency = assessment.as_of + timedelta(days=_DAYS[assessment.actions[0].urgency])
    return min([by_urgency, *(day for day in ends if day and day >= assessment.as_of)])


def last_day_for_notice(assessment: Assessment) -> date | None:
    """Returns the last day on which the customer can give notice, if the contract says so."""
    days = next((fact.value for fact in assessment.facts if fact.name == "notice_deadline"), None)
    return None if days is None else assessment.as_of + timedelta(days=days)


def no_capacity(action: RetentionAction) -> str:
    """Says that an action fits, but cannot be done for more customers before the next report."""
    return f"the capacity for \u201c{action.title}\u201d is used up"


def why_none(assessment: Assessment, playbook: Playbook, snapshot: Snapshot) -> str:
    """Returns why no action of the playbook is suggested, in words that follow a colon.

    Args:
        assessment: without actions.
        playbook: all actions.
        snapshot: the customer on the day of the assessment.
    """
    risks = [reason for reason in assessment.reasons if reason.polarity == "risk"]
    answering = [action for action in playbook.actions if any(reason.concept in action.addresses for reason in risks)]
    if not answering:
        return "no action in the playbook answers these reasons"
    possible = actions.eligible(playbook, snapshot, assessment.facts, assessment.band, assessment.signals)
    if any(action in possible for action in answering):
        return "the reasons weigh too little for an action"
    first = answering[0]
    if actions.recently_done(first, snapshot):
        return f"\u201c{first.title}\u201d was done in the last {first.cooldown_days} days"
    if not actions.permitted(first, snapshot):
        return f"the customer refuses the channel of \u201c{first.title}\u201d"
    return f"the condition of \u201c{first.title}\u201d does not hold ({first.when})"
