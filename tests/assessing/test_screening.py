import math
import re
from datetime import date

import pytest

from churn_agent import ChurnAgent
from churn_agent.assessing import screening
from churn_agent.assessing.pipeline import Setup
from churn_agent.batch.cascade import Top, rank, rounds
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.content.prompts import load_prompt, shipped_folder
from churn_agent.errors import InputError
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.elicitation.second import Second

CHOICE = load_prompt("read", "words").choice
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
    with ChurnAgent(Settings.load(store=tmp_path / "store"), model=model) as opened:
        opened.ingest(tmp_path / "rows.csv", unknown_is="customer")
        opened.scripted = model
        yield opened


IDS = [f"c{n}" for n in range(10)]


def test_who_says_so_comes_out_on_top(agent):
    found = list(agent.screen_many(IDS))
    assert [each.customer_id for each in found] == IDS
    assert max(found, key=lambda each: each.score).customer_id == "c7"


def test_only_the_latest_messages_are_looked_at(agent):
    list(agent.screen_many(["c3"]))
    assert {"day 10 " in context for context in agent.scripted.contexts if "Note" in context} == {True}
    agent.scripted.contexts.clear()
    [found] = agent.screen_many(["c3"], latest=3)
    assert _days(agent) == {8, 9}  # the tenth is paid
    assert len(found.evidence_ids) == 3


def test_what_was_screened_is_paid_for_the_assessment_and_the_other_way_round(agent):
    list(agent.screen_many(["c3"]))
    screened = set(agent.scripted.contexts)
    agent.scripted.contexts.clear()
    agent.assess("c3")
    assert not screened & set(agent.scripted.contexts)
    agent.scripted.contexts.clear()
    list(agent.screen_many(["c3"]))
    assert agent.scripted.contexts == []


def _days(agent):
    """Of which messages the model was asked."""
    return {
        int(context.partition(" of day ")[2].split()[0]) for context in agent.scripted.contexts if "Note" in context
    }


def test_what_an_assessment_at_an_earlier_date_read_is_looked_at_too_and_costs_nothing(agent, monkeypatch):
    agent.assess("c3", as_of=date(2026, 1, 6))
    agent.scripted.contexts.clear()
    shown = []
    read = screening.read
    monkeypatch.setattr(
        screening, "read", lambda cases, *rest, **more: shown.extend(cases) or read(cases, *rest, **more)
    )
    list(agent.screen_many(["c3"], as_of=date(2026, 1, 10)))
    [case] = shown
    assert [each.interaction.occurred_at.day for each in case.pack.evidence] == [1, 2, 3, 4, 5, 6, 10]
    assert _days(agent) == {10}
    list(agent.screen_many(["c3"], as_of=date(2026, 1, 6)))  # the same day: what a run was cut off at changes nothing
    assert len(shown[-1].pack.evidence) == 1


def test_the_latest_messages_are_looked_at_in_whatever_order_evidence_is_shown(agent):
    list(agent.varied(evidence_order="newest_first").screen_many(["c3"]))
    assert _days(agent) == {10}


@pytest.fixture
def own_prompts(tmp_path):
    """A user's folder with the default prompt of mode `read` in other words."""
    folder = tmp_path / "prompts"
    (folder / "read").mkdir(parents=True)
    text = (shipped_folder() / "read" / "words.yaml").read_text(encoding="utf-8")
    (folder / "read" / "words.yaml").write_text(re.sub(r"^version: \d+", "version: 77", text), encoding="utf-8")
    return folder


@pytest.mark.parametrize("mode", ["ask", "explain", "read"])
def test_the_record_of_who_is_screened_names_the_prompt_that_they_were_read_with(agent, own_prompts, mode):
    prompt = {"ask": "lettered", "explain": "direct", "read": "few_shot"}[mode]
    other = agent.varied(mode=mode, prompt=prompt, prompts_dir=own_prompts)
    [found] = other.screen_many(["c3"])
    how = found.record(()).provenance
    used = load_prompt("read", "words", folder=own_prompts)
    assert (how.mode, how.prompt, how.prompt_hash) == ("read", "read/words@77", used.content_hash)
    assert how.prompt_hash != load_prompt("read", "words").content_hash
    again, *_ = other.screen_many(["c3"])
    assert again.record(()).provenance.cached_answers > how.cached_answers == 0


def test_a_prompt_with_a_choice_is_what_the_record_of_who_is_screened_names(agent):
    [found] = agent.screen_many(["c3"])
    how = found.record(()).provenance
    assert (how.prompt, how.prompt_hash) == (agent.prompt.label, agent.prompt.content_hash)


def test_without_a_prompt_that_can_screen_one_line_says_so(agent, own_prompts):
    (own_prompts / "read" / "words.yaml").write_text("version: 1\ntries: t\nsystem: s\nuser: $message\n")
    with pytest.raises(InputError, match="read/words@1 has no 'choice', which screening needs"):
        list(agent.varied(mode="ask", prompts_dir=own_prompts).screen_many(["c3"]))


