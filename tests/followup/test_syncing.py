"""Risk items are opened by rules, kept up to date by batches, and closed by people, or by themselves and said so."""

from datetime import date

import pytest

from churn_agent.evidence import people
from churn_agent.followup.editing import Edit, edit
from churn_agent.followup.syncing import sync
from churn_agent.history import assignments, feedback, records, runs, tasks
from churn_agent.history.assignments import Assignment
from churn_agent.history.feedback import Feedback

from .conftest import TODAY, changed, later, open_agent

RUN = "latest"


def items(agent):
    return tasks.read(agent.history)


def of_c1(agent):
    return [task for task in items(agent) if task.customer_id == "c-1"]


def outcomes(synced):
    return {each.customer_id: each.outcome for each in synced}


def test_a_batch_opens_one_item_for_a_customer_with_all_rules_that_are_true(agent):
    """Two rules that come to the same give one item that names both."""
    assert outcomes(sync(agent.store))["c-1"] == "opened"
    [task] = of_c1(agent)
    assert task.state == "open"
    assert {"notice_given", "high_risk"} <= set(task.rules)
    assert (task.owner, task.opened_on) == ("Ana", date(2026, 3, 1))
    assert task.due == date(2026, 3, 3)  # the second working day after a Sunday
    assert [entry.what for entry in tasks.log_of(agent.history, task.number)] == ["opened"]


def test_a_batch_that_is_taken_again_opens_and_logs_nothing(agent):
    sync(agent.store)
    before = items(agent)
    assert sync(agent.store) == []
    assert items(agent) == before


def test_a_dry_run_stores_nothing(agent):
    assert outcomes(sync(agent.store, dry_run=True))["c-1"] == "opened"
    assert items(agent) == []


def test_an_older_batch_changes_nothing_after_a_later_one(agent):
    sync(agent.store)
    before = items(agent)
    older = min(agent.store.runs(), key=lambda run: run.spec["as_of"])
    assert sync(agent.store, older.id) == []
    assert items(agent) == before


TAKEN_BACK = 'c-1,2026-03-05,chat,inbound,"I withdraw my cancellation, I want to stay."'


def test_an_item_closes_itself_when_its_reasons_are_no_longer_true_and_says_so(store, tmp_path):
    with open_agent(store) as agent:
        sync(agent.store)
    later(store, tmp_path, date(2026, 3, 8), TAKEN_BACK)
    with open_agent(store) as agent:
        assert outcomes(sync(agent.store))["c-1"] == "cleared"
        [task] = of_c1(agent)
        assert (task.state, task.closed_on, task.touched) == ("cleared", date(2026, 3, 8), False)
        entry = tasks.log_of(agent.history, task.number)[-1]
        assert not entry.person
        assert "its reasons are no longer true" in entry.note
        assert "taken back" in entry.note
        assert sync(agent.store) == []


@pytest.mark.parametrize("change", [Edit(state="working"), Edit(note="called"), Edit(owner="Ben")])
def test_an_item_that_a_person_touched_is_marked_and_not_closed(store, tmp_path, change):
    with open_agent(store) as agent:
        sync(agent.store)
        edit(agent.store, of_c1(agent)[0].number, change, today=TODAY)
    later(store, tmp_path, date(2026, 3, 8), TAKEN_BACK)
    with open_agent(store) as agent:
        assert outcomes(sync(agent.store))["c-1"] == "marked"
        [task] = of_c1(agent)
        assert task.active
        assert task.untrue_since == date(2026, 3, 8)
        assert sync(agent.store) == []


def test_the_item_of_somebody_who_has_left_closes_itself(store, tmp_path):
    gone = tmp_path / "gone.csv"
    gone.write_text(
        "customer_id,as_of,churned,horizon_days,left_on\nc-1,2026-03-01,1,90,2026-03-05\n", encoding="utf-8"
    )
    with open_agent(store) as agent:
        sync(agent.store)
        agent.store.ingest([], labels=gone)
    later(store, tmp_path, date(2026, 3, 8), 'c-1,2026-03-06,chat,inbound,"Bye."')
    with open_agent(store) as agent:
        assert outcomes(sync(agent.store))["c-1"] == "cleared"
        [task] = of_c1(agent)
        assert "no longer a customer" in tasks.log_of(agent.history, task.number)[-1].note


def test_true_again_after_it_was_cleared_is_another_item(store, tmp_path):
    again = "I will leave you for good"
    with open_agent(store) as agent:
        sync(agent.store)
    later(store, tmp_path, date(2026, 3, 8), TAKEN_BACK)
    with open_agent(store) as agent:
        sync(agent.store)
    later(store, tmp_path, date(2026, 3, 22), f"c-1,2026-03-20,chat,inbound,{again}", says=[again])
    with open_agent(store) as agent:
        assert outcomes(sync(agent.store))["c-1"] == "opened"
        first, second = of_c1(agent)
        assert (second.previous, second.state) == (first.number, "open")
        assert second.key != first.key


