import os

import pytest

from churn_agent.errors import InputError
from churn_agent.settings import Settings
from churn_agent.settings.files import read


def read_here(path):
    return read(path, Settings.model_fields)


@pytest.fixture
def dotenv(tmp_path):
    return tmp_path / ".env"


def test_lines_of_other_programs_are_left_alone(dotenv):
    dotenv.write_bytes(
        b"\xef\xbb\xbfexport Churn_Agent_Mode='ask'\nDATABASE_URL=${x}\nstore=/tmp\n# CHURN_AGENT_SEED=1\n"
    )
    file = read_here(dotenv)
    assert file.values == file.harmless == {"mode": "ask"}


def test_what_is_hashed_is_what_is_used(dotenv):
    dotenv.write_text("CHURN_AGENT_STORE=a\n")
    file = read_here(dotenv)
    dotenv.write_text("CHURN_AGENT_STORE=b\n")
    assert file.values == {"store": "a"}
    assert file.sha256 != read_here(dotenv).sha256


def test_no_file_and_a_virtual_environment_of_that_name_are_no_settings(dotenv):
    assert read_here(dotenv) is None
    dotenv.mkdir()
    assert read_here(dotenv) is None


UNUSABLE = {
    "a pipe or a device": os.mkfifo,
    "a link to a file that does not exist": lambda path: path.symlink_to(path.with_name("nothing")),
    "cannot read the settings file '.*': Too many levels of symbolic links": lambda path: path.symlink_to(path),
    "is larger than 1 MiB": lambda path: path.write_bytes(b"#" * ((1 << 20) + 1)),
    "cannot read the settings file '.*': 'utf-8' codec": lambda path: path.write_bytes(b"CHURN_AGENT_MODE=\xff"),
    "CHURN_AGENT_MODLE', which is not a setting; did you mean CHURN_AGENT_MODE": lambda path: path.write_text(
        "CHURN_AGENT_MODLE=x"
    ),
    "CHURN_AGENT_XYZ', which is not a setting$": lambda path: path.write_text("CHURN_AGENT_XYZ=x"),
}


@pytest.mark.parametrize("line", UNUSABLE)
def test_an_unusable_file_is_one_line(cli, dotenv, line):
    UNUSABLE[line](dotenv)
    with pytest.raises(InputError, match=line):
        read_here(dotenv)
    result = cli("models", "list")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_a_file_without_permission_is_one_line(dotenv):
    dotenv.touch(mode=0)
    with pytest.raises(InputError, match="Permission denied"):
        read_here(dotenv)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "[mode", 'mode = "\\q"', 'MODE = "ask"', "[tool]\nmode = 1"])
def test_a_broken_or_misspelt_toml_file_is_refused(tmp_path, text):
    path = tmp_path / "churn-agent.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"churn-agent.toml'"):
        read_here(path)
