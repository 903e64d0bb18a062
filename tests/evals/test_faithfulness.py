import json
import math
from datetime import date

import pytest

from churn_agent import ChurnAgent
from churn_agent.domain.assessment import Assessment, Citation, Reason
from churn_agent.evals.checks.faithfulness import Moved, moved, summarise
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.conftest import write_csv

AS_OF = date(2026, 3, 1)
TELLING = "I am leaving you"
LEAVES = {"statement": {"A": math.log(0.9), "B": math.log(0.1), "C": -9.0}}
STAYS = {"statement": {"A": math.log(0.5), "B": math.log(0.5), "C": -9.0}}


@pytest.fixture
def judge(tmp_path):
    """Leans to leaving whenever it sees the telling message."""
    script = {"score": [{"contains": TELLING, "answer": LEAVES}, {"contains": "", "answer": STAYS}]}
    rows = [f"c-1,2026-02-{day:02},chat,{TELLING if day == 3 else f'message {day}'}" for day in range(1, 6)]
    with ChurnAgent(Settings.load(store=tmp_path / "store", mode="ask"), model=ScriptedModel(script)) as agent:
        agent.ingest([write_csv(tmp_path / "a.csv", *rows)])
        yield agent


def citing(case, *texts):
    cited = [
        Citation(interaction_id=e.interaction.id, label=e.label, quote=e.text, occurred_at=e.interaction.occurred_at,
                 verified=True)
        for e in case.pack.evidence
        if e.text in texts
    ]  # fmt: skip
    reason = Reason(statement="s", polarity="risk", concept="c", citations=tuple(cited))
    return Assessment.model_construct(reasons=(reason,) if cited else ())


def test_evidence_that_carries_the_score_moves_it_more_than_any_other(judge):
    case = judge.evidence("c-1", as_of=AS_OF)
    found = moved(case, citing(case, TELLING), judge)
    assert found == Moved(
        without_cited=pytest.approx(math.log(9)), without_random=0, only_cited=0, only_random=pytest.approx(math.log(9))
    )


def test_evidence_that_does_not_is_told_from_it(judge):
    case = judge.evidence("c-1", as_of=AS_OF)
    found = moved(case, citing(case, "message 2"), judge)
    assert found.without_cited == 0
    assert found.only_cited == pytest.approx(math.log(9))
    assert 0 < found.without_random < math.log(9)  # some of the draws hold the telling message


def test_where_random_evidence_would_say_nothing_nothing_is_measured(judge):
    case = judge.evidence("c-1", as_of=AS_OF)
    assert moved(case, citing(case), judge) is None
    assert moved(case, citing(case, TELLING, "message 1", "message 2"), judge) is None


def test_the_ratio_has_an_interval_over_customers():
    found = summarise("set", [Moved(2.0 + 0.1 * i, 0.5 + 0.05 * (i % 3), 0.1, 1.0) for i in range(20)])
    assert found.n == 20
    assert found.ratio == pytest.approx(2.95 / 0.5475, rel=1e-3)
    assert 1 < found.ratio_low < found.ratio < found.ratio_high
    assert summarise("set", []) is None


def test_from_the_command_line(cli, book_folder, monkeypatch, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps({"score": []}))
    monkeypatch.setenv("CHURN_AGENT_MODEL", f"scripted:{tmp_path / 's.json'}")
    result = cli("eval", "faithfulness", book_folder, "--limit", 6, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out) == []
    assert "no customer has cited evidence" in result.err
