from pathlib import Path

import pytest

from churn_agent.errors import InputError
from churn_agent.settings import Settings

ROOT = Path(__file__).parent.parent


def test_flag_before_environment_before_dotenv_before_project_file(tmp_path, monkeypatch):
    assert Settings.load().mode == "read"
    (tmp_path / "churn-agent.toml").write_text('mode = "explain"\nseed = 5\n')
    assert Settings.load().mode == "explain"
    (tmp_path / ".env").write_text("CHURN_AGENT_MODE=ask\n")
    assert Settings.load().mode == "ask"
    monkeypatch.setenv("CHURN_AGENT_MODE", "read")
    assert Settings.load().mode == "read"
    assert Settings.load(mode="explain").mode == "explain"
    assert Settings.load(mode=None).seed == 5


def test_a_value_that_does_not_fit_names_its_setting(monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_EVIDENCE_LIMIT", "none")
    with pytest.raises(InputError, match="'evidence_limit' cannot be 'none'"):
        Settings.load()


def test_a_broken_settings_file_is_one_line(tmp_path):
    (tmp_path / "churn-agent.toml").write_text("mode = \n")
    with pytest.raises(InputError, match="cannot read the settings files"):
        Settings.load()


def test_the_example_file_has_every_setting_and_no_other():
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = {line.lstrip("# ").split("=")[0] for line in lines if "CHURN_AGENT_" in line and "=" in line}

    assert named == {f"CHURN_AGENT_{name.upper()}" for name in Settings.model_fields}


def test_the_key_of_an_api_is_not_shown():
    assert "secret" not in repr(Settings.load(api_key="secret"))
