"""One page before a call, assembled from facts and quotes: no model writes any of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from churn_agent.content.playbook import load_playbook
from churn_agent.domain import permissions
from churn_agent.domain.assessment import Assessment, Citation, Promised
from churn_agent.domain.days import real_day
from churn_agent.domain.permissions import Medium
from churn_agent.evidence import facts
from churn_agent.evidence.open_points import awaited_refunds, unanswered_questions
from churn_agent.evidence.people import People, people_of
from churn_agent.evidence.promises import open_promises
from churn_agent.followup.items import Item, items
from churn_agent.history import assignments, contacts, records
from churn_agent.history.records import Given
from churn_agent.reports import wording
from churn_agent.reports.portfolio import acting, values
from churn_agent.store.store import Store


@dataclass(frozen=True)
class Changes:
    """What has changed between two assessments."""

    before: Assessment
    new: Sequence[str]
    """Statements of reasons for churn that were not there before."""
    gone: Sequence[str]
    """Statements of reasons for churn that are no longer there."""


@dataclass(frozen=True)
class LastContact:
    """The company's last text to the customer."""

    on: date
    by: str | None
    """Its author; None unless the settings allow names of staff."""


@dataclass(frozen=True)
class Brief:
    """What to know before a call."""

    customer_id: str
    name: str | None
    as_of: date
    company: str
    owner: str | None
    customer_since: date | None
    """Day of the first interaction on record."""
    yearly_value: float | None
    renewal: date | None
    assessment: Assessment | None
    """The latest assessment up to the day; None if there is none."""
    changes: Changes | None
    facts: Sequence[str]
    """Sentences of the facts on the day."""
    people: People
    last_contact: LastContact | None
    promises: Sequence[Promised]
    """Ours, which are open; without the author, unless the settings allow names of staff."""
    questions: Sequence[Citation]
    """Theirs, without an answer."""
    refunds: Sequence[Citation]
    """Sentences about a refund that has not come."""
    items: Sequence[Item]
    """Open risk items."""
    no_action: str | None
    """Why there is nothing to offer, in a few words; None if there is, or without an assessment."""
    refused: frozenset[Medium]
    """Media in which they must not be contacted."""
    control: bool
    """Whether they are in a control group: not to be called, so that the effect of calls can be measured."""


def brief(store: Store, customer_id: str, *, as_of: date | None = None) -> Brief:
    """Assembles the page of a customer from the history and the latest stored assessment. It asks no model.

    Args:
        store: with the customer.
        customer_id: the customer.
        as_of: the day; the latest one in the store if not given.

    Raises:
        UnknownCustomer, EmptyStore: there is no such history.
    """
    snapshot = store.snapshot(customer_id, as_of=as_of)
    card, attributes, names = snapshot.card, snapshot.attributes, store.settings.staff_names
    given = [each for each in records.assessed(store.history, customer_id) if each.assessment.as_of <= snapshot.as_of]
    given.sort(key=lambda each: each.assessment.as_of)  # of a day, the last stored stays the last
    latest = given[-1] if given else None
    assessment = latest.assessment if latest else None
    spoken = contacts.last_contacts(
        store.history, until=card.end_of_day(snapshot.as_of), holds_words=card.holds_words
    ).get(customer_id)
    return Brief(
        customer_id=customer_id,
        name=snapshot.name,
        as_of=snapshot.as_of,
        company=snapshot.company,
        owner=attributes.get(card.owner_attribute) or None,
        customer_since=card.local(snapshot.interactions[0].occurred_at).date() if snapshot.interactions else None,
        yearly_value=values.value_of(attributes, card, values.main_currency([attributes], card))[0]
        if card.value_attribute
        else None,
        renewal=real_day(attributes.get(card.renewal_attribute)),
        assessment=assessment,
        changes=_changes(store, assessment),
        facts=[fact.text for fact in facts.compute(snapshot)],
        people=people_of(snapshot),
        last_contact=LastContact(card.local(spoken.at).date(), spoken.author if names else None) if spoken else None,
        promises=[each if names else each.model_copy(update={"by": None}) for each in open_promises(snapshot)],
        questions=unanswered_questions(snapshot),
        refunds=awaited_refunds(snapshot),
        items=items(store, customer=customer_id),
        no_action=acting.why_none(assessment, load_playbook(store.settings.prompts_dir), snapshot)
        if assessment and not assessment.actions and not assessment.care
        else None,
        refused=permissions.refused(attributes),
        control=_is_control(store, latest),
    )


def _changes(store: Store, now: Assessment | None) -> Changes | None:
    if now is None:
        return None
    before = records.before(store.history, now.customer_id, now.as_of, method=now.provenance.method)
    if before is None:
        return None
    old, new = (
        {reason.concept: wording.statement(reason) for reason in wording.cases(each)[0]} for each in (before, now)
    )
    return Changes(
        before,
        [statement for concept, statement in new.items() if concept not in old],
        [statement for concept, statement in old.items() if concept not in new],
    )


def _is_control(store: Store, latest: Given | None) -> bool:
    if latest is None or latest.run_id is None:
        return False
    own = assignments.of_run(store.history, latest.run_id)
    return any(each.arm == "control" and each.customer_id == latest.assessment.customer_id for each in own)
