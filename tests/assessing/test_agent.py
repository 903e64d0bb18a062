from datetime import date

import pytest

from churn_agent import ChurnAgent
from churn_agent.assessing import pipeline, screening
from churn_agent.assessing.pipeline import examples_of
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError, ModelUnavailable
from churn_agent.history import answers, records
from churn_agent.models.scripted import ScriptedModel
from churn_agent.scoring.prior import log_odds
from churn_agent.settings import Settings
from tests.conftest import sql_of, write_csv

DAY = date(2026, 3, 1)
WORDS = "The line is down again and nobody answers."
READ = {
    "generate": [
        {
            "contains": "line is down",
            "answer": {"signals": [{"quote": "The line is down again", "signal": "service_quality"}]},
        }
    ]
}
ROWS = [
    f'c-1,2026-02-20,chat,"{WORDS}"',
    "c-1,2026-01-10,order,2 x tea",
    "c-1,2025-12-10,order,2 x tea",
    "c-2,2026-02-27,order,1 x tea",
    "c-3,2025-09-01,order,1 x tea",
    "c-3,2025-09-20,order,1 x tea",
]


@pytest.fixture
def store(tmp_path):
    with ChurnAgent(Settings.load(store=tmp_path / "store"), model=ScriptedModel()) as agent:
        agent.ingest([write_csv(tmp_path / "a.csv", *ROWS)])
    return tmp_path / "store"


def open_agent(store, script=None, **settings):
    return ChurnAgent(Settings.load(store=store, prompt="direct", **settings), model=ScriptedModel(script))


def test_the_record_says_what_was_found_and_how(store):
    with open_agent(store, READ) as agent:
        record = agent.assess("c-1", as_of=DAY)
        assert records.of_customer(agent.history, "c-1") == [record]
    assert record.status == "assessed"
    assert 0 < record.churn_probability.value < 1
    assert not record.churn_probability.calibrated
    [reason] = [reason for reason in record.reasons if reason.concept == "service_quality"]
    assert reason.citations[0].quote == "The line is down again"
    assert record.actions[0].playbook_id == "escalate_problem"
    assert record.provenance.model_id == "scripted (no language model)"
    assert record.provenance.prompt == "read/direct@1"
    assert len(record.provenance.evidence_ids) == 1
    assert Assessment.model_validate_json(record.model_dump_json()) == record


def test_contributions_add_up_to_the_score(store):
    from math import log

    from churn_agent.scoring import prior

    with open_agent(store, READ) as agent:
        record = agent.assess("c-1", as_of=DAY)
        parts = prior.fact_contributions(record.facts, horizon_days=90)
        told = {part.concept: part.log_odds for part in parts}
        told |= {reason.concept: reason.contribution for reason in record.reasons}
        raw = record.churn_probability.raw
        assert log(raw / (1 - raw)) == pytest.approx(prior.INTERCEPT + sum(told.values()), abs=0.01)


def test_who_wrote_nothing_has_the_score_of_the_facts_alone(store):
    with open_agent(store, READ) as agent:
        silent = agent.assess("c-3", as_of=DAY)
        snapshots = [agent.snapshot("c-3", as_of=DAY)]
        told = examples_of(agent.store, snapshots, [True], needs=(), companies=frozenset())
        assert told.facts_score == pytest.approx(log_odds(silent.churn_probability.raw), abs=0.01)
        gone = [(fact.concept, fact.contribution) for fact in silent.reasons][:1]
        assert told.without(gone, {}).facts_score == pytest.approx(told.facts_score - gone[0][1])
        said = told.without([("price", 0.5)], {})
        assert said.facts_score == told.facts_score


def test_the_second_assessment_asks_nothing_anew(store):
    with open_agent(store, READ) as agent:
        first = agent.assess("c-1", as_of=DAY)
        kept = answers.count(agent.history)
        second = agent.assess("c-1", as_of=DAY)
        assert answers.count(agent.history) == kept > 0
    assert (first.provenance.cached_answers, second.provenance.cached_answers) == (0, kept)
    assert second.churn_probability == first.churn_probability


