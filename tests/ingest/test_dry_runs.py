"""A dry run of an import writes nothing: it creates no store, migrates none and leaves every file as it is."""

import pytest

from churn_agent.history import copying, database
from churn_agent.history.database import FILE_NAME
from tests.conftest import write_csv
from tests.history.test_migrating import old_store

HEADER = "customer_id,date,text,direction"
STATES = ("none", "of an earlier version", "of this version", "read-only")


@pytest.fixture(params=STATES)
def store(request, cli, tmp_path, monkeypatch):
    """A store in one of the states."""
    folder = tmp_path / "store"
    if request.param == "of an earlier version":
        old_store(folder)
    elif request.param != "none":
        cli("ingest", write_csv(tmp_path / "old.csv", "c-1,2026-01-01,hello,inbound", header=HEADER))
    if request.param == "read-only":
        for module in (copying, database):
            monkeypatch.setattr(module, "is_read_only", lambda path: path.is_relative_to(folder))
    return folder


def files(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_writes_nothing(cli, store, tmp_path):
    rows = "c-1,2026-01-01,hello,inbound", "c-2,2026-03-01,I cancel,inbound", ",2026-03-01,no id,inbound"
    path = write_csv(tmp_path / "new.csv", *rows, header=HEADER)
    before = files(tmp_path)
    result = cli("ingest", path, "--dry-run", "--json")
    assert (result.code, result.json["added"] >= 1, result.json["rejected"]) == (0, True, 1)
    assert "migrating" not in result.err
    assert files(tmp_path) == before
    assert store.exists() == (store / FILE_NAME in before)


def test_a_dry_run_says_what_the_import_would_do(cli, tmp_path):
    old_store(tmp_path / "store")
    path = write_csv(
        tmp_path / "a.csv", "c-1,2026-01-01T00:00:00Z,hello", "c-2,2026-03-01,hi", header="customer_id,date,text"
    )
    said = [cli("ingest", path, "--unknown-is", "customer", *more, "--json").json for more in (["--dry-run"], [])]
    for summary in said:
        del summary["import_id"], summary["dry_run"], summary["rejects_file"]
    assert said[0] == said[1]


def test_a_store_that_is_not_one_is_one_line(cli, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / FILE_NAME).write_bytes(b"not a database" * 100)
    result = cli("ingest", write_csv(tmp_path / "a.csv", "c-1,2026-03-01,hi,inbound", header=HEADER), "--dry-run")
    assert (result.code, result.out) == (4, "")
    assert "cannot copy the history" in result.err.splitlines()[-1]
