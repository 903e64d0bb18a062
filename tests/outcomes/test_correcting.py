"""Corrections act at once: on their message, on messages like it, and once approved on those of all customers."""

import json
from contextlib import contextmanager
from datetime import date

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.correcting import Corrections
from churn_agent.errors import DataError, FileFormatError, InputError
from churn_agent.evals.checks.expectations import load_expectations
from churn_agent.history import corrections
from churn_agent.models.scripted import ScriptedModel
from churn_agent.outcomes import correcting
from churn_agent.outcomes.feedback import import_feedback
from churn_agent.reports.wording import correction_lines
from churn_agent.settings import Settings
from tests.conftest import write_csv
from tests.index.letters import Letters

DAY = date(2026, 3, 1)
DEAR, DEARER, NOT_DEAR = "it is far too dear for us", "it is far too dear, for us", "it is not far too dear for us"
LEAVES = "we cancel the contract in may"
SCRIPT = {
    "generate": [
        {"contains": "dear", "answer": {"signals": [{"quote": "far too dear", "signal": "price"}]}},
        {"contains": "cancel", "answer": {"signals": [{"quote": "we cancel", "signal": "leaving_announced"}]}},
    ]
}
ROWS = [
    f'a,2026-02-01,chat,"{DEAR}"',
    f'a,2026-02-05,chat,"{DEARER}"',
    f"a,2026-02-07,chat,{NOT_DEAR}",
    "a,2026-02-09,chat,hello to you all",
    f'b,2026-02-02,chat,"{DEARER}"',
    f"b,2026-02-03,chat,{LEAVES}",
]


@contextmanager
def opened(store, script=SCRIPT, **settings):
    with ChurnAgent(Settings.load(store=store, prompt="direct", **settings), model=ScriptedModel(script)) as agent:
        agent.store.__dict__["embedder"] = Letters()
        yield agent


@pytest.fixture
def agent(tmp_path):
    with opened(tmp_path / "store") as agent:
        agent.ingest(write_csv(tmp_path / "a.csv", *ROWS))
        yield agent


def message(agent, customer, words):
    return correcting.message_of(agent.store, customer, containing=words)


def correct(agent, customer, words, signal, *, shown, by="Ana"):
    return correcting.correct(agent.store, message(agent, customer, words), signal, shown=shown, by=by)[0]


def shown_in(record, concept):
    """Quotes' messages of a signal."""
    return {citation.interaction_id for s in record.signals if s.concept == concept for citation in s.citations}


def test_a_denied_signal_is_gone_at_once_from_its_message_and_from_those_like_it(agent):
    a = {m.text: m.id for m in agent.snapshot("a").messages}
    assert shown_in(agent.assess("a"), "price") == {a[DEAR], a[DEARER], a[NOT_DEAR]}
    correct(agent, "a", DEAR, "price", shown=False)
    record = agent.assess("a")
    # Vectors hardly see "not": the sentence that says the opposite is left alone.
    assert shown_in(record, "price") == {a[NOT_DEAR]}
    assert [(c.interaction_id, c.shown, c.whose, c.by) for c in record.corrected] == [
        (a[DEAR], False, "message", "Ana"),
        (a[DEARER], False, "customer", "Ana"),
    ]
    [line] = correction_lines(record)
    assert line.startswith("Not shown, by a correction of Ana (")


def test_an_affirmed_signal_is_shown_with_the_words_of_its_message(agent):
    before = agent.assess("a")
    correct(agent, "a", "hello", "praise", shown=True)
    record = agent.assess("a")
    [praise] = [signal for signal in record.signals if signal.concept == "praise"]
    [citation] = praise.citations
    assert (citation.quote, citation.verified, praise.strength) == ("hello to you all", True, 1.0)
    assert record.churn_probability.raw < before.churn_probability.raw
    assert "By a correction of Ana" in correction_lines(record)[0]