def test_messages_alone_are_screened_whatever_the_mode(agent, tmp_path):
    orders = tmp_path / "orders.csv"
    orders.write_text("customer_id,timestamp,channel,text\nc3,2026-01-11,order,1 x tea\n", encoding="utf-8")
    agent.ingest(orders)
    [found] = agent.varied(mode="ask").screen_many(["c3"])
    assert _days(agent) == {10}
    assert len(found.evidence_ids) == 1


def test_in_another_mode_too_what_a_screening_read_is_looked_at_again(agent, tmp_path):
    other = agent.varied(mode="ask")
    run_batch(other, tmp_path / "book.jsonl", BatchSpec(as_of=date(2026, 1, 6), top=Top(count=1)))
    agent.scripted.contexts.clear()
    looked_at = {each.customer_id: len(each.evidence_ids) for each in other.screen_many(IDS, as_of=date(2026, 1, 10))}
    assert min(looked_at[id_] for id_ in IDS if id_ != "c7") == 2
    assert _days(agent) == {10}


def test_what_a_screening_at_an_earlier_date_read_is_looked_at_too(agent, tmp_path):
    run_batch(agent, tmp_path / "book.jsonl", BatchSpec(as_of=date(2026, 1, 6), top=Top(count=1)))
    agent.scripted.contexts.clear()
    looked_at = {each.customer_id: len(each.evidence_ids) for each in agent.screen_many(IDS, as_of=date(2026, 1, 10))}
    assert _days(agent) == {10}
    assert looked_at.pop("c7") == 7
    assert min(looked_at.values()) == 2


def test_those_on_top_and_the_others_are_all_customers_once(agent):
    top, others = rank(agent, IDS, Top(share=0.15).of(len(IDS)), as_of=date(2026, 2, 1))
    assert top[0].customer_id == "c7"
    assert len(top) == 2
    assert sorted(each.customer_id for each in (*top, *others)) == sorted(IDS)
    assert {each.as_of for each in (*top, *others)} == {date(2026, 2, 1)}


def test_all_are_screened_by_one_message_and_the_better_half_by_twice_as_many(agent):
    looks = []
    top, others = rank(agent, IDS, 2, progress=lambda: looks.append(1))
    assert rounds(10, 2) == [10, 5, 3]
    assert len(looks) == 18
    assert [len(each.evidence_ids) for each in top] == [4, 4]
    assert sorted(len(each.evidence_ids) for each in others) == [1] * 5 + [2] * 2 + [4]
    assert sum(each.prompt_tokens > 0 for each in (*top, *others)) == 10  # also of earlier looks
    assert [each.customer_id for each in (*top, *others) if each.output_tokens] == ["c7"]  # was summed up


@pytest.mark.parametrize(("customers", "wanted"), [(0, 0), (1, 1), (7, 7), (8, 4)])
def test_where_half_is_enough_one_look_is(customers, wanted):
    assert rounds(customers, wanted) == [customers]


def test_the_second_reader_screens_once_by_all_messages_and_asks_nobody(agent, monkeypatch):
    other = agent.varied(prompt="encoder")
    combiner = other.prompt.thresholds.combiner
    second = Second(leaving_announced=("cancel", 0.97))
    second.id = combiner.reader
    monkeypatch.setattr(Setup, "second_reader", second)
    agent.scripted.contexts.clear()
    steps = []
    top, others = rank(other, IDS, 2, progress=lambda: steps.append(1))
    assert agent.scripted.contexts == []
    assert len(steps) == len(IDS)
    assert top[0].customer_id == "c7"
    assert all(each.prompt_tokens == 0 for each in (*top, *others))
    assert {each.customer_id: len(each.evidence_ids) for each in (*top, *others)}["c7"] > 1


def test_a_chat_session_is_one_unit_of_screening_of_records_and_of_their_costs(tmp_path):
    rows = ["customer_id,timestamp,channel,speaker_role,text"]
    lines = ["hello there my friends", "my line is down since Monday", "I cancel my contract with you today"]
    rows += [f"c1,2026-01-05T10:0{n}:00,chat,customer,{text}" for n, text in enumerate(lines)]
    rows += ["c1,2026-01-05T10:05:00,chat,company,Are you sure?", "c1,2026-01-05T10:06:00,chat,customer,Yes"]
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    model = Counting()
    with ChurnAgent(Settings.load(store=tmp_path / "chats"), model=model) as agent:
        agent.ingest(tmp_path / "rows.csv")
        [screened] = agent.screen_many(["c1"])
        assert len(screened.evidence_ids) == 5  # with the question that is answered
        paid = set(model.contexts)
        assert any("Are you sure" in context for context in paid)
        model.contexts.clear()
        record = agent.assess("c1")
        assert not paid & set(model.contexts)
        assert record.provenance.evidence_ids == screened.evidence_ids
        assert record.left_out.interactions == 0
