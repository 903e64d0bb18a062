import json

import pytest

from churn_agent.errors import FileFormatError
from churn_agent.models.base import GenerateRequest, Message, Question, ScoreRequest
from churn_agent.models.scripted import ScriptedModel

SCHEMA = {"type": "object", "properties": {"n": {"type": "number", "minimum": 0}, "k": {"enum": ["a", "b"]}}}


def generate(model, text):
    return next(model.generate([GenerateRequest("1", (), (Message("user", text),), SCHEMA, 10)]))


def test_the_first_entry_that_fits_answers():
    model = ScriptedModel(
        {"generate": [{"contains": "price", "answer": {"n": 2}}, {"contains": "", "answer": {"n": 3}}]}
    )
    assert json.loads(generate(model, "the price is high").text) == {"n": 2}
    assert json.loads(generate(model, "hello").text) == {"n": 3}


def test_without_a_script_the_simplest_valid_answer_comes():
    assert json.loads(generate(ScriptedModel(), "x").text) == {"n": 0, "k": "a"}


def test_unscripted_questions_get_even_odds():
    request = ScoreRequest("1", (), "context", (Question("q", "?", ("Yes", "No")),))
    [scores] = ScriptedModel().score_labels([request])
    assert scores.log_probabilities["q"]["Yes"] == scores.log_probabilities["q"]["No"]


def test_a_scripted_error_is_a_result():
    output = generate(ScriptedModel({"generate": [{"error": "boom"}]}), "x")
    assert str(output.error) == "boom"


def test_it_says_what_it_is():
    assert ScriptedModel().info.stand_in
    assert "no language model" in ScriptedModel().info.id


def test_a_file_that_is_no_script_is_one_error(tmp_path):
    path = tmp_path / "s.json"
    for content in ("{", '{"speak": []}', '{"generate": [{"contains": 1}]}'):
        path.write_text(content)
        with pytest.raises(FileFormatError, match=r"s\.json"):
            ScriptedModel.open(path)
