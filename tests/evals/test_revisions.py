"""The script of the CI action, on a local git repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from churn_agent.evals.sets.making import make_set
from tests.evals.test_making import filled, prompts

__all__ = ["filled", "prompts"]
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "compare_revisions.sh"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("git"), reason="needs git")]


@pytest.fixture
def repository(filled, prompts, tmp_path):
    """A repository with a prompt that works, a set and a suite."""
    folder = tmp_path / "repository"
    (folder / "prompts" / "ask").mkdir(parents=True)
    shutil.copy(prompts / "ask" / "clear.yaml", folder / "prompts" / "ask" / "ours.yaml")
    make_set(filled.store, folder / "set")
    suite = {"sets": ["set"], "ways": [{"mode": "ask", "prompts": ["ours"]}], "baselines": []}
    (folder / "suite.yaml").write_text(yaml.safe_dump(suite))
    (folder / ".gitignore").write_text("eval-runs/\n")
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "base")
    return folder


def git(folder, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run([shutil.which("git"), *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder, message):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def compare(folder, base="main"):
    environment = {**os.environ, "CHURN_AGENT": f"{sys.executable} -m churn_agent", "PYTHONPATH": str(ROOT)}
    environment.pop("CHURN_AGENT_PROMPTS_DIR")
    command = ["/bin/sh", str(SCRIPT), "suite.yaml", base, "0.02", "prompts", "eval-runs/revisions"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    comment = folder / "eval-runs" / "revisions" / "comment.md"
    return done, comment.read_text() if comment.exists() else None


def change(folder, words):
    git(folder, "checkout", "-q", "-b", "change")
    prompt = folder / "prompts" / "ask" / "ours.yaml"
    prompt.write_text(prompt.read_text().replace("Read with care.", words))
    commit(folder, "change")


def test_a_prompt_that_becomes_worse_fails_with_a_comment(repository):
    change(repository, "MUDDLED")
    done, comment = compare(repository)
    assert done.returncode == 1, done.stderr
    assert "### churn-agent: failed" in comment
    assert "**worse" in comment
    assert "2 ways" in comment
    assert len(subprocess.check_output(["git", "worktree", "list"], cwd=repository).splitlines()) == 1  # noqa: S607


def test_a_prompt_that_stays_as_good_passes(repository):
    change(repository, "Please read with care.")
    done, comment = compare(repository)
    assert done.returncode == 0, done.stderr
    assert "### churn-agent: passed" in comment


def test_a_base_without_prompts_or_without_a_commit_is_said_in_a_line(repository):
    done, comment = compare(repository, base="nowhere")
    assert done.returncode != 0
    assert comment is None
    git(repository, "checkout", "-q", "--orphan", "empty")
    git(repository, "rm", "-rq", "--cached", "prompts")
    git(repository, "commit", "-q", "-m", "no prompts", "--allow-empty")
    git(repository, "checkout", "-qf", "main")
    done, comment = compare(repository, base="empty")
    assert done.returncode == 2
    assert "has no folder prompts" in done.stderr
