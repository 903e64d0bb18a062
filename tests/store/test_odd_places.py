"""Stores in folders with unusual names, and stores that cannot be written to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.errors import StoreUnavailable
from churn_agent.history.database import FILE_NAME
from tests.conftest import write_csv

NAMES = ("a?b", "a?c", "a#b", "%20x", "100%", "a b", "Müller [1]", "-store", "a&b=c", "a:b", ":memory:", "a'b", 'a"b')


@pytest.mark.parametrize("name", NAMES)
def test_a_store_lies_in_its_folder_whatever_the_name(tmp_path, cli, name):
    rows = write_csv(tmp_path / "t.csv", f"{name},2026-02-01T10:00Z,chat,hello")
    folder = tmp_path / "stores" / name
    assert cli("--store", folder, "ingest", rows).code == 0
    assert [path.name for path in folder.parent.iterdir()] == [name]
    assert (folder / FILE_NAME).is_file()
    assert cli("--store", folder, "customers").out.split("\t")[0] == name


def test_a_relative_store_that_begins_with_a_dash_is_one_folder(tmp_path, cli):
    rows = write_csv(tmp_path / "t.csv", "c-1,2026-02-01T10:00Z,chat,hello")
    assert cli("--store=-a?b", "ingest", rows).code == 0
    assert (tmp_path / "-a?b" / FILE_NAME).is_file()


def test_stores_whose_names_differ_after_a_question_mark_stay_apart(tmp_path, cli):
    for name in ("a?b", "a?c"):
        rows = write_csv(tmp_path / "t.csv", f"customer of {name},2026-02-01T10:00Z,chat,hello")
        cli("--store", tmp_path / name, "ingest", rows)
    for name in ("a?b", "a?c"):
        assert cli("--store", tmp_path / name, "customers", "--json").json[0]["customer_id"] == f"customer of {name}"


# --- read-only


def _limited() -> list[str]:
    """A prefix for commands, so that permissions hold for them even if the tests run as root."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root can write anywhere, and there is no setpriv to change that")
    return ["setpriv", "--bounding-set=-dac_override"]


@pytest.fixture(scope="module")
def read_only(tmp_path_factory):
    """A function that runs a command on a read-only store with two customers and a batch."""
    folder = tmp_path_factory.mktemp("read-only")
    store = folder / "store"
    rows = (
        "c-1,2026-02-01T10:00Z,chat,I want to cancel my contract today",
        "c-2,2026-02-02T10:00Z,chat,thank you for the help",
    )
    write_csv(folder / "new.csv", "c-3,2026-02-03T10:00Z,chat,new")
    with ChurnAgent.open(store, model="scripted") as agent:
        agent.ingest([write_csv(folder / "t.csv", *rows)])
        run_batch(agent, folder / "records.jsonl", BatchSpec())
    for path in (store, *store.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in (store, *store.rglob("*"))}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [*_limited(), sys.executable, "-m", "churn_agent", "--store", str(store), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
        assert {path: path.stat().st_mtime_ns for path in (store, *store.rglob("*"))} == before
        return done

    yield run
    for path in (store, *store.rglob("*")):
        path.chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("customers",), "c-2"),
        (("show", "c-1"), "cancel my contract"),
        (("data", "report"), "of which 2 are messages"),
        (("data", "imports"), "2 added"),
        (("runs", "list"), "2"),
        (("report", "-o", "r.csv"), "written: r.csv"),
        (("digest",), "Churn risk at"),
    ],
)
def test_looking_at_a_read_only_store_works_and_writes_nothing(read_only, command, shown):
    done = read_only(*command)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [("ingest", "new.csv"), ("assess", "c-1", "--model", "scripted"), ("index",), ("forget", "c-1", "--yes")]
)
def test_a_command_that_writes_names_the_read_only_store_in_one_line(read_only, command):
    done = read_only(*command)
    assert done.returncode == 4, done.stdout + done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("churn-agent:")]
    assert "read-only" in line
    assert "Traceback" not in done.stderr


def test_searching_a_read_only_store_uses_a_copy_of_its_index(tmp_path, monkeypatch):
    from tests.index.letters import Letters

    def opened():
        agent = ChurnAgent.open(tmp_path / "store")
        agent.store.__dict__["embedder"] = Letters()
        return agent

    with opened() as agent:
        agent.ingest(write_csv(tmp_path / "t.csv", "c-1,2026-02-01,chat,abc abc", "c-2,2026-02-01,chat,zzz"))
        agent.store.index()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("index*/**/*")}
    monkeypatch.setattr("churn_agent.store.store.is_read_only", lambda path: True)
    with opened() as agent:
        assert [hit.interaction.customer_id for hit in agent.store.search("abc", limit=1)] == ["c-1"]
        copy = Path(agent.store._copy.name)
        assert copy.is_dir()
        with pytest.raises(StoreUnavailable, match="read-only"):
            agent.store.index()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("index*/**/*")} == before
    assert not copy.exists()