def test_of_a_chat_session_the_line_is_corrected_that_was_judged(agent, tmp_path):
    lines = [f"s,2026-02-01 10:00,chat,{DEAR}", "s,2026-02-01 10:01,chat,hello to you all"]
    agent.ingest(write_csv(tmp_path / "s.csv", *lines))
    dear, hello = (each.id for each in agent.snapshot("s").messages)
    assert shown_in(agent.assess("s"), "price") == {dear}
    correct(agent, "s", "hello", "price", shown=False)
    assert shown_in(agent.assess("s"), "price") == {dear}
    correct(agent, "s", DEAR, "price", shown=False)
    correct(agent, "s", "hello", "praise", shown=True)
    record = agent.assess("s")
    assert (shown_in(record, "price"), shown_in(record, "praise")) == (set(), {hello})
    assert {(each.interaction_id, each.shown) for each in record.corrected} == {(dear, False), (hello, True)}


def test_an_affirmed_message_stays_in_the_evidence_however_many_are_newer(tmp_path):
    newer = [f"a,2026-02-1{n},chat,{3 * letter} {letter}" for n, letter in enumerate("bcdefgh")]
    with opened(tmp_path / "store", evidence_limit=2) as agent:
        agent.ingest(write_csv(tmp_path / "a.csv", "a,2020-01-01,chat,hhhh hh h", *newer))
        old = message(agent, "a", "hhhh hh").id
        assert old not in agent.assess("a").provenance.evidence_ids
        correct(agent, "a", "hhhh hh", "praise", shown=True)
        assert old in shown_in(agent.assess("a"), "praise")


def test_other_customers_are_not_touched_before_an_analyst_approves(agent):
    number = correct(agent, "a", DEAR, "price", shown=False).number
    assert shown_in(agent.assess("b"), "price")
    agent.store.index()
    reached = correcting.reach(agent.store, number)
    assert ([hit.interaction.text for hit in reached.hits], reached.customers) == ([DEARER], 1)
    assert correcting.approve(agent.store, number, by="Lead").approved_by == "Lead"
    record = agent.assess("b")
    assert not shown_in(record, "price")
    assert [(c.whose, c.number) for c in record.corrected] == [("book", number)]
    correcting.undo(agent.store, number)
    assert shown_in(agent.assess("b"), "price")
    assert shown_in(agent.assess("a"), "price")


def test_a_customers_own_correction_outranks_one_for_all(agent):
    number = correct(agent, "a", DEAR, "price", shown=False).number
    correcting.approve(agent.store, number)
    correct(agent, "b", DEARER, "price", shown=True)
    assert shown_in(agent.assess("b"), "price")


def test_an_announcement_that_is_denied_stands_no_more_even_by_an_earlier_record(agent):
    earlier = agent.assess("b", as_of="2026-02-10").announced
    assert earlier.stands
    correct(agent, "b", LEAVES, "leaving_announced", shown=False)
    assert agent.assess("b").announced is None
    now = agent.setup().corrections
    assert now.unless_denied(earlier, agent.store.taxonomy) is None  # whether its message is read again or not
    assert Corrections().unless_denied(earlier, agent.store.taxonomy) == earlier


def test_screening_is_corrected_too(agent):
    before = list(agent.screen_many(["b"], as_of=DAY)) if agent.screening_prompt.choice else []
    assert before  # the default prompt screens
    correct(agent, "b", LEAVES, "leaving_announced", shown=True)
    [after] = agent.screen_many(["b"], as_of=DAY)
    assert after.score > before[0].score


def test_a_correction_of_a_message_that_has_changed_is_not_in_force(agent, tmp_path):
    header = "message_id,customer_id,timestamp,channel,direction,text"
    agent.ingest(write_csv(tmp_path / "k.csv", "7,k,2026-02-01,chat,inbound,far too dear", header=header))
    number = correct(agent, "k", "dear", "price", shown=False).number
    agent.ingest(write_csv(tmp_path / "k2.csv", "7,k,2026-02-01,chat,inbound,way too dear", header=header))
    [changed] = agent.snapshot("k").messages
    assert changed.text == "way too dear"
    assert [each.number for each in correcting.listed(agent.store, "k") if not each.in_force] == [number]
    assert agent.store.corrections_in_force() == []
    with pytest.raises(InputError, match="has changed since"):
        correcting.approve(agent.store, number)
    correcting.undo(agent.store, number)
    assert correcting.listed(agent.store) == []