def test_too_little_history_abstains(store):
    with open_agent(store) as agent:
        record = agent.assess("c-2", as_of=DAY)
    assert record.status == "abstained"
    assert "too little history" in record.status_reason
    assert record.churn_probability is None
    assert record.band is None
    assert (record.reasons, record.actions) == ((), ())


def test_without_words_it_counts_how_long_a_customer_is_known(store):
    with open_agent(store) as agent:
        assert agent.assess("c-2", as_of=date(2026, 3, 5)).status == "abstained"
        assert agent.assess("c-2", as_of=date(2026, 3, 6)).status == "assessed"
    with open_agent(store, least_days_known=0) as agent:
        assert agent.assess("c-2", as_of=DAY).status == "assessed"


def test_a_history_without_words_is_judged_by_its_facts(store):
    with open_agent(store) as agent:
        record = agent.assess("c-3", as_of=DAY)
    assert record.status == "assessed"
    assert {reason.concept for reason in record.reasons} >= {"recency", "active_days"}


@pytest.mark.parametrize("mode", ["read", "ask", "explain"])
def test_a_model_that_fails_makes_a_failed_record_and_no_number(store, mode):
    script = {kind: [{"contains": "line is down", "error": "the model broke"}] for kind in ("generate", "score")}
    prompt = {"read": "direct", "ask": "lettered", "explain": "direct"}[mode]
    with ChurnAgent(Settings.load(store=store, mode=mode, prompt=prompt), model=ScriptedModel(script)) as agent:
        broken, fine = agent.assess_many(["c-1", "c-3"], as_of=DAY)
    assert (broken.status, broken.status_reason) == ("failed", "the model broke")
    assert broken.churn_probability is None
    assert fine.status == "assessed"


def test_a_low_score_that_is_no_probability_rules_no_action_out(tmp_path):
    days = [f"c-9,2026-{month}-{day:02},order,1 x tea" for month in ("01", "02") for day in range(1, 28)]
    script = {
        "generate": [
            {"contains": "rises", "answer": {"signals": [{"quote": "The price rises again", "signal": "price"}]}}
        ]
    }
    with open_agent(tmp_path / "store", script) as agent:
        agent.ingest([write_csv(tmp_path / "a.csv", *days, 'c-9,2026-02-27,chat,"The price rises again."')])
        record = agent.assess("c-9", as_of=DAY)
    assert record.band == "low"
    assert "plan_check" in [action.playbook_id for action in record.actions]


def test_only_the_playbook_speaks_of_offers(store):
    answer = {
        "reasons": [{"statement": "Unhappy.", "polarity": "risk", "evidence": "E2", "quote": "line is down again"}],
        "actions": ["free_phone_for_all", "escalate_problem"],
        "churn_probability": 0.8,
    }
    script = {"generate": [{"contains": "", "answer": answer}]}
    with ChurnAgent(Settings.load(store=store, mode="explain"), model=ScriptedModel(script)) as agent:
        record = agent.assess("c-1", as_of=DAY)
    assert [reason.statement for reason in record.reasons] == ["Unhappy."]
    assert "free_phone" not in record.model_dump_json()
    assert [action.playbook_id for action in record.actions] == ["escalate_problem"]


def test_a_base_rate_makes_no_second_number_of_a_score(store, tmp_path):
    with open_agent(store, READ) as agent:
        plain = agent.assess("c-1", as_of=DAY).churn_probability
        (tmp_path / "card.yaml").write_text("base_rate: 0.05\n")
        agent.ingest([], card=tmp_path / "card.yaml")
        with_rate = agent.assess("c-1", as_of=DAY).churn_probability
    assert with_rate == plain.model_copy(update={"base_rate": 0.05})
    assert with_rate.value == with_rate.raw == with_rate.shown


def test_near_a_boundary_the_band_of_an_earlier_date_is_kept(store):
    def bands(margin):
        with open_agent(store, band_margin=margin) as agent:
            return [agent.assess("c-3", as_of=day) for day in (date(2025, 9, 21), DAY)]

    (first, free), (_, held) = bands(0.0), bands(2.0)
    assert (first.band, first.band_before, free.band, free.band_before) == ("low", None, "medium", "low")
    assert held.band == held.band_before == "low"
    assert held.churn_probability == free.churn_probability


