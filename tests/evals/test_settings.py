"""Which stores and settings evals use, and what importing them loads."""

import inspect
import subprocess
import sys

import pytest

from churn_agent import evals
from churn_agent.evals import run_baselines, run_suite
from churn_agent.settings import Settings


@pytest.mark.parametrize("command", ["run", "baselines", "doctor", "abstention"])
def test_the_store_option_names_the_folder_where_stores_of_sets_are_kept(
    cli, light_suite_file, book_folder, tmp_path, command
):
    arguments = {"run": [light_suite_file], "baselines": [book_folder, "--method", "recency"]}
    result = cli("--store", tmp_path / "kept", "eval", command, *arguments.get(command, [book_folder]))
    assert result.code in (0, 3), result.err
    [store] = (tmp_path / "kept").iterdir()
    assert store.name.startswith("book-")
    assert list(store.iterdir())
    assert not (tmp_path / "eval-runs" / "stores").exists()
    assert "--store DIR" in cli("eval", "--help").out


def test_without_the_option_stores_lie_beside_the_run_and_the_users_own_store_is_not_touched(
    cli, light_suite_file, tmp_path
):
    assert cli("eval", "run", light_suite_file, "-o", tmp_path / "runs" / "first").code == 0
    assert list((tmp_path / "runs" / "stores").glob("book-*"))
    assert not (tmp_path / "store").exists()  # CHURN_AGENT_STORE


@pytest.mark.slow
def test_a_run_takes_the_settings_that_it_is_given_and_none_of_the_environment(
    light_suite_file, book_folder, tmp_path, monkeypatch
):
    settings = Settings.load(sets_dir=book_folder.parent, model="scripted")
    monkeypatch.setenv("CHURN_AGENT_MODE", "guess")  # would be refused if it were read
    monkeypatch.setenv("CHURN_AGENT_SETS_DIR", str(tmp_path / "nowhere"))
    result = run_suite(light_suite_file, settings=settings, out=tmp_path / "run")
    assert result.log.default_model == "scripted"
    assert result.log.settings["mode"] == "read"
    assert run_baselines("book", settings=settings, out=tmp_path / "baselines", methods=["recency"])


def test_the_log_holds_no_path_address_or_key_of_the_user(light_suite_file, tmp_path):
    settings = Settings.load(
        api_key="secret", base_url="http://secret.test/v1", prompts_dir=tmp_path, models_dir=tmp_path / "secret"
    )
    run_suite(light_suite_file, settings=settings, out=tmp_path / "run")
    assert "secret" not in (tmp_path / "run" / "run.json").read_text(encoding="utf-8")


def test_public_names_are_loaded_when_they_are_used():
    for name in evals.__all__:
        assert inspect.getdoc(getattr(evals, name)), name
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        _ = evals.magic
    heavy = "('numpy', 'scipy', 'sklearn', 'chromadb', 'sqlalchemy', 'pydantic')"
    program = f"import sys, churn_agent.evals, churn_agent.cli.evals; print([m for m in {heavy} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
