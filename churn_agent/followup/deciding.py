"""What a batch means for a customer's risk item: open one, bring it up to date, close it, or leave it alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from churn_agent.domain.assessment import Assessment, Band
from churn_agent.history.tasks import Entry, Task

Outcome = Literal["opened", "updated", "cleared", "marked", "unchanged", "held back"]
_RANK: Mapping[Band | None, int] = {None: 0, "low": 1, "medium": 2, "high": 3}


@dataclass(frozen=True)
class Case:
    """A customer in a batch."""

    assessment: Assessment
    rules: tuple[str, ...]
    """Ids of the rules that are true."""
    owner: str | None
    due: date
    """Day by which an item of this batch is due."""
    barred: str | None = None
    """Why no item is opened; None if nothing speaks against it."""
    why_untrue: str = ""
    """Why no rule is true, in a few words."""


@dataclass(frozen=True)
class Decision:
    """A change of an item, or a new one."""

    outcome: Outcome
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    entries: tuple[Entry, ...] = ()
    why: str | None = None


def decide(case: Case, run_id: str, latest: Task | None, earlier: Assessment | None) -> Decision:
    """Decides what a batch means for a customer.

    An open item is brought up to date while any rule is true. If none is, it is closed, unless a person has touched it:
    then it is marked. After a closed item, another one needs a new occasion.

    Args:
        case: the customer in the batch, with an assessment.
        run_id: the batch.
        latest: the customer's latest item; None without one.
        earlier: the record with the reasons of that item.
    """
    if latest and case.assessment.as_of < latest.checked_on:
        return Decision("unchanged")  # a later batch has been taken into account
    if latest and latest.active:
        return _updated(case, run_id, latest) if case.rules else _no_longer_true(case, latest)
    if not case.rules or (latest and not is_new_occasion(case, latest, earlier)):
        return Decision("unchanged")
    if case.barred:
        return Decision("held back", why=case.barred)
    return _opened(case, run_id, latest)


def merged_into(task: Task, other: int) -> Decision:
    """Closes one of two open items of a customer whose ids were merged, unless a person has touched it."""
    if task.touched:
        return Decision("unchanged")
    why = f"ids of the customer were merged, and item {other} is open as well"
    values = {"state": "cleared", "closed_on": task.checked_on}
    return Decision("cleared", values, (Entry("state", task.state, "cleared", note=why),), why)


def is_new_occasion(case: Case, closed: Task, earlier: Assessment | None) -> bool:
    """Whether there is something new since an item was closed.

    After an item that the program has closed, a later batch in which a rule is true is a new occasion. After a
    person's decision it takes another rule, a higher band, or a message that the item did not cite and that is later.
    """
    assessment = case.assessment
    if closed.state == "cleared":
        return assessment.as_of > closed.checked_on
    if set(case.rules) - set(closed.rules) or _RANK[assessment.band] > _RANK[closed.band]:
        return True
    known = cited(earlier).keys() if earlier else set[str]()
    return any(id_ not in known and day > closed.as_of for id_, day in cited(assessment).items())


def cited(assessment: Assessment) -> dict[str, date]:
    """Returns message -> its day, for the messages with verified quotes of risk, whether or not a reason shows them."""
    shown = (*assessment.reasons, *assessment.signals)
    citations = [each for part in shown if part.polarity == "risk" for each in part.citations if each.verified]
    if assessment.announced and assessment.announced.citation:
        citations.append(assessment.announced.citation)
    return {citation.interaction_id: citation.occurred_at.date() for citation in citations}


def _opened(case: Case, run_id: str, latest: Task | None) -> Decision:
    assessment = case.assessment
    values = {
        "customer_id": assessment.customer_id,
        "previous": latest.number if latest else None,
        "state": "open",
        "rules": case.rules,
        "band": assessment.band,
        "owner": case.owner,
        "due": case.due,
        "opened_on": assessment.as_of,
        "run_id": run_id,
        "as_of": assessment.as_of,
        "checked_on": assessment.as_of,
    }
    return Decision("opened", values, (Entry("opened", after=", ".join(case.rules)),))


def _updated(case: Case, run_id: str, task: Task) -> Decision:
    assessment = case.assessment
    values: dict[str, Any] = {"customer_id": assessment.customer_id, "run_id": run_id}
    values |= {"as_of": assessment.as_of, "checked_on": assessment.as_of}
    entries: list[Entry] = []
    if case.rules != task.rules:
        values["rules"] = case.rules
        entries.append(Entry("rules", ", ".join(task.rules), ", ".join(case.rules)))
    if assessment.band != task.band:
        values["band"] = assessment.band
        raised = _RANK[assessment.band] > _RANK[task.band]
        if raised and not task.due_set and (task.due is None or case.due < task.due):
            values["due"] = case.due
            entries.append(Entry("due", str(task.due or ""), str(case.due), note=f"the risk is {assessment.band} now"))
    if not task.owner_set and case.owner and case.owner != task.owner:
        values["owner"] = case.owner
        entries.append(Entry("owner", task.owner, case.owner))
    if task.untrue_since:
        values["untrue_since"] = None
        entries.append(Entry("unmarked", note="its reasons are true again"))
    changed = entries or assessment.band != task.band
    return Decision("updated" if changed else "unchanged", values, tuple(entries))


def _no_longer_true(case: Case, task: Task) -> Decision:
    day = case.assessment.as_of
    why = f"its reasons are no longer true: {case.why_untrue}"
    if not task.touched:
        values = {"state": "cleared", "closed_on": day, "checked_on": day}
        return Decision("cleared", values, (Entry("state", task.state, "cleared", note=why),), why)
    if task.untrue_since:
        return Decision("unchanged", {"checked_on": day})
    return Decision("marked", {"untrue_since": day, "checked_on": day}, (Entry("marked", note=why),), why)
