"""The real command on consoles with few characters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import write_csv

TEXT = "Grüße, příště odejdu \u2026 \U0001f600 再见"


@pytest.fixture
def run(tmp_path):
    def run(*arguments, encoding):
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path(__file__).parents[2])}
        environment |= {"PYTHONUTF8": "0", "CHURN_AGENT_STORE": str(tmp_path / "store")}
        command = [sys.executable, "-m", "churn_agent", *arguments]
        done = subprocess.run(command, capture_output=True, check=False, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode(encoding)

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("cp1252", "Grüße, p\\u0159íšt\\u011b odejdu \u2026 \\ud83d\\ude00 \\u518d\\u89c1"),
        ("utf-8", TEXT),
    ],
)
def test_output_has_every_character_that_the_console_has_and_escapes_for_the_others(run, tmp_path, encoding, shown):
    write_csv(tmp_path / "t.csv", f'č-1,2026-02-01,chat,"{TEXT}"')
    run("ingest", "t.csv", encoding=encoding)
    assert shown in run("show", "č-1", encoding=encoding)
    document = json.loads(run("show", "č-1", "--json", encoding=encoding))
    assert document["interactions"][0]["text"] == TEXT
    assert document["customer_id"] == "č-1"
    assessed = json.loads(run("assess", "--text", TEXT, "--model", "scripted", "--json", encoding=encoding))
    assert assessed["customer_id"] == "(text)"
    run("assess", "č-1", "--model", "scripted", encoding=encoding)
