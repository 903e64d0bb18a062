from dataclasses import replace

import pytest

from churn_agent.errors import ModelCallError
from churn_agent.history import answers
from churn_agent.history.database import open_database
from churn_agent.models.base import GenerateRequest, LabelScores, Message, ModelOutput, Question, ScoreRequest
from churn_agent.models.cache import CachedModel
from churn_agent.models.scripted import ScriptedModel

SCORE = ScoreRequest("s", (), "context", (Question("q", "?", ("A", "B")),))
GENERATE = GenerateRequest("g", (), (Message("user", "u"),), {"type": "object", "properties": {}}, 20)


class Counting(ScriptedModel):
    def __init__(self, script=None):
        super().__init__(script)
        self.asked = 0

    def score_labels(self, requests):
        for request in requests:
            self.asked += 1
            yield from super().score_labels([request])

    def generate(self, requests):
        for request in requests:
            self.asked += 1
            yield from super().generate([request])


@pytest.fixture
def engine(tmp_path):
    return open_database(tmp_path)


def test_an_answer_is_paid_once_also_by_the_next_process(engine):
    model = Counting()
    first = list(CachedModel(model, engine).score_labels([SCORE]))
    again = list(CachedModel(model, engine).score_labels([replace(SCORE, id="other")]))
    assert model.asked == 1
    assert again[0].id == "other"
    assert again[0].log_probabilities == first[0].log_probabilities
    assert (first[0].usage.cached, again[0].usage.cached) == (False, True)


def test_equal_requests_in_one_batch_each_get_an_answer(engine):
    cached = CachedModel(Counting(), engine)
    results = list(cached.generate([GENERATE, replace(GENERATE, id="h")]))
    assert sorted(result.id for result in results) == ["g", "h"]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"max_tokens": 21},
        {"temperature": 0.5},
        {"schema": {"type": "string"}},
        {"shared": GENERATE.messages},
    ],
)
def test_whatever_can_change_the_answer_is_asked_anew(engine, change):
    model = Counting()
    cached = CachedModel(model, engine)
    list(cached.generate([GENERATE]))
    list(cached.generate([replace(GENERATE, **change)]))
    assert model.asked == 2


def test_another_model_is_asked_anew(engine):
    first, other = Counting(), Counting({"score": [{"contains": "no", "answer": {}}]})
    list(CachedModel(first, engine).score_labels([SCORE]))
    list(CachedModel(other, engine).score_labels([SCORE]))
    assert (first.asked, other.asked) == (1, 1)


def test_another_grammar_library_changes_what_is_written_and_no_score(engine):
    first, other = Counting(), Counting()
    for model, version in ((first, "1"), (other, "2")):
        model._info = replace(model.info, grammar=f"library {version}")
        list(CachedModel(model, engine).score_labels([SCORE]))
        list(CachedModel(model, engine).generate([GENERATE]))
    assert (first.asked, other.asked) == (2, 1)


@pytest.mark.parametrize(
    "bad",
    [
        ModelOutput("g", '{"a":', "length"),
        ModelOutput("g", "not JSON"),
        ModelOutput("g", "[" * 100_000),
        ModelOutput("g", "[" * 5000 + "]" * 5000),
        ModelOutput("g", finish_reason="error", error=ModelCallError("no")),
    ],
)
def test_what_failed_or_was_cut_off_is_never_kept(engine, bad):
    class Failing(ScriptedModel):
        def generate(self, requests):
            for request in requests:
                yield replace(bad, id=request.id)

        def score_labels(self, requests):
            for request in requests:
                yield LabelScores(request.id, error=ModelCallError("no"))

    cached = CachedModel(Failing(), engine)
    list(cached.generate([GENERATE]))
    list(cached.score_labels([SCORE]))
    assert answers.count(engine) == 0


def test_the_oldest_answers_go_when_there_are_too_many(engine):
    model = CachedModel(ScriptedModel(), engine, most_answers=3)
    for n in range(5):
        list(model.generate([replace(GENERATE, messages=(Message("user", str(n)),))]))
    model.prune()
    assert answers.count(engine) == 3
    counting = Counting()
    again = CachedModel(counting, engine, most_answers=3)
    list(again.generate([replace(GENERATE, messages=(Message("user", "4"),))]))
    list(again.generate([replace(GENERATE, messages=(Message("user", "0"),))]))
    assert counting.asked == 1
