"""The examples run as they are, with a stand-in where they need a model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import churn_agent

ROOT = Path(churn_agent.__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PRINTED = {
    "assess.py": "assessed ",
    "batch_to_dataframe.py": "enterprise",
    "compare_prompts.py": "ask/yes_no     AUROC 0.50",
    "own_prompt.py": "ask/renewal@1 assessed",
    "own_reader.py": "Please cancel it",
    "week.py": "1 customer has given notice",
}

QUICK = {"assess.py", "own_reader.py"}


def test_there_is_something_to_look_for_in_what_each_prints():
    assert {path.name for path in EXAMPLES} == set(PRINTED)


@pytest.mark.parametrize(
    "path",
    [path if path.name in QUICK else pytest.param(path, marks=pytest.mark.slow) for path in EXAMPLES],
    ids=lambda path: path.name,
)
def test_an_example_is_short_documented_and_runs(path, tmp_path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 60
    assert f"python examples/{path.name}" in source
    options = ["--model", "scripted"] if "--model" in source else []
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(path), *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert PRINTED[path.name] in done.stdout
