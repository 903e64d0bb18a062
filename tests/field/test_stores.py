"""Stores, databases and machines in odd places. What is tested elsewhere more fully is named here by its case only."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.errors import StoreUnavailable
from churn_agent.models import cores
from tests.field.books import customers, lines, put
from tests.index.letters import Letters

ROOT = Path(__file__).parents[2]
CHAT = lines("customer_id,created_at,channel,direction,text", "k1,2025-03-01,chat,inbound,good day to you")


def command(*arguments, cwd, **environment):
    """Runs the installed command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "churn_agent", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=cwd, encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


# 46
@pytest.mark.parametrize("name", ["x/a?b", "x/a#b", "%20x", "50%", "Bücher [1]"])
def test_a_store_lies_where_it_is_named(tmp_path, scripted, name):
    with ChurnAgent.open(tmp_path / "stores" / name, model="scripted") as agent:
        agent.ingest(put(tmp_path / "t.csv", CHAT))
    assert (tmp_path / "stores" / name / "history.db").is_file()
    with ChurnAgent.open(tmp_path / "stores" / f"{name}2", model="scripted") as other:
        assert customers(other) == []


# 47
@pytest.mark.parametrize("name", ["a b.db", "50%.db", "x#2.db", "x?2.db", "ü.db"])
def test_a_database_is_read_whatever_its_name_and_nothing_is_written_beside_it(agent, tmp_path, name):
    folder = tmp_path / "data"
    folder.mkdir()
    with sqlite3.connect(folder / name) as connection:
        connection.execute("create table interactions (customer_id, created_at, text)")
        connection.execute("insert into interactions values ('k1', '2025-03-01', 'good day')")
    connection.close()
    before = (folder / name).read_bytes()
    agent.ingest(folder / name)
    assert customers(agent) == ["k1"]
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_bytes() == before


# 70
@pytest.mark.parametrize(("quota", "threads"), [("50000 100000", 1), ("250000 100000", 2), ("max 100000", 8)])
def test_a_quota_of_a_container_limits_the_threads(tmp_path, quota, threads):
    put(tmp_path / "proc/self/cgroup", "0::/box\n")
    put(tmp_path / "sys/fs/cgroup/box/cpu.max", quota)
    assert cores.within_quota(8, tmp_path) == threads


# 77
def test_a_second_process_is_told_that_the_index_is_in_use(tmp_path, scripted):
    with ChurnAgent.open(tmp_path / "store") as first, ChurnAgent.open(tmp_path / "store") as second:
        first.store.__dict__["embedder"] = second.store.__dict__["embedder"] = Letters()
        first.ingest(put(tmp_path / "t.csv", CHAT))
        first.store.index()
        with pytest.raises(StoreUnavailable, match="another churn-agent"):
            second.store.index(rebuild=True)
