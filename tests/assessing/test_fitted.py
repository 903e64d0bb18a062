"""A model whose thresholds nobody measured: its scores rank, and give no band."""

from dataclasses import replace

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.models.scripted import ScriptedModel
from churn_agent.reports import files, terminal, wording
from churn_agent.settings import Settings


class Unknown(ScriptedModel):
    """A stand-in that passes for a language model."""

    @property
    def info(self):
        return replace(super().info, id="some-model", stand_in=False)


@pytest.fixture
def record(tmp_path):
    def of(model, **settings):
        with ChurnAgent(
            Settings.load(store=tmp_path / "store", models_dir=tmp_path / "models", **settings), model=model
        ) as agent:
            return agent.assess_text("The staff was rude to me.")

    return of


def test_a_model_that_is_not_fitted_gives_a_score_and_no_band(record):
    unfitted, fitted = record(Unknown(), prompt="words"), record(ScriptedModel())
    assert (unfitted.band, unfitted.fitted) == (None, False)
    assert (fitted.band is not None, fitted.fitted) == (True, True)
    assert unfitted.churn_probability.raw == fitted.churn_probability.raw
    assert unfitted.provenance.thresholds_hash == fitted.provenance.thresholds_hash is not None


@pytest.mark.parametrize(
    ("prompt", "command"),
    [
        ("words", "models fit some-model --prompt read/words"),
        ("few_shot", "models fit some-model --prompt read/few_shot"),
    ],
)
def test_cards_say_so_in_one_line(record, capsys, prompt, command):
    from rich.console import Console

    unfitted = record(Unknown(), prompt=prompt)
    line = f"No band, not fitted: run churn-agent {command}"
    assert wording.not_fitted(unfitted) == line
    assert f"**{line}.**" in files.to_markdown(unfitted)
    terminal.print_card(unfitted, Console(width=100), company="Acme")
    printed = capsys.readouterr().out
    assert line in printed
    assert "uncalibrated" in printed
    assert "risk:" not in printed


def test_modes_without_thresholds_have_bands_with_any_model(record):
    asked = record(Unknown(), mode="ask")
    assert asked.band is not None
    assert asked.provenance.thresholds_hash is None
