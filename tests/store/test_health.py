"""The checks of `churn-agent doctor`, as data."""

import pytest

from churn_agent.errors import InputError
from churn_agent.history.database import open_database
from churn_agent.models import weights
from churn_agent.settings import Settings
from churn_agent.store.health import check_up


def test_a_problem_is_data_with_its_remedy(tmp_path):
    settings = Settings(store=tmp_path / "store", models_dir=tmp_path / "none", model="scripted")
    checkup = check_up(lambda: settings)
    [problem] = checkup.problems
    assert problem.name == "weights of multilingual-e5-small-q4"
    assert (problem.sound, problem.remedy) == (False, "churn-agent models pull multilingual-e5-small-q4")
    assert checkup.next_step == "churn-agent models pull multilingual-e5-small-q4"
    assert {check.name for check in checkup.checks} >= {"python", "torch", "store", "model folder", "history", "index"}


@pytest.mark.parametrize("is_made", [False, True])
def test_in_a_store_without_data_the_next_step_is_an_import(tmp_path, monkeypatch, is_made):
    monkeypatch.setattr(weights, "find", lambda name, folder: folder / name)
    settings = Settings(store=tmp_path / "store", models_dir=tmp_path / "models", model="scripted")
    if is_made:
        open_database(settings.store).dispose()
    checkup = check_up(lambda: settings)
    assert checkup.problems == ()
    assert checkup.next_step == "churn-agent ingest FILE.csv"


def test_settings_that_cannot_be_read_end_the_checks_with_a_remedy(tmp_path):
    def load():
        raise InputError("a setting is wrong; run: churn-agent trust .env")

    checkup = check_up(load)
    assert checkup.checks[-1].name == "settings"
    assert checkup.next_step == "churn-agent trust .env"
    assert checkup.as_dict()["healthy"] is False


def test_a_store_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    settings = Settings(store=tmp_path / "file" / "store", models_dir=tmp_path / "none", model="scripted")
    assert "store" in [check.name for check in check_up(lambda: settings).problems]
