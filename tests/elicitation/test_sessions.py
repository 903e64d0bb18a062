"""Sessions of chats and bare answers as mode `read` reads them."""

from dataclasses import replace
from datetime import timedelta

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.base import Case
from churn_agent.elicitation.read import read
from churn_agent.evidence import facts, retrieval
from churn_agent.evidence.sessions import pieces
from churn_agent.models.scripted import ScriptedModel
from tests.conftest import interaction, snapshot
from tests.elicitation.second import Second
from tests.elicitation.test_read_twice import PROMPT as TWICE
from tests.elicitation.test_read_twice import Model

TAXONOMY = load_taxonomy()
ASKED = "Thanks for waiting. Shall we cancel your contract?"


def chat(*lines, minutes=1):
    """Lines of a chat; those of the company begin with `> `."""
    rows = []
    for n, text in enumerate(lines):
        ours = text.startswith("> ")
        row = interaction(n, days_ago=3, text=text.removeprefix("> "), direction="outbound" if ours else "inbound")
        rows.append(replace(row, occurred_at=row.occurred_at + timedelta(minutes=n * minutes)))
    taken = snapshot(*rows)
    pack = retrieval.retrieve(taken, pieces(taken), {}, limit=20, token_budget=1000, count_tokens=len)
    return Case(taken, facts.compute(taken), pack)


def by_id(case):
    return {row.id: row for row in case.snapshot.interactions}


def test_a_session_is_one_message_to_both_readers_and_each_quote_is_in_its_line():
    case = chat("hi", "> Hello!", "my line is down again", "I will move to Rival", "bye")
    second = Second(service_quality=("down", 0.9), leaving_announced=("move", 0.95))
    [found] = read([case], Model(leaving=5.0), TWICE, TAXONOMY, second=second)
    assert second.texts[:1] == ["hi\nmy line is down again\nI will move to Rival\nbye"]
    assert len(found.leanings) == 1
    quoted = {signal.concept: signal.citations[0] for signal in found.signals}
    assert quoted.keys() == {"service_quality", "leaving_announced"}
    for concept, line in (("service_quality", 2), ("leaving_announced", 3)):
        citation = quoted[concept]
        row = case.snapshot.interactions[line]
        assert citation.interaction_id == row.id
        assert row.text[citation.start : citation.end] == citation.quote == row.text
        assert citation.occurred_at == row.occurred_at


def test_the_question_is_shown_to_the_readers_and_never_quoted():
    case = chat("hello", f"> {ASKED}", "Yes please")
    second = Second(leaving_announced=("Yes please", 0.95), disappointment=("waiting", 0.95), price=("cancel", 0.95))
    [found] = read([case], Model(leaving=5.0, price=5.0), TWICE, TAXONOMY, second=second)
    assert second.texts[:1] == ['hello\n"Shall we cancel your contract?" – Yes please']
    citations = [citation for signal in found.signals for citation in signal.citations]
    assert {signal.concept for signal in found.signals} == {"leaving_announced", "price"}
    assert {citation.quote for citation in citations} == {"Yes please"}
    assert {citation.question for citation in citations} == {"Shall we cancel your contract?"}
    assert {citation.interaction_id for citation in citations} == {case.snapshot.interactions[2].id}


def test_a_no_to_a_question_about_leaving_shows_no_wish_to_leave():
    second = Second(leaving_announced=("cancel", 0.95))
    [found] = read(
        [chat(f"> {ASKED}", "No")], Model(leaving=5.0, leaving_announced=5.0), TWICE, TAXONOMY, second=second
    )
    assert not found.signals


def test_the_questions_words_are_never_quoted_by_a_model_that_writes():
    prompt = load_prompt("read", "few_shot").model_copy(update={"check": None})
    quotes = ("Shall we cancel your contract?", "Yes please")
    for quote, verified in zip(quotes, (False, True), strict=True):
        answer = {"signals": [{"quote": quote, "signal": "leaving_announced"}]}
        model = ScriptedModel({"generate": [{"contains": "", "answer": answer}]})
        [found] = read([chat(f"> {ASKED}", "Yes please")], model, prompt, TAXONOMY)
        [signal] = found.signals
        assert [citation.verified for citation in signal.citations] == [verified]


def test_a_long_session_is_cut_like_a_long_text():
    lines = [f"line {n} of a long talk about nothing in particular" for n in range(60)]
    case = chat(*lines)
    [shown] = case.pack.evidence
    assert len(shown.text) <= 1000
    assert shown.text.endswith(lines[-1])
    assert case.pack.left_out.tokens > 0
    second = Second(service_quality=("line 59", 0.9))
    [found] = read([case], Model(service_quality=4.0), TWICE, TAXONOMY, second=second)
    [citation] = found.signals[0].citations
    assert by_id(case)[citation.interaction_id].text == lines[-1]
