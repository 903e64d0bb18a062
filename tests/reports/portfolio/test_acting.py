"""When to act, and why no action fits."""

from datetime import date

import pytest

from churn_agent.content.playbook import Playbook
from churn_agent.domain.assessment import Fact, Reason
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.reports.portfolio import acting
from tests.conftest import interaction
from tests.reports.test_rendering import record

DAY = date(2026, 3, 1)


def playbook(**changes):
    action = {"id": "call", "title": "Call", "what": "Call them.", "addresses": ("price",), "urgency": "today", "cost": 1,
              "owner": "sales", "channel": "phone"}  # fmt: skip
    return Playbook.model_validate({"version": 1, "actions": (action | changes,)})


def without_actions(concept="price", band="high"):
    reason = Reason(statement="Finds it too expensive.", polarity="risk", concept=concept, contribution=0.6)
    return record().model_copy(update={"actions": (), "reasons": (reason,), "band": band})


def customer(*interactions):
    return Snapshot("c-1", DAY, Card(), interactions)


@pytest.mark.parametrize(
    ("concept", "changes", "words"),
    [
        ("recency", {}, "no action in the playbook answers these reasons"),
        ("price", {}, "the reasons weigh too little for an action"),
        ("price", {"when": "band = low"}, "the condition of “Call” does not hold (band = low)"),
        ("price", {"cooldown_days": 30}, "“Call” was done in the last 30 days"),
    ],
)
def test_where_no_action_fits_the_reason_is_said(concept, changes, words):
    done = interaction(direction="outbound", metadata={"action": "call"}) if "cooldown_days" in changes else None
    snapshot = customer(*([done] if done else []))
    if done:
        snapshot = Snapshot("c-1", Card().local(done.occurred_at).date(), Card(), (done,))
    assert acting.why_none(without_actions(concept), playbook(**changes), snapshot) == words


def test_an_action_is_due_by_its_urgency_and_before_it_is_too_late():
    today = record()
    week = today.model_copy(update={"actions": (today.actions[0].model_copy(update={"urgency": "this_week"}),)})
    assert acting.due(today) == DAY
    assert acting.due(week) == date(2026, 3, 8)
    assert acting.due(week, ends=(None, date(2026, 2, 1), date(2026, 3, 5))) == date(2026, 3, 5)
    assert acting.due(without_actions()) is None


def test_the_last_day_for_notice_comes_from_the_contract():
    fact = Fact(name="notice_deadline", value=4, unit="days", text="The last day to give notice is 2026-03-05.")
    assert acting.last_day_for_notice(record().model_copy(update={"facts": (fact,)})) == date(2026, 3, 5)
    assert acting.last_day_for_notice(record()) is None
