import pytest

from churn_agent.cli import main
from churn_agent.settings import trust_record


@pytest.fixture
def dotenv(tmp_path):
    path = tmp_path / ".env"
    path.write_text("CHURN_AGENT_MODEL=scripted\nCHURN_AGENT_SEED=1\n")
    return path


def test_an_untrusted_file_stops_a_command_with_one_line(cli, dotenv, monkeypatch):
    result = cli("models", "list")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "churn-agent: '.env' in this folder sets model and is not trusted; check it, then run: "
        f"churn-agent trust {dotenv}\n"
    )
    assert cli("--help").code == cli("trust", "--help").code == 0
    assert cli("trust").out == f"{dotenv}: trusted, sets model\n"
    assert cli("models", "list").code == 0


def test_what_is_trusted_is_listed_with_its_state(cli, dotenv, tmp_path):
    assert cli("trust", "--list", "--json").json == []
    assert "no file is trusted" in cli("trust", "--list").err
    assert cli("trust", dotenv, "--json").json == [{"file": str(dotenv), "state": "trusted", "sets": ["model"]}]
    dotenv.write_text("CHURN_AGENT_EMBEDDER=x\n")
    assert cli("trust", "--list").out == f"{dotenv}: changed since it was trusted, sets embedder\n"
    dotenv.write_text("CHURN_AGENT_MODLE=x\n")
    assert "which is not a setting" in cli("trust", "--list").out
    dotenv.unlink()
    assert cli("trust", "--list").out == f"{dotenv}: gone\n"
    assert cli("trust", "--revoke", dotenv).out == f"{dotenv}: no longer trusted\n"
    assert cli("trust", "--revoke", dotenv).out == f"{dotenv}: was not trusted\n"
    assert cli("trust", "--list", "--json").json == []


def test_both_files_of_a_folder_are_trusted_at_once_and_harmless_ones_not_recorded(cli, dotenv, tmp_path):
    (tmp_path / "churn-agent.toml").write_text("seed = 3\n")
    states = {row["file"]: row["state"] for row in cli("trust", "--json").json}
    assert states == {str(dotenv): "trusted", str(tmp_path / "churn-agent.toml"): "needs no trust"}
    assert list(trust_record.entries()) == [str(dotenv)]
    assert cli("trust", "--revoke").out == f"{dotenv}: no longer trusted\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "this folder has neither .env nor churn-agent.toml"),
        (["settings.toml"], "'settings.toml' is not a settings file; name a .env or a churn-agent.toml"),
        (["nowhere/.env"], "file not found: 'nowhere/.env'"),
        (["--list", "--revoke"], "--list takes neither FILE nor --revoke"),
    ],
)
def test_nothing_to_trust_is_one_line(cli, arguments, line):
    result = cli("trust", *arguments)
    assert (result.code, result.out) == (2, "")
    assert line in result.err


def test_doctor_shows_which_files_are_trusted(cli, dotenv, tmp_path):
    (tmp_path / "churn-agent.toml").write_text("seed = 3\n")
    result = cli("doctor", "--json")
    report = result.json["report"]
    assert result.code == 4
    assert report["settings in .env"] == "not trusted, sets model, seed"
    assert report["settings in churn-agent.toml"] == "needs no trust, sets seed"
    assert result.json["next"] == f"churn-agent trust {dotenv}"
    assert "store" not in report
    cli("trust")
    assert cli("doctor", "--json").json["report"]["settings in .env"] == "trusted, sets model, seed"


def test_no_command_but_trust_and_doctor_gets_past_an_untrusted_file(cli, dotenv, tmp_path):
    (tmp_path / "store").mkdir()
    for words in (["customers"], ["assess", "c-1"], ["runs", "list"], ["ledger", "score"], ["eval", "sets"]):
        result = cli(*words)
        assert result.code == 2, words
        assert "is not trusted" in result.err
    assert list((tmp_path / "store").iterdir()) == []
    assert main.run(["trust", "--list"]) == 0
