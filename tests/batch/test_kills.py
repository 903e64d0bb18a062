"""A batch in a process of its own that is killed again and again."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.history import interactions, records, runs
from churn_agent.reports.portfolio.building import build
from churn_agent.reports.portfolio.rows import to_csv
from churn_agent.settings import Settings
from tests.conftest import write_csv

DEFAULT = "qwen2.5-coder-1.5b-instruct"


def start(store, path, model):
    command = [sys.executable, "-m", "churn_agent", "--store", str(store), "batch", "--as-of", "2026-03-01"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*command, "--model", model, "-o", str(path)], **quiet)


def kill_while_it_writes(process, path, delay_s):
    """Whether it was still at work."""
    size = path.stat().st_size if path.exists() else 0
    while process.poll() is None and (not path.exists() or path.stat().st_size <= size):
        time.sleep(0.005)
    time.sleep(delay_s)
    alive = process.poll() is None
    if alive:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return alive


@pytest.mark.hard
@pytest.mark.parametrize(
    ("model", "customers", "kills", "most_delay_s"),
    [("scripted", 1500, 50, 0.1), pytest.param(DEFAULT, 40, 3, 1.0, marks=pytest.mark.model)],
)
def test_kills_lose_nothing_and_repeat_nothing(tmp_path, model, customers, kills, most_delay_s):
    texts = ("{} messages", "After {} calls it still does not work.", "I have had enough, I cancel number {}.")
    rows = [f'c-{n:04},2026-02-{n % 27 + 1:02},chat,"{texts[n % len(texts)].format(n)}"' for n in range(customers)]
    source = write_csv(tmp_path / "a.csv", *rows)
    for name in ("killed", "whole"):
        with ChurnAgent(Settings.load(store=tmp_path / name, model=model)) as agent:
            agent.ingest([source])
    killed, whole = tmp_path / "killed.jsonl", tmp_path / "whole.jsonl"
    rng = random.Random(0)  # noqa: S311 - moments to kill at, no secret
    done = [
        kill_while_it_writes(start(tmp_path / "killed", killed, model), killed, rng.uniform(0, most_delay_s))
        for _ in range(kills)
    ]
    assert all(done)
    assert start(tmp_path / "killed", killed, model).wait() == 0
    assert start(tmp_path / "whole", whole, model).wait() == 0

    def told(path):
        found = [json.loads(line) for line in path.read_text().splitlines()]
        for each in found:
            each["provenance"] = {k: v for k, v in each["provenance"].items() if k in ("prompt", "evidence_ids")}
        return found

    assert told(killed) == told(whole)
    reports = []
    for name in ("killed", "whole"):
        with ChurnAgent(Settings.load(store=tmp_path / name, model=model)) as agent:
            reports.append(to_csv(build(agent.store, runs.find(agent.history, "latest")), {}))
    assert reports[0] == reports[1]
    with ChurnAgent(Settings.load(store=tmp_path / "killed", model=model)) as agent:
        [run] = runs.all_runs(agent.history)
        assert run.summary["assessed"] == customers == len(list(records.of_run(agent.history, run.id)))
        # What was stored and not yet written when the process died is judged again; nothing else is.
        stored = sum(len(records.of_customer(agent.history, id_)) for id_ in interactions.customer_ids(agent.history))
        assert stored <= customers + kills
