"""What people do with risk items: with codes, logged, and fed back as judgements."""

from datetime import date

import pytest

from churn_agent.errors import InputError
from churn_agent.followup.editing import Edit, edit
from churn_agent.followup.items import item, items
from churn_agent.followup.syncing import sync
from churn_agent.history.feedback import all_feedback

from .conftest import TODAY, open_agent


@pytest.fixture
def number(agent):
    sync(agent.store)
    [found] = items(agent.store, customer="c-1")
    return found.task.number


def test_an_item_has_its_reasons_with_quotes(agent, number):
    found, _ = item(agent.store, number)
    assert "They have given notice." in found.says
    assert found.as_dict()["reasons"][0]["quotes"][0]["quote"] == "I will cancel my contract"


def test_every_change_is_logged_with_before_after_code_and_note(agent, number):
    edit(agent.store, number, Edit(state="working", owner="Cleo", due=date(2026, 3, 9)), today=TODAY)
    task = edit(agent.store, number, Edit(state="saved", code="renewed", note="two more years"), today=TODAY)
    assert (task.state, task.owner, task.due, task.closed_on, task.code) == (
        "saved", "Cleo", date(2026, 3, 9), TODAY, "renewed"
    )  # fmt: skip
    _, log = item(agent.store, number)
    assert [(each.what, each.before, each.after, each.person) for each in log[1:]] == [
        ("state", "open", "working", True),
        ("owner", "Ana", "Cleo", True),
        ("due", "2026-03-03", "2026-03-09", True),
        ("state", "working", "saved", True),
    ]
    assert (log[-1].code, log[-1].note) == ("renewed", "two more years")


def test_a_reopened_item_has_no_code_and_no_closing_day(agent, number):
    edit(agent.store, number, Edit(state="lost", code="price"), today=TODAY)
    task = edit(agent.store, number, Edit(state="working"), today=TODAY)
    assert (task.state, task.closed_on, task.code) == ("working", None, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Edit(), "nothing to change"),
        (Edit(state="lost"), "a code is needed for 'lost'; use one of: price,"),
        (Edit(state="lost", code="renewed"), "'renewed' is not a code for 'lost'"),
        (Edit(override="low"), "a code is needed for 'override'"),
        (Edit(override="low", state="lost", code="price"), "an override is for an open item"),
        (Edit(state="working", code="price"), "belongs to a decision"),
        (Edit(code="price", note="x"), "belongs to a decision"),
        (Edit(state="cleared"), "only the program clears"),
        (Edit(note="x" * 2001), "at most 2000"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_nothing_is_stored(agent, number, change, said):
    before = item(agent.store, number)
    with pytest.raises(InputError, match=said):
        edit(agent.store, number, change, today=TODAY)
    assert item(agent.store, number) == before


def test_there_is_no_such_item(agent):
    with pytest.raises(InputError, match="there is no risk item 9; to list them"):
        edit(agent.store, 9, Edit(note="x"), today=TODAY)


def test_an_override_counts_and_is_a_judgement_of_the_assessment(agent, number):
    task = edit(agent.store, number, Edit(override="low", code="seasonal"), today=TODAY)
    assert (task.band, task.override, task.risk) == ("high", "low", "low")
    [judgement] = all_feedback(agent.history)
    assert (judgement.customer_id, judgement.verdict, judgement.run_id) == ("c-1", "disagree", task.run_id)
    assert "seasonal" in judgement.note
    again = edit(agent.store, number, Edit(override="high", code="other"), today=TODAY)
    assert again.override is None


@pytest.mark.parametrize(("state", "code", "n"), [("false alarm", "misread", 1), ("lost", "price", 0)])
def test_only_a_false_alarm_disagrees_with_the_assessment(agent, number, state, code, n):
    edit(agent.store, number, Edit(state=state, code=code), today=TODAY)
    assert len(all_feedback(agent.history)) == n


@pytest.mark.parametrize(("allowed", "name"), [(False, None), (True, "Eva")])
def test_names_of_staff_are_stored_only_if_the_settings_allow_it(store, allowed, name):
    with open_agent(store, staff_names=allowed) as agent:
        sync(agent.store)
        [found] = items(agent.store, customer="c-1")
        edit(agent.store, found.task.number, Edit(note="called"), by="Eva", today=TODAY)
        _, log = item(agent.store, found.task.number)
        assert log[-1].by == name
        assert log[-1].person


def test_items_are_listed_by_risk_then_by_due_day_and_by_owner(agent, number):
    assert next(iter(items(agent.store))).task.customer_id == "c-1"
    assert items(agent.store, owner="nobody") == []
    assert [found.task.customer_id for found in items(agent.store, owner="ANA", customer="c-1")] == ["c-1"]
    edit(agent.store, number, Edit(state="lost", code="price"), today=TODAY)
    assert items(agent.store, customer="c-1") == []
    assert len(items(agent.store, customer="c-1", states=None)) == 1


def test_an_item_is_overdue_after_its_due_day_while_it_is_open(agent, number):
    found, _ = item(agent.store, number)
    assert not found.overdue(date(2026, 3, 3))
    assert found.overdue(date(2026, 3, 4))