@pytest.mark.parametrize("state", ["false alarm", "accepted", "saved", "lost"])
def test_after_a_persons_decision_the_same_reasons_open_nothing_and_new_evidence_does(store, tmp_path, state):
    again = "I will leave you for good"
    code = {"false alarm": "misread", "accepted": "too small", "saved": "renewed", "lost": "price"}[state]
    with open_agent(store) as agent:
        sync(agent.store)
        edit(agent.store, of_c1(agent)[0].number, Edit(state=state, code=code), today=TODAY)
        assert "c-1" not in outcomes(sync(agent.store))
    later(store, tmp_path, date(2026, 3, 8))
    with open_agent(store) as agent:
        assert "c-1" not in outcomes(sync(agent.store))
    later(store, tmp_path, date(2026, 3, 22), f"c-1,2026-03-20,chat,inbound,{again}", says=[again])
    with open_agent(store) as agent:
        assert outcomes(sync(agent.store))["c-1"] == "opened"


def test_who_is_in_the_control_group_gets_no_item(agent):
    run = agent.store.run()
    assignments.replace(agent.history, run.id, [Assignment(run.id, "c-1", date(2026, 3, 1), "control", True)])
    [held] = [each for each in sync(agent.store) if each.customer_id == "c-1"]
    assert (held.outcome, held.number, held.why) == ("held back", None, "control group")
    assert of_c1(agent) == []


def test_what_a_manager_has_decided_in_the_report_opens_no_item(agent):
    feedback.add(agent.history, [Feedback(customer_id="c-1", as_of=date(2026, 3, 1), decision="none")])
    assert outcomes(sync(agent.store))["c-1"] == "held back"


def test_the_owner_follows_the_customer_file_until_a_person_chooses_one(store, tmp_path):
    with open_agent(store) as agent:
        sync(agent.store)
        number = of_c1(agent)[0].number

    def moved_to(owner, day):
        people = tmp_path / "people.csv"
        people.write_text(f"customer_id,owner\nc-1,{owner}\n")
        with open_agent(store) as agent:
            agent.ingest([], customers=people)
        later(store, tmp_path, day)
        with open_agent(store) as agent:
            sync(agent.store)
            return tasks.read(agent.history)[number - 1].owner

    assert moved_to("Ben", date(2026, 3, 8)) == "Ben"
    with open_agent(store) as agent:
        edit(agent.store, number, Edit(owner="Cleo"), today=TODAY)
    assert moved_to("Dan", date(2026, 3, 15)) == "Cleo"


@pytest.mark.parametrize("status", ["abstained", "failed"])
def test_a_customer_without_an_assessment_keeps_the_item_as_it_is(agent, status):
    """An abstention says nothing about reasons."""
    sync(agent.store)
    before = items(agent)
    run = agent.store.run()
    [record] = [each for each in records.of_run(agent.history, run.id) if each.customer_id == "c-1"]
    day = date(2026, 3, 8)
    none = changed(record, status=status, churn_probability=None, band=None, reasons=(), announced=None, as_of=day)
    runs.start(agent.history, "f" * 32, {**run.spec, "as_of": day.isoformat()})
    records.add(agent.history, none, run_id="f" * 32)
    assert sync(agent.store, "f" * 32) == []
    assert items(agent) == before


def test_merged_customers_have_one_open_item(store, tmp_path):
    with open_agent(store) as agent:
        sync(agent.store)
        with agent.history.begin() as connection:
            days = dict.fromkeys(("opened_on", "as_of", "checked_on"), date(2026, 3, 1))
            values = {"customer_id": "c-2", "state": "open", "rules": ["high_risk"], "run_id": "r", **days}
            tasks.add(connection, values, [])
        agent.store.merge_customers("c-2", "c-1")
    later(store, tmp_path, date(2026, 3, 8))
    with open_agent(store) as agent:
        sync(agent.store)
        active = [task for task in items(agent) if task.active and task.customer_id in ("c-1", "c-2")]
        assert len(active) == 1


@pytest.mark.parametrize(("asked", "read"), [(True, {"c-1"}), (False, set[str]())])
def test_people_are_read_only_where_a_rule_depends_on_them(store, tmp_path, monkeypatch, asked, read):
    rule = "band = high and people_left >= 0" if asked else "band = high"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "tasks.yaml").write_text(
        f"version: 1\nrules: [{{id: r, says: R., when: {rule}}}]\ndue_days: {{high: 1, medium: 1, low: 1}}\n"
        "codes: {override: [x], saved: [x], lost: [x], accepted: [x], false alarm: [x]}\n"
    )
    asked_for = set[str]()
    real = people.people_of
    monkeypatch.setattr(people, "people_of", lambda snapshot: asked_for.add(snapshot.customer_id) or real(snapshot))
    with open_agent(store, prompts_dir=tmp_path / "own") as agent:
        assert outcomes(sync(agent.store)) == {"c-1": "opened"}
    assert asked_for == read
