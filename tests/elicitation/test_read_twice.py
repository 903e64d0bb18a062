"""Mode `read` with a second reader: what is asked, and how both readers decide together."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.content.thresholds import Combiner
from churn_agent.elicitation.read import read
from churn_agent.errors import ModelUnavailable
from churn_agent.models.scripted import ScriptedModel
from churn_agent.scoring.prior import log_odds, sigmoid
from tests.elicitation.cases import case
from tests.elicitation.second import Second

COMBINER = Combiner(
    reader="0" * 16, proposed=0.1, silent=0.05, shown=0.5, second=1.0, model=1.0, bias=0.0,
    leaning_second=0.5, leaning_model=1.0, leaning_bias=0.0,
)  # fmt: skip
PLAIN = load_prompt("read", "encoder")
PROMPT = PLAIN.model_copy(update={"thresholds": PLAIN.thresholds.model_copy(update={"combiner": COMBINER})})
TAXONOMY = load_taxonomy()
DOWN, LEAVE, BILL = "The line is down again.", "I will move to Rival next month.", "Could you send the bill again?"


class Model(ScriptedModel):
    """Answers with given log-odds of yes, and notes what it was asked."""

    def __init__(self, **odds):
        confirmed = {"Yes": 0.0, "No": 0.0}
        answers = {name: {"Yes": odds.get(name, 0.0), "No": 0.0} for name in (*TAXONOMY.by_id, "leaving", "staying")}
        super().__init__({"score": [{"contains": "", "answer": answers | {"confirmed": confirmed}}]})
        self.asked = []

    def score_labels(self, requests):
        requests = list(requests)
        self.asked += [(r.context, sorted(q.id for q in r.questions)) for r in requests if not r.common]
        return super().score_labels(requests)


def reading(*texts, second, model=None, prompt=PROMPT, **names):
    model = model or Model()
    [elicitation] = read([case(*texts, **names)], model, prompt, TAXONOMY, second=second)
    return elicitation, model


def test_a_silent_message_costs_nothing_and_any_other_one_request():
    second = Second(service_quality=("down", 0.9))
    found, model = reading(BILL, f"{BILL} {DOWN}", second=second)
    [(context, asked)] = model.asked
    assert DOWN in context
    assert asked == ["leaving", "service_quality", "staying"]
    assert found.leanings[0] == PROMPT.thresholds.neutral_leaning
    assert [signal.concept for signal in found.signals] == ["service_quality"]


class Distracted(Second):
    """Sees only the trouble in a message with more than one sentence."""

    def _of(self, text):
        read = super()._of(text)
        if DOWN in text and text != DOWN:
            return replace(read, signals={**read.signals, "leaving_considered": 0.2, "price": 0.001})
        return read


def test_a_wish_to_leave_beside_a_complaint_is_found_in_its_own_sentence():
    second = Distracted(service_quality=("down", 0.9), leaving_considered=("move", 0.9), price=("move", 0.9))
    found, _ = reading(f"{DOWN} {LEAVE}", second=second)
    of = {signal.concept: signal.citations[0].quote for signal in found.signals}
    assert of["leaving_considered"] == LEAVE.rstrip(".")
    assert "price" not in of  # other signals are those of the whole message


def test_a_sentence_inside_quoted_words_is_not_read_alone():
    second = Second()
    reading(f'{DOWN} "Will you move? Please say so." – No', second=second)
    assert DOWN not in second.texts  # no word of leaving
    assert not any(text.startswith('"Will') for text in second.texts)


def test_the_quote_is_the_sentence_with_the_word():
    found, _ = reading(f"{BILL} {DOWN} {LEAVE}", second=Second(service_quality=("down", 0.9)))
    assert found.signals[0].citations[0].quote == DOWN.rstrip(".")


@given(st.floats(0.11, 0.999), st.floats(-6, 6))
def test_the_strength_is_that_of_both_readers(second, model):
    found, _ = reading(DOWN, second=Second(service_quality=("down", second)), model=Model(service_quality=model))
    both = sigmoid(log_odds(second) + model)
    if both >= COMBINER.shown:
        assert found.signals[0].strength == pytest.approx(both, abs=1e-6)
    else:
        assert not found.signals


def test_more_certainty_is_asked_of_a_message_among_others():
    second = Second(service_quality=("down", 0.6))
    strict = COMBINER.model_copy(update={"shown_among_many": 0.7})
    prompt = PROMPT.model_copy(update={"thresholds": PROMPT.thresholds.model_copy(update={"combiner": strict})})
    assert reading(DOWN, second=second, prompt=prompt)[0].signals
    assert not reading(DOWN, BILL, second=second, prompt=prompt)[0].signals


def test_neither_reader_has_a_veto():
    sure = Second(service_quality=("down", 0.99))
    assert reading(DOWN, second=sure, model=Model(service_quality=-2))[0].signals
    unsure = Second(service_quality=("down", 0.2))
    assert reading(DOWN, second=unsure, model=Model(service_quality=3))[0].signals
    assert not reading(DOWN, second=unsure, model=Model(service_quality=-1))[0].signals


def test_companies_have_invented_names_for_both():
    second = Second(leaving_announced=("move", 0.9))
    found, model = reading(
        "I will leave Northline and move to Vexo.", second=second, company="Northline", companies=["Vexo"]
    )
    assert second.texts == ["I will leave Acme and move to Rivalo."]
    assert "Acme" in model.asked[0][0]
    assert found.signals[0].citations[0].quote == "I will leave Northline and move to Vexo"


def test_only_the_likeliest_signals_are_asked_about():
    likely = {id_: ("down", 0.2 + 0.05 * n) for n, id_ in enumerate(list(TAXONOMY.by_id)[2:10])}
    _, model = reading(DOWN, second=Second(**likely))
    [(_, asked)] = model.asked
    assert len(asked) == 4 + 2


def test_the_leaning_is_that_of_both_readers():
    leaning = [
        reading(LEAVE, second=Second(leaving_announced=("move", second)), model=Model(leaving=model))[0].leanings[0]
        for second, model in ((0.2, 0), (0.9, 0), (0.9, 2))
    ]
    assert leaning == sorted(leaning)
    assert leaning[0] < leaning[1] < leaning[2]


def test_thresholds_of_another_second_reader_are_refused():
    other = Second()
    other.id = "1" * 16
    with pytest.raises(ModelUnavailable, match="not fitted with this second reader"):
        reading(DOWN, second=other)
    without = PROMPT.model_copy(update={"thresholds": PROMPT.thresholds.model_copy(update={"combiner": None})})
    with pytest.raises(ModelUnavailable, match="not fitted with this second reader"):
        reading(DOWN, second=Second(), prompt=without)


def test_a_message_that_reads_like_leaving_shows_a_signal_of_it():
    """Though neither reader finds one sure enough."""
    second = Second(leaving_announced=("move", 0.45), leaving_considered=("move", 0.3))
    sure = {"leaving": 6.0, "leaving_announced": -1.5, "leaving_considered": -1.5}
    found, model = reading(LEAVE, second=second, model=Model(**sure))
    assert {"leaving_announced", "leaving_considered"} < set(model.asked[0][1])
    assert found.leanings[0] > PROMPT.thresholds.leaving_leaning
    assert {signal.concept: signal.strength for signal in found.signals} == {"leaving_announced": COMBINER.shown}
    assert not reading(LEAVE, second=second, model=Model(**sure | {"leaving": -6.0}))[0].signals
