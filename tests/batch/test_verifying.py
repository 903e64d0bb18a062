"""Records computed again from the history and the stored answers of the model."""

import json
from datetime import date

import pytest
from sqlalchemy import update

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.pipeline import Setup
from churn_agent.batch.cascade import Top
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.batch.verifying import compared, verify
from churn_agent.domain.assessment import Assessment
from churn_agent.history import answers, tables
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.conftest import write_csv
from tests.elicitation.second import Second

DAY = date(2026, 3, 1)
LEAVES = "I will cancel my contract"
ROWS = [
    *(f"c-1,2025-{month}-10,order,1 x tea" for month in ("09", "10", "11")),
    f"c-1,2026-02-10,chat,{LEAVES} by 30 June 2026.",
    "c-2,2026-01-10,order,1 x tea",
    "c-2,2026-02-10,chat,It is too dear.",
    "c-3,2026-02-20,order,1 x tea",
]
QUOTES = {"generate": [{"contains": LEAVES, "answer": {"signals": [{"quote": LEAVES, "signal": "leaving_announced"}]}}]}


def opened(folder, **settings):
    return ChurnAgent(Settings(store=folder, prompt="direct", **settings), model=ScriptedModel(QUOTES))


@pytest.fixture
def store(tmp_path):
    """A store with two runs, of which the second starts from the bands and announcements of the first."""
    with opened(tmp_path / "store") as agent:
        agent.ingest([write_csv(tmp_path / "a.csv", *ROWS)])
        run_batch(agent, tmp_path / "a.jsonl", BatchSpec(as_of=date(2026, 2, 15)))
        run_batch(agent, tmp_path / "b.jsonl", BatchSpec(as_of=DAY))
    return tmp_path / "store"


def stored(agent, customer_id="c-1"):
    with agent.history.connect() as connection:
        rows = connection.execute(tables.records.select().where(tables.records.c.customer_id == customer_id)).all()
    return max(rows, key=lambda row: row.id)


def rewrite(agent, row, record):
    with agent.history.begin() as connection:
        connection.execute(update(tables.records).where(tables.records.c.id == row.id).values(record=record))


def test_untouched_records_are_as_computed_and_no_model_is_asked(store, monkeypatch):
    def ask(*_):
        raise AssertionError("the model was asked")

    monkeypatch.setattr(ScriptedModel, "generate", ask)
    monkeypatch.setattr(ScriptedModel, "score_labels", ask)
    with opened(store) as agent:
        for run in agent.store.runs():
            done = verify(agent, run.id)
            assert (list(done.differences), done.not_verified) == ([], {})
            assert done.verified >= 2


