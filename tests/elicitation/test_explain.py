import pytest

from churn_agent.content.prompts import load_prompt
from churn_agent.elicitation.explain import explain
from churn_agent.models.scripted import ScriptedModel
from tests.elicitation.cases import case

WORDS = "The line is down again. I will move to Rival."
PROMPT = load_prompt("explain")


def reason(quote, evidence="E1"):
    return {"statement": "They are unhappy.", "polarity": "risk", "evidence": evidence, "quote": quote}


def answer(*reasons, p=0.7, actions=()):
    return {"reasons": list(reasons), "actions": list(actions), "churn_probability": p}


def explained(given, *texts):
    [found] = explain(
        [case(*(texts or (WORDS,)))], ScriptedModel({"generate": [{"contains": "", "answer": given}]}), PROMPT
    )
    return found


def test_a_reason_with_a_true_quote_counts():
    found = explained(answer(reason("I will move to Rival"), actions=["retention_call"]))
    assert found.stated_probability == 0.7
    assert found.reasons[0].citations[0].verified
    assert found.actions == ["retention_call"]


@pytest.mark.parametrize("quote", ["I will move to Salt", "the", "", "I WILL NOT move to Rival"])
def test_a_reason_without_a_true_quote_does_not_count(quote):
    assert explained(answer(reason(quote))).reasons == []


def test_a_quote_of_another_message_does_not_count():
    assert explained(answer(reason("I will move to Rival", "E1")), "hello there", WORDS).reasons == []
    assert explained(answer(reason("I will move to Rival", "E9"))).reasons == []


@pytest.mark.parametrize("p", [-0.1, 1.5, "high", None])
def test_a_probability_that_is_none_fails(p):
    found = explained(answer(p=p))
    assert found.stated_probability is None
    assert "does not fit the schema" in found.failure


def test_zero_stays_zero():
    assert explained(answer(p=0.0)).stated_probability == 0.0


def test_a_failed_answer_is_asked_for_once_more_with_the_later_half():
    class Failing(ScriptedModel):
        def __init__(self):
            super().__init__()
            self.prompts = []

        def generate(self, requests):
            for request in requests:
                self.prompts.append(request.messages[-1].content)
                broken = "first words" in self.prompts[-1]
                entry = {"contains": "", "error": "broke"} if broken else {"contains": "", "answer": answer()}
                yield from ScriptedModel({"generate": [entry]}).generate([request])

    model = Failing()
    [found] = explain([case("first words", "second words")], model, PROMPT)
    assert found.failure is None
    assert [each.text for each in found.evidence] == ["second words"]
    assert len(model.prompts) == 2
    [failed] = explain([case("first words")], model, PROMPT)
    assert failed.failure == "broke"
