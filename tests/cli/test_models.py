import hashlib
import json

import pytest

from churn_agent.errors import Unavailable
from churn_agent.models.catalogue import CatalogueEntry, Mirror, WeightsFile, catalogue

WEIGHTS = b"GGUF" + bytes(300)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch, tmp_path):
    """A catalogue with one small model, which the settings name."""
    tiny = CatalogueEntry(
        name="tiny",
        kind="language",
        purpose="test",
        licence="none",
        context_tokens=8,
        files=(WeightsFile(name="tiny.gguf", bytes=len(WEIGHTS), sha256=hashlib.sha256(WEIGHTS).hexdigest()),),
        mirror=Mirror(project="tiny", version="1.0", parts=1, member="{package}/tiny.gguf"),
    )
    monkeypatch.setitem(catalogue(), "tiny", tiny)
    monkeypatch.setenv("CHURN_AGENT_MODEL", "tiny")
    monkeypatch.setenv("CHURN_AGENT_EMBEDDER", "none")
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(tmp_path / "models"))


@pytest.fixture
def stick(tmp_path):
    """A folder that somebody carried here."""
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "download (1).bin").write_bytes(WEIGHTS)
    return tmp_path / "stick"


def test_weights_from_a_folder_become_a_bundle_and_weights_again(cli, stick, tmp_path, monkeypatch):
    assert cli("models", "pull", "--from", stick, "--no-warm").code == 0
    packed = cli("models", "bundle", tmp_path / "weights.tar")
    assert (packed.code, "tiny" in packed.out) == (0, True)
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(tmp_path / "there"))
    pulled = cli("models", "pull", "--from", tmp_path / "weights.tar", "--no-warm")
    assert (pulled.code, pulled.out.strip()) == (0, f"tiny: {tmp_path / 'there/tiny/tiny.gguf'}")
    assert cli("models", "verify").out == "tiny: matches the catalogue\n"


def test_what_cannot_be_evaluated_in_advance_is_a_note(cli, stick):
    pulled = cli("models", "pull", "--from", stick)
    assert pulled.code == 0
    assert "could not prepare shared answers" in pulled.err
    assert "evaluated" not in cli("models", "pull", "--from", stick, "--no-warm").err


def test_a_refused_package_index_is_one_line_and_exits_with_4(cli):
    pulled = cli("models", "pull", "--no-mirror")
    assert pulled.code == 4
    [line] = pulled.err.splitlines()
    assert "'tiny'" in line
    assert "--no-mirror" in line


@pytest.mark.parametrize("source", [(), ("--from", "weights.tar")])
def test_links_are_made_to_files_of_a_folder_only(cli, tmp_path, source):
    (tmp_path / "weights.tar").write_bytes(b"")
    assert cli("models", "pull", "--link", *source).code == 2


@pytest.mark.parametrize(("source", "code"), [("nothing", 2), ("text.tar", 3), ("empty", 4)])
def test_a_source_without_the_weights_is_one_line(cli, tmp_path, source, code):
    (tmp_path / "text.tar").write_text("no archive")
    (tmp_path / "empty").mkdir()
    pulled = cli("models", "pull", "--from", source)
    assert pulled.code == code
    assert len(pulled.err.splitlines()) == 1
    assert source in pulled.err


def test_weights_of_a_model_on_xllamacpp_are_those_of_its_name(cli, stick, tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_MODEL", "xllamacpp:tiny")
    assert cli("models", "pull", "--from", stick, "--no-warm").out.startswith("tiny: ")
    assert cli("models", "pull", "xllamacpp:tiny", "--no-warm").code == 0
    assert cli("models", "verify").out == "tiny: matches the catalogue\n"
    assert cli("models", "verify", "xllamacpp:tiny").code == 0
    assert cli("models", "bundle", tmp_path / "weights.tar").code == 0
    [row] = [each for each in json.loads(cli("models", "list", "--json").out) if each["name"] == "tiny"]
    assert row["default"]
    assert "weights of tiny" in cli("doctor").out


def test_settings_that_cannot_be_stored_are_not_measured_and_are_one_line(cli, stick, tmp_path, monkeypatch):
    pytest.importorskip("llama_cpp")
    from churn_agent.models.gguf import tuning

    cli("models", "pull", "--from", stick, "--no-warm")
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tuning, "user_config_path", lambda app: tmp_path / "file" / app)
    tuned = cli("models", "tune")
    assert tuned.code == 4
    [line] = tuned.err.splitlines()
    assert "cannot store measured settings in" in line
    with pytest.raises(Unavailable, match="make the folder writable"):
        tuning.store_tuning("model", tuning.Tuning(threads=3))