def leaves(value, path=()):
    """Paths and values of the single values in a document."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name))
    elif isinstance(value, list):
        for n, part in enumerate(value):
            yield from leaves(part, (*path, n))
    else:
        yield path, value


OTHER = {
    "status": "abstained", "band": "low", "band_before": "medium", "polarity": "protective", "urgency": "this_month",
    "date": "2020-01-01", "ends_on": "2020-01-01", "as_of": "2026-03-01", "occurred_at": "2020-01-01T00:00:00+00:00",
}  # fmt: skip
MADE_WITH = {"schema_version", "customer_id", "as_of"}
"""Fields that say which record it is."""


def other(path, value):
    """Another value of the same kind; None if the test leaves it."""
    if path[0] in MADE_WITH or (path[0] == "provenance" and path[1] not in ("evidence_ids", "rejected_quotes")):
        return None
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 if value else 0.5
    if path[-1] in OTHER:
        return OTHER[path[-1]]
    return None if value is None else f"{value}x"


def test_each_field_of_a_record_that_was_changed_is_named(store):
    with opened(store) as agent:
        row = stored(agent)
        right = Assessment.model_validate(row.record)
        changed = 0
        for path, value in leaves(row.record):
            new = other(path, value)
            if new is None or new == value:
                continue
            record = json.loads(json.dumps(row.record))
            part = record
            for step in path[:-1]:
                part = part[step]
            part[path[-1]] = new
            differences = compared(Assessment.model_validate(record), right)
            assert {one.field.partition(".")[0] for one in differences} == {path[0]}, path
            changed += 1
    assert changed > 40
    assert compared(right, right) == []


def test_a_difference_has_the_path_and_both_values(store):
    with opened(store) as agent:
        row = stored(agent)
        record = json.loads(json.dumps(row.record))
        right = record["reasons"][0]["contribution"]
        record["reasons"][0]["contribution"] = 0.5
        rewrite(agent, row, record)
        [one] = verify(agent).differences
    assert (one.customer_id, one.field) == ("c-1", "reasons.leaving_announced.contribution")
    assert (one.stored, one.computed) == (0.5, right)


def test_an_interaction_that_was_imported_afterwards_is_named_by_the_facts_that_it_changes(store, tmp_path):
    with opened(store) as agent:
        agent.ingest([write_csv(tmp_path / "late.csv", "c-2,2026-02-25,order,1 x tea")])
        done = verify(agent)
    assert {one.customer_id for one in done.differences} == {"c-2"}
    assert "facts.recency.value" in {one.field for one in done.differences}


def test_another_setting_of_the_bands_is_named(store):
    with opened(store, band_margin=2.0) as agent:
        assert all(one.field.startswith(("band", "actions", "churn")) for one in verify(agent).differences)


def test_answers_that_are_gone_are_counted_and_not_asked_for_again(store):
    with opened(store) as agent:
        answers.prune(agent.history, 0)
        done = verify(agent)
    assert dict.fromkeys(done.not_verified.values()) == {"the model's answer is not stored": None}
    assert set(done.not_verified) == {"c-1", "c-2"}  # the third wrote nothing
    assert done.verified == 1


def test_the_limits_of_evidence_are_those_of_the_run(store):
    with opened(store, evidence_limit=1, evidence_tokens=50) as agent:
        assert not verify(agent).differences


def test_the_command_exits_with_1_on_a_difference_and_with_5_if_it_cannot_tell(store, cli, tmp_path):
    (tmp_path / "script.json").write_text(json.dumps(QUOTES))
    same = ("--store", store, "runs", "verify", "--model", f"scripted:{tmp_path / 'script.json'}", "--prompt", "direct")
    sound = cli(*same)
    assert (sound.code, sound.out) == (0, "3 of 3 records are as computed now\n")
    with opened(store) as agent:
        row = stored(agent)
        rewrite(agent, row, {**row.record, "leaning": 9.0})
    differs = cli(*same)
    assert differs.code == 1
    assert differs.out.startswith("c-1  leaning: 9.0 -> ")
    assert "2 of 3 records are as computed now" in differs.out
    assert cli(*same, "--json").json["differences"][0]["field"] == "leaning"
    with opened(store) as agent:
        rewrite(agent, row, row.record)
        answers.prune(agent.history, 0)
    gone = cli(*same)
    assert gone.code == 5
    assert "2 records not computed again: the model's answer is not stored" in gone.out


MANY = [f"s-{n},2026-02-{day:02d},email,Message {day} of {n}." for n in range(8) for day in range(1, 6)]


@pytest.mark.parametrize("prompt", ["direct", "words", "encoder"])
def test_customers_who_were_only_screened_are_verified_by_what_was_read(tmp_path, monkeypatch, prompt):
    with opened(tmp_path / "store").varied(prompt=prompt) as agent:
        if prompt == "encoder":
            second = Second(leaving_announced=("Message 3 of 4", 0.97))
            second.id = agent.prompt.thresholds.combiner.reader
            monkeypatch.setattr(Setup, "second_reader", second)
        agent.ingest([write_csv(tmp_path / "a.csv", *MANY)])
        agent.assess("s-5", as_of=date(2026, 2, 3))  # paid for: these messages are read in later screenings
        run_batch(agent, tmp_path / "a.jsonl", BatchSpec(as_of=DAY, top=Top(count=1)))
        done = verify(agent)
        assert (list(done.differences), done.not_verified, done.verified) == ([], {}, 8)
        screened = next(row for row in (stored(agent, f"s-{n}") for n in range(8)) if row.record["screening"])
        rewrite(agent, screened, {**screened.record, "screening": 0.123})
        [one] = verify(agent).differences
        assert (one.customer_id, one.field, one.stored) == (screened.customer_id, "screening", 0.123)
        agent.ingest([write_csv(tmp_path / "late.csv", f"{screened.customer_id},2026-02-25,email,Later words.")])
        late = verify(agent)
        assert late.not_verified or "provenance.evidence_ids" in {one.field for one in late.differences}
