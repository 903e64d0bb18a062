import math
from datetime import date

import pytest

from churn_agent import ChurnAgent, screening
from churn_agent.batch.cascade import cascade
from churn_agent.models.scripted import ScriptedModel
from churn_agent.prompts import load_prompt
from churn_agent.screening import MESSAGES

CHOICE = load_prompt("read").choice
WORDS = (*CHOICE.words.values(), CHOICE.nothing)


def shows(word, probability=0.9):
    rest = (1 - probability) / (len(WORDS) - 1)
    return {"word": {each: math.log(probability if each == word else rest) for each in WORDS}}


class Counting(ScriptedModel):
    """Knows who leaves, and counts what it is asked."""

    def __init__(self):
        scored = [{"contains": "cancel", "answer": shows("leave")}, {"contains": "", "answer": shows(CHOICE.nothing)}]
        super().__init__({"score": scored})
        self.contexts = []

    def score_labels(self, requests):
        requests = list(requests)
        self.contexts += [request.context for request in requests]
        return super().score_labels(requests)


@pytest.fixture
def agent(tmp_path):
    rows = ["customer_id,timestamp,channel,text"]
    for n in range(10):
        text = "I cancel my contract with you today." if n == 7 else f"Where do I find page {n} of the manual?"
        rows += [f"c{n},2026-01-{day:02d},email,{text} Note {n} of day {day} is here." for day in range(1, 11)]
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    model = Counting()
    with ChurnAgent.open(tmp_path / "store") as opened:
        opened._given_model = model
        opened.ingest(tmp_path / "rows.csv")
        opened.scripted = model
        yield opened


IDS = [f"c{n}" for n in range(10)]


def test_who_says_so_comes_out_on_top(agent):
    found = list(agent.screen_many(IDS))
    assert [each.customer_id for each in found] == IDS
    assert max(found, key=lambda each: each.score).customer_id == "c7"


def test_only_the_latest_messages_are_looked_at(agent):
    list(agent.screen_many(["c3"]))
    assert not [context for context in agent.scripted.contexts if "day 1 " in context]
    assert len([context for context in agent.scripted.contexts if "Note" in context]) == MESSAGES


def test_what_was_screened_is_paid_for_the_assessment_and_the_other_way_round(agent):
    list(agent.screen_many(["c3"]))
    screened = set(agent.scripted.contexts)
    agent.scripted.contexts.clear()
    agent.assess("c3")
    assert not screened & set(agent.scripted.contexts)
    agent.scripted.contexts.clear()
    list(agent.screen_many(["c3"]))
    assert agent.scripted.contexts == []


def test_what_an_assessment_at_an_earlier_date_read_is_looked_at_too_and_costs_nothing(agent, monkeypatch):
    agent.assess("c3", as_of=date(2026, 1, 6))
    agent.scripted.contexts.clear()
    shown = []
    read = screening.read
    monkeypatch.setattr(screening, "read", lambda cases, *rest: shown.extend(cases) or read(cases, *rest))
    list(agent.screen_many(["c3"], as_of=date(2026, 1, 10)))
    [case] = shown
    assert [each.interaction.occurred_at.day for each in case.pack.evidence] == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert len([context for context in agent.scripted.contexts if "Note" in context]) == MESSAGES
    list(agent.screen_many(["c3"], as_of=date(2026, 1, 6)))  # the same day: what a run was cut off at changes nothing
    assert len(shown[-1].pack.evidence) == MESSAGES


def test_a_cascade_assesses_who_is_on_top(agent):
    ranked, assessed = cascade(agent, IDS, share=0.15, as_of=date(2026, 2, 1))
    records = list(assessed)
    assert len(ranked) == 10
    assert [record.customer_id for record in records] == [each.customer_id for each in ranked[:2]]
    assert records[0].customer_id == "c7"
    assert records[0].as_of == date(2026, 2, 1)
