from dataclasses import replace

import pytest

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation import warming
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings


class Weighed(ScriptedModel):
    """A stand-in that says it has weights, and counts."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.closed = False

    @property
    def info(self):
        return replace(super().info, stand_in=False, sha256="0" * 64)

    def score_labels(self, requests):
        for request in requests:
            self.asked.append(request)
            yield from super().score_labels([request])

    def close(self):
        self.closed = True


@pytest.fixture
def opened(monkeypatch):
    """The models that were opened."""
    models = []

    def open_model(settings, *, notify):
        models.append(Weighed())
        return models[-1]

    monkeypatch.setattr(warming, "open_model", open_model)
    return models


@pytest.fixture
def settings(tmp_path):
    return Settings.load(models_dir=tmp_path / "models", prompt="words")


def test_neutral_answers_are_asked_once_and_the_long_prefix_is_evaluated(opened, settings):
    seen = []
    neutral = len(load_taxonomy().by_id) * len(load_prompt("read", "words").check.neutral)
    assert warming.warm(settings, progress=lambda done, total: seen.append((done, total))) == neutral
    assert seen[-1] == (neutral, neutral)
    prefix = opened[0].asked[-1]
    assert "Name in one word" in prefix.shared[0].content
    assert not prefix.common
    assert warming.warm(settings) == 0
    assert not opened[1].asked
    assert all(model.closed for model in opened)


def test_an_assessment_after_warming_asks_nothing_about_neutral_words(opened, settings, tmp_path, monkeypatch):
    from churn_agent.assessing.agent import ChurnAgent

    warming.warm(settings)
    model = Weighed()
    with ChurnAgent(settings.model_copy(update={"store": tmp_path / "store"}), model=model) as agent:
        agent.assess_text("The staff was rude to me. I am considering to switch to Rival.")
    assert model.asked
    assert not [request for request in model.asked if request.common]


@pytest.mark.parametrize(
    "setting", [{"model": "scripted"}, {"model": "openai:some-model"}, {"mode": "explain", "prompt": None}]
)
def test_nothing_is_asked_of_an_api_or_for_prompts_without_neutral_words(opened, settings, setting):
    assert warming.warm(settings.model_copy(update=setting)) == 0
    assert not opened
