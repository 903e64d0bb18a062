from dataclasses import replace

import pytest

from churn_agent.errors import ModelCallError
from churn_agent.models.base import LabelScores, Question, ScoreRequest, request_key
from churn_agent.models.common_answers import CommonAnswers, with_common_answers
from churn_agent.models.scripted import ScriptedModel

COMMON = ScoreRequest("s", (), "neutral words", (Question("q", "?", ("A", "B")),), common=True)
OF_A_CUSTOMER = ScoreRequest("c", (), "a customer's words", (Question("q", "?", ("A", "B")),))


class Weighed(ScriptedModel):
    """A model with weights that counts what it is asked."""

    def __init__(self, fingerprint="weights 1", answer=-0.123456789012345678):
        super().__init__({"score": [{"answer": {"q": {"A": answer, "B": -3.0}}}]})
        self.asked = []
        self.made_of = fingerprint

    @property
    def info(self):
        return replace(super().info, stand_in=False, sha256="0" * 64, fingerprint=self.made_of)

    def score_labels(self, requests):
        for request in requests:
            self.asked.append(request.id)
            yield from super().score_labels([request])


def ask(model, *requests):
    return {result.id: result for result in model.score_labels(requests)}


def test_a_common_answer_is_asked_once_for_all_stores_and_is_the_same_to_the_last_bit(tmp_path):
    first = ask(with_common_answers(Weighed(), tmp_path), COMMON)
    again = Weighed()
    second = ask(with_common_answers(again, tmp_path), replace(COMMON, id="t"))
    assert not again.asked
    assert second["t"].log_probabilities == first["s"].log_probabilities
    assert (first["s"].usage.cached, second["t"].usage.cached) == (False, True)


def test_nothing_of_a_customer_is_kept(tmp_path):
    ask(with_common_answers(Weighed(), tmp_path), OF_A_CUSTOMER)
    assert not list(tmp_path.rglob("*"))
    ask(with_common_answers(Weighed(), tmp_path), OF_A_CUSTOMER, COMMON)
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert request_key(OF_A_CUSTOMER, Weighed().info) not in path.read_text()
    assert request_key(COMMON, Weighed().info) in path.read_text()


def test_another_model_has_answers_of_its_own(tmp_path):
    ask(with_common_answers(Weighed(), tmp_path), COMMON)
    other = Weighed("weights 2", answer=-2.0)
    assert ask(with_common_answers(other, tmp_path), COMMON)["s"].log_probabilities["q"]["A"] == -2.0
    assert other.asked == ["s"]


def test_what_two_processes_add_at_once_both_stays(tmp_path):
    one, two = (with_common_answers(Weighed(), tmp_path) for _ in range(2))
    second = replace(COMMON, id="t", context="other neutral words")
    ask(one, COMMON, OF_A_CUSTOMER), ask(two, second, OF_A_CUSTOMER)
    third = Weighed()
    ask(with_common_answers(third, tmp_path), COMMON, second)
    assert not third.asked


@pytest.mark.parametrize(
    "content", ["", "{", '{"fingerprint": "weights 1", "answers": {"k": 1}}', '{"fingerprint": "other", "answers": {}}']
)
def test_a_damaged_file_is_written_anew(tmp_path, content):
    ask(with_common_answers(Weighed(), tmp_path), COMMON)
    [path] = (tmp_path / "answers").iterdir()
    path.write_text(content)
    model = Weighed()
    ask(with_common_answers(model, tmp_path), COMMON)
    assert model.asked == ["s"]
    again = Weighed()
    ask(with_common_answers(again, tmp_path), COMMON)
    assert not again.asked


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_keeping(tmp_path):
    (tmp_path / "answers").write_text("a file where the folder would be")
    model = Weighed()
    cached = with_common_answers(model, tmp_path)
    assert ask(cached, COMMON)["s"].error is None
    assert ask(cached, COMMON)["s"].usage.cached
    assert model.asked == ["s"]


def test_failed_answers_are_not_kept(tmp_path):
    class Failing(Weighed):
        def score_labels(self, requests):
            for request in requests:
                yield LabelScores(request.id, error=ModelCallError("no"))

    ask(with_common_answers(Failing(), tmp_path), COMMON)
    assert not list(tmp_path.rglob("*"))


def test_answers_that_came_before_an_interrupt_are_kept(tmp_path):
    second = replace(COMMON, id="t", context="other neutral words")
    stream = with_common_answers(Weighed(), tmp_path).score_labels([COMMON, second])
    next(stream)
    stream.close()
    again = Weighed()
    ask(with_common_answers(again, tmp_path), COMMON, second)
    assert again.asked == ["t"]


def test_only_models_with_known_weights_share_answers(tmp_path):
    scripted = ScriptedModel()
    assert with_common_answers(scripted, tmp_path) is scripted
    assert isinstance(with_common_answers(Weighed(), tmp_path), CommonAnswers)


def test_the_key_does_not_tell_who_may_keep_the_answer():
    assert request_key(COMMON, Weighed().info) == request_key(replace(COMMON, common=False), Weighed().info)
