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


def test_changed_settings_are_validated_as_loaded_ones_are(tmp_path, monkeypatch):
    settings = Settings.load(evidence_limit=5, method="boosting", api_key="secret")
    monkeypatch.setenv("CHURN_AGENT_SEED", "7")
    (tmp_path / "churn-agent.toml").write_text("mode = \n")  # no source is read again
    changed = settings.changed(evidence_limit="6", method=None, store="elsewhere")
    assert (changed.evidence_limit, changed.method, changed.seed) == (6, None, 0)
    assert changed.store == Path("elsewhere")
    assert changed.api_key == settings.api_key
    assert settings.evidence_limit == 5
    with pytest.raises(InputError, match="setting 'evidence_limit' cannot be 0: "):
        settings.changed(evidence_limit=0)


def test_a_setting_that_does_not_exist_is_refused():
    for change in (Settings.load, Settings.load().changed):
        with pytest.raises(InputError, match="there is no setting 'evidence_limt'"):
            change(evidence_limt=5)
