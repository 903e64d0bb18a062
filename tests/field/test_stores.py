"""Stores, databases and machines in odd places."""

import sqlite3

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.errors import StoreUnavailable
from churn_agent.index import vectors
from churn_agent.models import cores
from tests.field.books import customers, lines, put
from tests.index.letters import Letters

CHAT = lines("customer_id,created_at,channel,direction,text", "k1,2025-03-01,chat,inbound,good day to you")


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
def test_who_wants_an_index_that_is_in_use_is_told(agent, tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(vectors, "_WAIT_S", 0.1)
    agent.store.__dict__["embedder"] = Letters()
    agent.ingest(put(tmp_path / "t.csv", CHAT))
    with (agent.settings.store / "index.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as another process does
        with pytest.raises(StoreUnavailable, match="another churn-agent is using the index"):
            agent.store.index(rebuild=True)
