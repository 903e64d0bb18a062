import re
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.errors import InputError, UntrustedSettings
from churn_agent.settings import Settings, project_files, trust_record
from churn_agent.settings.files import Guard, needs_trust

ROOT = Path(__file__).parents[2]


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
    with pytest.raises(InputError, match=r"cannot read the settings file 'churn-agent.toml': Invalid value"):
        Settings.load()


def test_every_setting_says_whether_it_needs_trust():
    marks = {name: [mark for mark in Guard if mark in field.metadata] for name, field in Settings.model_fields.items()}
    assert {name: found for name, found in marks.items() if len(found) != 1} == {}


def test_every_path_name_of_a_model_host_and_secret_needs_trust():
    guarded = {name for name, field in Settings.model_fields.items() if needs_trust(field)}
    named = {"model", "embedder", "base_url", "api_key"}
    paths = {name for name, field in Settings.model_fields.items() if "Path" in str(field.annotation)}
    words = ("url", "key", "dir", "host", "webhook", "address", "password")
    sounding = {name for name in Settings.model_fields if any(word in name for word in words)}
    assert named | paths | sounding <= guarded


def test_the_example_file_marks_what_needs_trust():
    marked: set[str] = set()
    for block in re.findall(r"(?m)^# \(trust\)(.*(?:\n# .*)*)", (ROOT / ".env.example").read_text()):
        wanted = re.split(r"\n# (?!CHURN_AGENT_)(?=[A-Z])", block)[0]  # up to the words about the next setting
        marked.update(name.lower() for name in re.findall(r"CHURN_AGENT_(\w+)=", wanted))
    assert marked == {name for name, field in Settings.model_fields.items() if needs_trust(field)}


def test_a_setting_without_a_mark_needs_trust():
    assert needs_trust(FieldInfo(annotation=str))


@pytest.mark.parametrize("name", [".env", "churn-agent.toml"])
def test_a_file_of_the_folder_sets_a_model_only_if_trusted(tmp_path, name):
    dotenv = name == ".env"
    path = tmp_path / name
    path.write_text(
        "CHURN_AGENT_MODEL=evil.gguf\nCHURN_AGENT_SEED=5\n" if dotenv else 'model = "evil.gguf"\nseed = 5\n'
    )
    wanted = rf"'{re.escape(name)}' in this folder sets model and is not trusted; .* run: churn-agent trust {path}$"
    with pytest.raises(UntrustedSettings, match=wanted):
        Settings.load()
    assert Settings.load(model="mine").seed == 5

    [file] = project_files()
    trust_record.grant(file.path, file.sha256)
    assert Settings.load().model == "evil.gguf"

    path.write_text(path.read_text() + "# changed\n")
    with pytest.raises(UntrustedSettings, match="sets model and has changed since you trusted it"):
        Settings.load()
    trust_record.revoke(file.path)
    with pytest.raises(UntrustedSettings, match="is not trusted"):
        Settings.load()


def test_a_setting_that_comes_from_elsewhere_needs_no_trust(tmp_path, monkeypatch):
    (tmp_path / "churn-agent.toml").write_text('model = "a"\nembedder = "b"\n')
    monkeypatch.setenv("CHURN_AGENT_MODEL", "mine")
    with pytest.raises(UntrustedSettings, match="sets embedder and is not"):
        Settings.load()
    (tmp_path / ".env").write_text("CHURN_AGENT_EMBEDDER=c\n")
    [file, _] = project_files()
    trust_record.grant(file.path, file.sha256)
    settings = Settings.load()
    assert (settings.model, settings.embedder) == ("mine", "c")


def test_files_of_the_user_need_no_trust(tmp_path):
    path = trust_record.record_path().with_name("config.toml")
    path.parent.mkdir(parents=True)
    path.write_text('model = "mine"\n')
    assert Settings.load().model == "mine"
    path.write_text('modell = "mine"\n')
    with pytest.raises(InputError, match=r"config.toml' sets 'modell', which is not a setting; did you mean model"):
        Settings.load()


def test_trust_holds_in_the_folder_where_it_was_given(tmp_path, monkeypatch):
    """Relative paths in a linked file would lead to what the other folder holds."""
    for folder in ("mine", "theirs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "mine/.env").write_text("CHURN_AGENT_EMBEDDER=./embedder\n")
    (tmp_path / "theirs/.env").symlink_to(tmp_path / "mine/.env")
    [file] = project_files(tmp_path / "mine")
    trust_record.grant(file.path, file.sha256)
    monkeypatch.chdir(tmp_path / "mine")
    assert Settings.load().embedder == "./embedder"
    monkeypatch.chdir(tmp_path / "theirs")
    with pytest.raises(UntrustedSettings):
        Settings.load()


def test_a_reference_to_the_environment_needs_trust(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "hidden")
    (tmp_path / ".env").write_text("CHURN_AGENT_PROMPT=${SECRET}\n")
    with pytest.raises(UntrustedSettings, match="sets prompt and"):
        Settings.load()
    [file] = project_files()
    trust_record.grant(file.path, file.sha256)
    assert Settings.load().prompt == "hidden"


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
        with pytest.raises(InputError, match="unknown setting 'evidence_limt'; did you mean evidence_limit"):
            change(evidence_limt=5)
        with pytest.raises(InputError, match=r"unknown setting 'xyz'; \.env\.example lists all settings"):
            change(xyz=5)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_misspelt_in_the_environment_is_named(monkeypatch, name):
    misspelt = f"CHURN_AGENT_{name[:-2]}{name[-1]}{name[-2]}".upper()
    monkeypatch.setenv(misspelt, "1")
    with pytest.raises(
        InputError, match=f"the environment sets '{misspelt}'.*did you mean .*CHURN_AGENT_{name.upper()}"
    ):
        Settings.load()


@pytest.mark.parametrize(
    "name", ["CHURN_AGENT_PORT", "CHURN_AGENT_SERVICE_HOST", "CHURN_AGENT_TEST_DATA", "churn_agent_seed"]
)
def test_variables_of_other_programs_are_not_settings(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert Settings.load().mode == "read"


def test_a_library_call_reads_neither_the_environment_nor_settings_files(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_MODEL", "from-the-environment")
    monkeypatch.setenv("CHURN_AGENT_SEED", "7")
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(tmp_path / "elsewhere"))
    (tmp_path / ".env").write_text("CHURN_AGENT_MODEL=evil.gguf\nCHURN_AGENT_BASE_URL=http://evil.example\nnonsense")
    (tmp_path / "churn-agent.toml").write_text('mode = "no such mode"\nstore = "/nowhere"\n')
    with ChurnAgent.open(tmp_path / "mine", model="scripted") as agent:
        assert agent.settings == Settings(store=tmp_path / "mine", model="scripted")
        assert agent.settings.seed == 0
    assert ChurnAgent.open(tmp_path / "mine").settings.model == Settings.model_fields["model"].default
    assert Settings().base_url is None


def test_what_an_agent_is_opened_with_is_checked(tmp_path):
    with pytest.raises(InputError, match="unknown setting 'modle'"):
        ChurnAgent.open(tmp_path, modle="scripted")
    with pytest.raises(InputError, match="setting 'mode' cannot be 'guess'"):
        ChurnAgent.open(tmp_path, mode="guess")
