import math
from dataclasses import replace

import pytest

from churn_agent.content.prompts import load_prompt
from churn_agent.elicitation.ask import ask
from churn_agent.elicitation.base import variables
from churn_agent.models.scripted import ScriptedModel
from tests.elicitation.cases import case


def answers(prompt, churn, stay):
    """Log-probabilities that put `churn` on the labels of churn and `stay` on the others."""
    given = {}
    for question in prompt.questions:
        rest = max(1 - churn - stay, 1e-6)
        shares = [(question.churn, churn), (question.stay, stay), (question.neither, rest)]
        given[question.id] = {label: math.log(share / len(labels)) for labels, share in shares for label in labels}
    return given


@pytest.mark.parametrize("name", ["lettered", "rotated", "yes_no", "negated", "few_shot", "ensemble", "scale"])
def test_log_odds_are_those_of_the_labels_that_mean_churn(name):
    prompt = load_prompt("ask", name)
    model = ScriptedModel({"score": [{"contains": "", "answer": answers(prompt, 0.6, 0.2)}]})
    [found] = ask([case("I am leaving")], model, prompt)
    assert found.log_odds == pytest.approx(math.log(0.6 / 0.2))
    assert found.failure is None


def test_the_base_rate_is_stated_where_it_is_known():
    prompt, unknown = load_prompt("ask", "scale"), case("I am leaving")
    card = unknown.snapshot.card.model_copy(update={"base_rate": 0.04, "churn_means": "they leave"})
    known = replace(unknown, snapshot=replace(unknown.snapshot, card=card))
    [told], [untold] = (prompt.shared(variables(each, each.pack.evidence)) for each in (known, unknown))
    assert told.content.endswith("Leaving means that within 90 days they leave. Of all customers 4.0% do.")
    assert "Of all customers" not in untold.content


def test_a_failed_call_is_a_failure_and_no_number():
    script = {"score": [{"contains": "leaving", "error": "the model broke"}]}
    broken, fine = ask([case("I am leaving"), case("hello")], ScriptedModel(script), load_prompt("ask"))
    assert (broken.failure, broken.log_odds) == ("the model broke", None)
    assert (fine.failure, fine.log_odds is not None) == (None, True)