def test_a_text_needs_no_history_and_leaves_no_record(tmp_path):
    with open_agent(tmp_path / "empty", READ) as agent:
        record = agent.assess_text(WORDS, company="Acme")
        assert records.of_customer(agent.history, record.customer_id) == []
    assert record.status == "assessed"
    assert record.signals[0].concept == "service_quality"


def test_more_texts_than_can_be_shown_are_ranked_by_meaning(store, tmp_path):
    rows = [f"c-9,2026-02-{n:02},chat,message {n}" for n in range(1, 21)]
    with open_agent(store, evidence_limit=5) as agent:
        agent.ingest([write_csv(tmp_path / "b.csv", *rows)])
        phrases = agent.store._phrases
        agent.store.__dict__["embedder"] = Numbers()
        record = agent.assess("c-9", as_of=DAY)
        assert len(record.provenance.evidence_ids) == 5
        assert record.left_out.interactions == 15
        assert record.provenance.embedder == "numbers"
        assert agent.store.index() == 1  # what assess had not embedded: the message of c-1
        assert agent.store._index.text_ids() >= agent.store.indexed_text_ids() | set(phrases)


class Numbers:
    """An embedder by length."""

    id, revision, dimension = "numbers", "1", 4

    def encode(self, texts):
        return [vectors for _, vectors in self.stream(list(texts))]

    def stream(self, texts, progress=lambda done: None):
        import numpy as np

        for position, text in enumerate(texts):
            row = np.array([[1, len(text), len(text.split()), 2]], np.float32)
            yield position, row / np.linalg.norm(row)


def test_an_unknown_prompt_lists_those_that_exist(store):
    with (
        ChurnAgent(Settings.load(store=store, prompt="nothing"), model=ScriptedModel()) as agent,
        pytest.raises(InputError, match="few_shot"),
    ):
        agent.assess("c-1")


@pytest.mark.parametrize("how", ["assess", "screen", "read"])
def test_the_companies_of_a_book_are_looked_up_once_a_run_and_anew_in_the_next(tmp_path, monkeypatch, how):
    ids = [f"c-{n:02}" for n in range(50)]
    (tmp_path / "card.yaml").write_text("company_attribute: brand\ncompetitors: [Rival]\n")
    seen = []
    read, screened = pipeline.read, screening.read
    monkeypatch.setattr(pipeline, "read", lambda cases, *rest, **more: seen.extend(cases) or read(cases, *rest, **more))
    monkeypatch.setattr(
        screening, "read", lambda cases, *rest, **more: seen.extend(cases) or screened(cases, *rest, **more)
    )

    def brands(agent, name):
        rows = [f"{id_},{name} {n % 3}" for n, id_ in enumerate(ids)]
        agent.ingest([], customers=write_csv(tmp_path / f"{name}.csv", *rows, header="customer_id,brand"))

    def run(agent):
        match how:
            case "assess":
                return list(agent.assess_many(ids, as_of=DAY))
            case "screen":
                return list(agent.screen_many(ids, as_of=DAY))
            case "read":
                return list(agent.read_many(agent.snapshot(each, as_of=DAY) for each in ids))

    with ChurnAgent(Settings.load(store=tmp_path / "book"), model=ScriptedModel()) as agent:
        rows = [f"{id_},2026-02-01,chat,hello" for id_ in ids]
        agent.ingest([write_csv(tmp_path / "b.csv", *rows)], card=tmp_path / "card.yaml")
        for name in ("Acme", "Zenith"):
            brands(agent, name)
            seen.clear()
            with sql_of(agent.history) as statements:
                assert len(run(agent)) == len(ids)
            assert len([each for each in statements if "DISTINCT" in each and "customers" in each]) == 1
            assert {each.companies for each in seen} == {frozenset({f"{name} 0", f"{name} 1", f"{name} 2", "Rival"})}


def test_evidence_for_an_api_needs_no_server_and_an_assessment_says_that_there_is_none(store):
    api = {"model": "openai:m", "base_url": "http://127.0.0.1:9/v1", "request_attempts": 1}
    with ChurnAgent(Settings.load(store=store, prompt="direct", **api)) as agent:
        assert agent.evidence("c-1", as_of=DAY).pack.evidence
        with pytest.raises(ModelUnavailable, match="start the server"):
            agent.assess("c-1", as_of=DAY)