def test_numbers_are_not_used_again_and_the_same_answer_is_stored_once(agent):
    first = correct(agent, "a", DEAR, "price", shown=False)
    assert correcting.correct(agent.store, message(agent, "a", DEAR), "price", shown=False) == (first, False)
    correcting.undo(agent.store, first.number)
    assert correct(agent, "a", DEAR, "price", shown=False).number > first.number
    replaced = correct(agent, "a", DEAR, "price", shown=True)
    assert [each.number for each in correcting.listed(agent.store)] == [replaced.number]


def test_what_cannot_be_corrected_is_named(agent):
    with pytest.raises(InputError, match="there is no signal 'prize'"):
        correct(agent, "a", DEAR, "prize", shown=True)
    with pytest.raises(InputError, match="has no message with the words 'zebra'"):
        message(agent, "a", "zebra")
    with pytest.raises(InputError, match="name one by its id"):
        message(agent, "a", "dear")
    for act in (correcting.approve, correcting.undo, correcting.reach):
        with pytest.raises(InputError, match="there is no correction 99"):
            act(agent.store, 99)


def test_corrections_go_with_a_forgotten_customer_and_with_an_import_that_is_undone(agent, tmp_path):
    approved = correct(agent, "a", DEAR, "price", shown=False).number
    correcting.approve(agent.store, approved)
    correct(agent, "b", LEAVES, "leaving_announced", shown=True)
    record = agent.assess("b")
    assert "Ana" in record.model_dump_json()
    agent.store.forget("a")
    assert [each.customer_id for each in corrections.all_corrections(agent.history)] == ["b"]
    assert shown_in(agent.assess("b"), "price")
    agent.store.undo_import(1)
    assert corrections.all_corrections(agent.history) == []


def test_corrections_move_with_a_customer_who_is_merged(agent):
    correct(agent, "a", DEAR, "price", shown=False)
    agent.store.merge_customers("a", "b")
    assert [each.customer_id for each in correcting.listed(agent.store)] == ["b"]
    texts = {each.text for each in agent.snapshot("b").messages if each.id in shown_in(agent.assess("b"), "price")}
    assert texts == {NOT_DEAR}


def test_they_become_cases_for_check_and_messages_for_training(agent, tmp_path):
    correct(agent, "a", DEAR, "price", shown=False)
    correct(agent, "a", DEAR, "praise", shown=True)
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(json.dumps(case) + "\n" for case in correcting.cases(agent.store)))
    denied, affirmed = load_expectations(file, load_taxonomy().by_id)
    assert (denied.text, denied.never, affirmed.must) == (DEAR, ("price",), (("praise",),))
    [one] = correcting.training_messages(agent.store)
    assert (one.text, one.judged) == (DEAR, ("praise", "price"))
    assert [signal.id for signal in one.signals] == ["praise"]
    with pytest.raises(DataError, match="1 corrected message is too few"):
        correcting.require_enough(1)
    correcting.require_enough(correcting.LEAST_MESSAGES)


def test_the_page_saves_corrections_that_feedback_imports(agent, tmp_path):
    mine = message(agent, "a", DEAR).id
    line = {"customer_id": "a", "as_of": "2026-03-01", "verdict": "disagree"}
    wrong = {"interaction_id": mine, "signal": "price", "shown": False}
    file = tmp_path / "f.jsonl"
    lines = [
        line | {"corrections": [wrong, wrong | {"interaction_id": "f" * 32}]},
        {"customer_id": "b", "as_of": "2026-03-01", "verdict": None, "corrections": [wrong]},  # not b's message
    ]
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    imported = import_feedback(agent.store, file, by="Ana")
    assert (imported.read, imported.added, imported.corrections, imported.not_stored) == (1, 1, 1, 2)
    [stored] = correcting.listed(agent.store)
    assert (stored.interaction_id, stored.shown, stored.created_by) == (mine, False, "Ana")
    assert import_feedback(agent.store, file).corrections == 0
    file.write_text(json.dumps(line | {"corrections": [wrong | {"signal": "prize"}]}) + "\n")
    with pytest.raises(FileFormatError, match=r"f.jsonl:1: there is no signal 'prize'; nothing was imported"):
        import_feedback(agent.store, file)
