"""Pipes whose reader has gone, as `| head -1` does."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.running import run_batch
from churn_agent.cli import common, main
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.conftest import write_csv

ROWS = [f"c-{n},2026-02-{n:02},chat,I will leave you soon" for n in range(1, 9)]
PRINTING = [
    ["--help"],
    ["customers"],
    ["customers", "--json"],
    ["show", "c-1"],
    ["data", "report"],
    ["evidence", "c-1", "--model", "scripted"],
    ["assess", "c-1", "--model", "scripted", "--prompt", "direct"],
    ["assess", "c-1", "--model", "scripted", "--prompt", "direct", "--json"],
    ["batch", "--model", "scripted", "--prompt", "direct"],
    ["runs", "list"],
    ["runs", "show"],
    ["imports", "list"],
    ["outcomes", "suggest"],
    ["audit", "--random", "3", "-o", "cards.csv"],
    ["actions", "list"],
    ["tasks", "update"],
    ["tasks", "list", "--json"],
    ["brief", "c-1"],
    ["models", "list"],
    ["eval", "sets"],
    ["schema"],
    ["doctor"],
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a run."""
    folder = tmp_path_factory.mktemp("book")
    with ChurnAgent(Settings(store=folder / "store", prompt="direct"), model=ScriptedModel()) as agent:
        agent.ingest([write_csv(folder / "a.csv", *ROWS)])
        run_batch(agent, folder / "a.jsonl")
    return folder / "store"


@pytest.fixture
def closed():
    """The writing end of a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_command_ends_quietly_where_nobody_reads_any_more(store, monkeypatch, closed, arguments):
    monkeypatch.setenv("CHURN_AGENT_STORE", str(store))
    monkeypatch.setattr(common.out, "quiet", False)  # Rich silences a console whose pipe is closed
    monkeypatch.setattr(sys, "stdout", os.fdopen(os.dup(closed), "w", encoding="utf-8"))
    with pytest.raises(SystemExit) as ended:
        main.run(arguments)
    assert ended.value.code == 1


def test_every_group_has_a_command_among_these():
    groups = {name for name, command in main.cli.commands.items() if isinstance(command, click.Group)}
    named = {words[0] for words in PRINTING}
    assert groups - named <= {"aliases", "corrections", "feedback", "labels", "ledger", "outcomes", "data"} | named


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["customers"], ["runs", "list"], ["actions", "list"], ["schema"], ["--help"]], ids=" ".join
)
def test_the_real_command_prints_no_traceback_into_a_closed_pipe(store, closed, arguments):
    environment = {**os.environ, "CHURN_AGENT_STORE": str(store), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "churn_agent", *arguments]
    done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False, env=environment, text=True)
    assert done.returncode == 1
    assert not [line for line in done.stderr.splitlines() if not line.startswith("\u00b7 ")]
