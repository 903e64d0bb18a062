"""What is shipped and what is documented."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest

import churn_agent
from churn_agent.cli.main import cli
from churn_agent.content.prompts import list_prompts
from churn_agent.settings import Settings

ROOT = Path(churn_agent.__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return folder / done.stdout.split()[-1]


def test_the_wheel_holds_prompts_migrations_and_catalogue(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {f"churn_agent/_prompts/{mode}/{name}.yaml" for mode, name in list_prompts()}
    assert shipped | {"churn_agent/_prompts/signals.yaml", "churn_agent/_prompts/playbook.yaml"} <= names
    assert "churn_agent/history/migrations/versions/0001_first_schema.py" in names
    assert {
        "churn_agent/py.typed",
        "churn_agent/domain/record.schema.json",
        "churn_agent/models/catalogue.yaml",
    } <= names
    assert {"churn_agent/demo/phrases.yaml", "churn_agent/demo/accounts.yaml"} <= names
    assert "churn_agent/evals/runs/report.html" in names
    assert {f"churn_agent/_eval/{name}" for name in ("sets/dev_chat.yaml", "datasets/hard_cases/labels.csv")} <= names
    assert not any(name.startswith(("tests/", "eval/")) for name in names)


def test_an_unpacked_wheel_finds_its_own_prompts(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import churn_agent, churn_agent.content.prompts as p; print(churn_agent.__file__); print(len(p.list_prompts()), p.load_prompt('read').name)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    where, found = done.stdout.splitlines()
    assert Path(where).is_relative_to(tmp_path)
    assert found == f"{len(list_prompts())} encoder"


def test_the_example_settings_explain_every_setting():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"(?m)^# CHURN_AGENT_(\w+)=", text))
    assert named == {name.upper() for name in Settings.model_fields}
    for name, value in re.findall(r"(?m)^# CHURN_AGENT_(\w+)=(.+)$", text):
        assert str(Settings.model_fields[name.lower()].default) in (
            value,
            f"{value}.0",
            str(float(value) if value.replace(".", "").isdigit() else value),
        )


def test_programs_that_are_started_import_nothing_from_the_working_folder():
    for path in (ROOT / "churn_agent").rglob("*.py"):
        for after in re.findall(r"sys\.executable,\s*(\S+)", path.read_text(encoding="utf-8")):
            assert after == '"-P",', path


def _commands_in(text):
    for block in re.findall(r"```(?:sh|console|bash)?\n(.*?)```", text, flags=re.S):
        for line in block.splitlines():
            found = re.match(r"(?:\$ )?churn-agent ((?:[\w-]+ ?)*.*)", line.split("  #")[0].strip())
            if found:
                yield found[1]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documented_commands_and_options_exist(path):
    for line in _commands_in(path.read_text(encoding="utf-8")):
        command, words = cli, line.split()
        if words[0] == "--store":
            words = words[2:]
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for option in re.findall(r"(?<!\S)(--?[a-z][\w-]*)", " ".join(words)):
            assert option in known, line


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_the_project_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
