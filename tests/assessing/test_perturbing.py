from datetime import date

import pytest

from churn_agent import ChurnAgent
from churn_agent.assessing.perturbing import perturbed, ways
from churn_agent.evidence.sessions import pieces
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.conftest import write_csv

ROWS = [f"c-1,2026-02-{day:02},chat,message of day {day}" for day in range(1, 21)]


@pytest.fixture
def agent(tmp_path):
    with ChurnAgent(Settings.load(store=tmp_path / "store"), model=ScriptedModel()) as opened:
        opened.ingest(
            [write_csv(tmp_path / "a.csv", *ROWS, "c-2,2026-02-01,order,1 x tea", "c-2,2026-02-02,order,tea")]
        )
        yield opened


@pytest.mark.slow
def test_each_perturbation_changes_what_it_says_and_no_more(agent):
    taken = [agent.snapshot(customer, as_of=date(2026, 3, 1)) for customer in ("c-1", "c-2")]
    plain, half, irrelevant, reworded = perturbed(agent, taken)

    def shown(each):
        return len(each.assessments[0].provenance.evidence_ids)

    assert (shown(plain), shown(half)) == (12, 6)
    assert {each.assessments[0].provenance.prompt for each in (plain, half, irrelevant)} == {"read/words@4"}
    assert reworded.assessments[0].provenance.prompt == "read/words_reworded@4"
    assert len(pieces(irrelevant.snapshots[0])) == len(pieces(taken[0])) + 1  # not a line of the last session
    [more] = [each for each in irrelevant.snapshots[0].interactions if each not in taken[0].interactions]
    assert "manual" in more.text
    assert more.occurred_at == taken[0].interactions[-1].occurred_at
    assert irrelevant.snapshots[1] is taken[1]

    def facts(each):
        return {f.name: f.value for f in each.assessments[0].facts if f.name not in ("interactions", "unanswered")}

    assert facts(irrelevant) == facts(plain)


def test_nothing_is_stored_and_progress_counts(agent):
    from churn_agent.history import records

    seen = []
    perturbed(agent, [agent.snapshot("c-1")], progress=lambda: seen.append(1))
    assert len(seen) == ways(agent) == 4
    assert records.of_customer(agent.history, "c-1") == []


def test_a_prompt_that_nobody_reworded_is_left_as_it_is(agent):
    other = agent.varied(prompt="few_shot")
    assert len(perturbed(other, [agent.snapshot("c-1")])) == ways(other) == 3
