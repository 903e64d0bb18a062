"""The lists of a report: who has given notice, early warnings, and who is on neither and why."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

from churn_agent.domain import permissions
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Card
from churn_agent.history import interactions
from churn_agent.history.feedback import Feedback
from churn_agent.outcomes.deriving import TREATMENTS, is_treatment
from churn_agent.store.store import Store

ListName = Literal["notice given", "early warnings"]
TREATED_DAYS = 14
"""Days after an action during which somebody is on the case."""
FEEDBACK_DAYS = 30
"""Days for which an account manager's decision or "already known" holds."""
NO_REASON_UNDER_CONTRACT = frozenset({"active_days", "days_to_renewal", "tenure"})
"""Facts for which nobody under a contract is called."""


def recently_treated(store: Store, card: Card, day: date) -> dict[str, date]:
    """Customer -> day of the latest action of the last `TREATED_DAYS`."""
    marked = interactions.with_metadata(
        store.history,
        TREATMENTS,
        after=card.end_of_day(day - timedelta(days=TREATED_DAYS)),
        until=card.end_of_day(day),
    )
    return {row.customer_id: card.local(row.occurred_at).date() for row in marked if is_treatment(row)}


def decided(feedback: Sequence[Feedback], day: date) -> dict[str, Feedback]:
    """Customer -> the latest feedback of the last `FEEDBACK_DAYS`."""
    since = day - timedelta(days=FEEDBACK_DAYS)
    rows = [row for row in feedback if since <= row.as_of <= day]
    return {row.customer_id: row for row in sorted(rows, key=lambda row: row.as_of)}


def why_not_listed(
    assessment: Assessment, attributes: Mapping[str, str], treated_on: date | None, feedback: Feedback | None
) -> str | None:
    """The reason why a customer is on no list, for readers; None if none holds."""
    if assessment.former:
        return "former customer"
    if assessment.care:
        return "needs a person's attention first"
    refused = permissions.refused(attributes)
    if "phone" in refused:
        return "not to be contacted" if refused == permissions.MEDIA else "not to be called"
    if treated_on:
        return f"contacted on {treated_on}"
    if feedback and feedback.decision:
        return "nothing for now" if feedback.decision == "none" else "an action is decided"
    if feedback and feedback.verdict == "already known":
        return "already known"
    if assessment.promised and assessment.promised.due >= assessment.as_of:
        by = f" by {assessment.promised.by}" if assessment.promised.by else ""
        return f"promised for {assessment.promised.due}{by}"
    return None


def list_of(assessment: Assessment, why_not: str | None, *, worth_a_call: bool, bound: bool) -> ListName | None:
    """The list of a customer; None if on neither.

    Args:
        assessment: of the customer.
        why_not: see `why_not_listed`.
        worth_a_call: whether the number says so.
        bound: whether the customer has a contract, under which few active days do not justify a call.
    """
    if why_not:
        return None
    if assessment.announced and assessment.announced.stands:
        return "notice given"
    risks = {reason.concept for reason in assessment.reasons if reason.polarity == "risk"}
    return "early warnings" if worth_a_call and risks - (NO_REASON_UNDER_CONTRACT if bound else frozenset()) else None
