"""`batch --to` and `runs properties` as they are called, and the dbt project over the table."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from tests.lookback.small_book import SCRIPT, make

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "examples" / "dbt"


@pytest.fixture
def call(cli, tmp_path):
    with make(tmp_path / "book"):
        pass
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    model = ("--model", f"scripted:{tmp_path / 'script.json'}", "--mode", "read", "--prompt", "direct")

    def run(command, *arguments):
        more = model if command == "batch" else ()
        return cli("--store", tmp_path / "book" / "store", command, *arguments, *more)

    return run


def test_a_batch_writes_its_rows_and_says_how_many(call):
    done = call("batch", "--as-of", "2026-02-05", "--to", "scores.duckdb", "--to", "scores.parquet")
    assert done.code == 0, done.err
    assert "scores.duckdb: 30 new, 0 changed, 0 unchanged, 0 removed" in done.out
    done = call("batch", "--as-of", "2026-02-05", "--to", "scores.duckdb", "--json")
    assert done.json["to"] == [{"to": "scores.duckdb", "new": 0, "changed": 0, "unchanged": 30, "removed": 0}]


def test_an_error_while_scores_are_written_hides_neither_the_batch_nor_the_other_places(call, monkeypatch, tmp_path):
    from churn_agent.errors import Unavailable
    from churn_agent.reports.scores import publishing

    real = publishing.publish

    def failing(store, run, target, **more):
        if target.kind == "parquet":
            raise Unavailable("the disk is full")
        return real(store, run, target, **more)

    monkeypatch.setattr(publishing, "publish", failing)
    done = call("batch", "--as-of", "2026-02-05", "--to", "scores.parquet", "--to", "scores.duckdb")
    assert done.code == 4
    assert "the disk is full" in done.err
    assert "30 customers at 2026-02-05" in done.out
    assert "scores.duckdb: 30 new" in done.out


def test_a_place_that_cannot_be_written_is_found_before_the_batch(call, tmp_path):
    for place, code in (("scores.xlsx", 2), ("no-folder/scores.duckdb", 2), ("book/store/history.db", 2)):
        done = call("batch", "--as-of", "2026-02-05", "--to", place)
        assert (done.code, done.out) == (code, ""), place
    assert not list((tmp_path / "book" / "store").glob("batches/*"))


def test_a_dry_run_of_properties_shows_the_difference_and_writes_nothing(call, tmp_path):
    assert call("batch", "--as-of", "2026-02-05").code == 0
    done = call("runs", "properties", "--for", "hubspot", "-o", "first.csv", "--dry-run")
    assert done.code == 0, done.err
    assert not (tmp_path / "first.csv").exists()
    assert "(empty) ->" in done.out
    assert "0 fields cleared" in done.out
    assert call("runs", "properties", "--for", "hubspot", "-o", "first.csv").code == 0
    done = call("runs", "properties", "--for", "hubspot", "--dry-run", "--against", "first.csv")
    assert "0 records to write, 30 unchanged" in done.out
    done = call("runs", "properties", "--for", "salesforce")
    assert done.code == 2


def models_in_order():
    return [
        PROJECT / "models" / name
        for name in ("staging/stg_churn_scores.sql", "marts/churn_current.sql", "marts/churn_by_owner.sql")
    ]


def test_the_models_of_dbt_run_on_the_table(call, tmp_path):
    """Their SQL, with the names that dbt fills in; dbt itself runs below, where it is installed."""
    for day in ("2026-01-05", "2026-02-05"):
        assert call("batch", "--as-of", day, "--to", "scores.duckdb").code == 0
    assert sorted(PROJECT.rglob("*.sql")) == sorted(models_in_order())
    with duckdb.connect(str(tmp_path / "scores.duckdb")) as database:
        for path in models_in_order():
            sql = re.sub(r"\{\{ (?:source|ref)\((?:'churn_agent', )?'(\w+)'\) \}\}", r"\1", path.read_text())
            database.execute(f"CREATE VIEW {path.stem} AS {sql}")
        [(days, rows)] = database.execute("SELECT count(DISTINCT as_of), count(*) FROM stg_churn_scores").fetchall()
        assert (days, rows) == (2, 60)
        assert database.execute("SELECT count(*), count(change) FROM churn_current").fetchall() == [(30, 30)]
        assert database.execute("SELECT sum(customers) FROM churn_by_owner").fetchall() == [(30,)]


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("dbt") or os.environ.get("DBT")), reason="dbt-duckdb is not installed")
def test_dbt_builds_and_tests_the_project(call, tmp_path):
    assert call("batch", "--as-of", "2026-02-05", "--to", "scores.duckdb").code == 0
    project = shutil.copytree(PROJECT, tmp_path / "dbt")
    command = [os.environ.get("DBT", "dbt"), "build", "--project-dir", project, "--profiles-dir", project]
    environment = {**os.environ, "CHURN_SCORES": str(tmp_path / "scores.duckdb"), "DO_NOT_TRACK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR=0" in done.stdout
