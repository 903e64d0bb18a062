"""What moved a number, in parts that add up."""

from dataclasses import replace
from datetime import date

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.changes import PARTS, explain
from churn_agent.errors import NotAsMade
from churn_agent.models.scripted import ScriptedModel
from churn_agent.outcomes.training import train
from churn_agent.settings import Settings
from tests.conftest import sql_of, write_csv

BEFORE, NOW = date(2026, 1, 15), date(2026, 3, 1)
LEAVES = "I will cancel my contract."
SCRIPT = {
    "generate": [
        {"contains": LEAVES, "answer": {"signals": [{"quote": LEAVES, "signal": "leaving_announced"}]}},
        {"contains": "dear", "answer": {"signals": [{"quote": "too dear", "signal": "price"}]}},
    ]
}
ROWS = [
    *(f"c-{n},2025-{month:02}-10,order,1 x tea" for n in range(1, 4) for month in range(6, 13)),
    "c-1,2026-01-02,chat,It is too dear.",
    f"c-1,2026-02-10,chat,{LEAVES}",
    "c-2,2026-01-02,chat,It is too dear.",
]


@pytest.fixture
def store(tmp_path):
    with agent_on(tmp_path / "store") as agent:
        agent.ingest([write_csv(tmp_path / "a.csv", *ROWS)])
    return tmp_path / "store"


def agent_on(store, *, script=SCRIPT, name=None, **settings):
    model = ScriptedModel(script)
    if name:
        model._info = replace(model.info, id=name)
    return ChurnAgent(Settings.load(store=store, **{"prompt": "direct", **settings}), model=model)


def both(store, first=None, second=None):
    """Changes of all customers from a run by one agent to one by another."""
    with agent_on(store, **(first or {})) as agent:
        before = list(agent.assess_many(["c-1", "c-2", "c-3"], as_of=BEFORE))
    with agent_on(store, **(second or {})) as agent:
        now = list(agent.assess_many(["c-1", "c-2", "c-3"], as_of=NOW))
        found = dict(explain(agent, before, now))
    for change in found.values():
        assert sum(change.parts.values()) == pytest.approx(change.now - change.before, abs=1e-12)
        assert tuple(change.parts) == PARTS
    return found


def moved(change):
    return {name for name, part in change.parts.items() if abs(part) > 1e-9}


def test_time_and_new_words_are_told_apart(store):
    found = both(store)
    assert moved(found["c-1"]) == {"time passed", "new evidence"}
    assert found["c-1"].parts["new evidence"] > 0.2
    assert moved(found["c-2"]) == {"time passed"}
    assert found["c-3"].parts["time passed"] > 0


@pytest.mark.slow
def test_another_model_or_prompt_is_seen_on_what_was_known_before(store):
    deaf = {"script": {"generate": []}, "name": "deaf"}
    by_model = both(store, second=deaf)
    assert moved(by_model["c-2"]) == {"another model", "time passed"}
    assert by_model["c-2"].parts["another model"] < 0
    by_prompt = both(store, second={"prompt": "words"})
    assert moved(by_prompt["c-2"]) == {"another prompt", "time passed"}
    by_both = both(store, second=deaf | {"prompt": "words"})
    assert "another model" in moved(by_both["c-2"])


def test_a_prompt_of_another_mode_is_substituted_in_its_own_mode(store):
    """Prompts of two modes may have the same name."""

    def by(name, probability):
        answer = {"reasons": [], "actions": [], "churn_probability": probability}
        return {"name": name, "script": {"generate": [{"contains": "Facts on", "answer": answer}]}}

    change = both(store, first=by("first", 0.9) | {"mode": "explain"}, second=by("second", 0.6))["c-2"]
    assert change.before == pytest.approx(0.9)
    assert change.parts["another model"] == pytest.approx(0.6 - 0.9)
    assert change.parts["another prompt"] != 0


def test_numbers_that_cannot_be_made_again_are_not_explained(store):
    with agent_on(store) as agent:
        before = list(agent.assess_many(["c-1"], as_of=BEFORE))
        now = list(agent.assess_many(["c-1"], as_of=NOW))
    with (
        agent_on(store, name="another") as agent,
        pytest.raises(NotAsMade, match=r"c-1 at 2026-03-01 .* is now another"),
    ):
        dict(explain(agent, before, now))


def test_companies_are_looked_up_once_for_all_customers(store, tmp_path):
    with agent_on(store) as agent:
        (tmp_path / "card.yaml").write_text("company_attribute: company\n")
        agent.ingest([], card=tmp_path / "card.yaml")
        before = list(agent.assess_many(["c-1", "c-2", "c-3"], as_of=BEFORE))
        now = list(agent.assess_many(["c-1", "c-2", "c-3"], as_of=NOW))
        with sql_of(agent.history) as statements:
            assert len(dict(explain(agent, before, now))) == 3
    assert len([each for each in statements if "DISTINCT" in each and "customers" in each]) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("short_ladder")
def test_a_calibration_in_between_is_a_part_of_its_own(store, book_folder, tmp_path):
    with agent_on(store) as agent:
        before = list(agent.assess_many(["c-1", "c-2"], as_of=BEFORE))
        agent.ingest([book_folder])
        train(agent, "calibrated")
    with agent_on(store) as agent:
        now = list(agent.assess_many(["c-1", "c-2"], as_of=NOW))
        assert now[1].churn_probability.calibrated  # c-1 has announced that they leave
        found = dict(explain(agent, before, now))
    assert abs(found["c-2"].parts["another calibration"]) > 1e-6
    assert found["c-2"].parts["another model"] == found["c-2"].parts["another prompt"] == 0
    assert sum(found["c-1"].parts.values()) == pytest.approx(found["c-1"].total)


def test_who_has_no_number_in_one_of_them_is_left_out(store):
    with agent_on(store) as agent:
        before = list(agent.assess_many(["c-1"], as_of=BEFORE))
        now = list(agent.assess_many(["c-1", "c-2"], as_of=NOW))
        assert set(dict(explain(agent, before, now))) == {"c-1"}
