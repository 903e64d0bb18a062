"""The table of scores: stable rows, written only where something changed, words only on demand."""

import re
import socket
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from churn_agent.errors import ChurnAgentError, InputError, Unavailable
from churn_agent.history import runs
from churn_agent.history.feedback import Feedback
from churn_agent.history.feedback import add as add_feedback
from churn_agent.reports.scores import publishing, targets
from churn_agent.reports.scores.columns import COLUMNS, SCHEMA_VERSION, TABLE
from churn_agent.reports.scores.publishing import publish
from churn_agent.reports.scores.targets import parse_target
from tests.ingest.readers.test_postgres import POSTGRES, server
from tests.reports.portfolio.conftest import LEAVES, open_agent

__all__ = ["server"]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def agent(store):
    with open_agent(store) as opened:
        yield opened


@pytest.fixture(params=["scores.duckdb", "scores.parquet"])
def target(request, tmp_path):
    return parse_target(str(tmp_path / request.param))


def run(agent, name="latest"):
    return runs.find(agent.history, name)


def table(target, sql="SELECT * FROM churn_scores"):
    with duckdb.connect(":memory:" if target.kind == "parquet" else target.address) as database:
        if target.kind == "parquet":
            database.read_parquet(target.address).create(TABLE)
        result = database.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def counts(done):
    return done.new, done.changed, done.unchanged, done.removed


def test_a_row_for_each_customer_and_run_with_the_documented_columns(agent, target):
    both = [publish(agent.store, each, target) for each in agent.store.runs()]
    assert [counts(done) for done in both] == [(6, 0, 0, 0), (6, 0, 0, 0)]
    rows = table(target)
    assert list(rows[0]) == [column.name for column in COLUMNS]
    assert len({(row["run_id"], row["customer_id"]) for row in rows}) == 12
    assert {row["schema_version"] for row in rows} == {SCHEMA_VERSION}
    [leaver] = [row for row in rows if row["customer_id"] == "c-1" and row["announced_on"]]
    assert leaver["reason_id"] == "leaving_announced"
    assert leaver["yearly_value"] == 100
    assert leaver["owner"] == "Ana"


def test_nothing_is_written_where_nothing_changed(agent, target):
    publish(agent.store, run(agent), target)
    before, written = Path(target.address).read_bytes(), {row["written_at"] for row in table(target)}
    assert counts(publish(agent.store, run(agent), target)) == (0, 0, 6, 0)
    assert {row["written_at"] for row in table(target)} == written
    if target.kind == "parquet":
        assert Path(target.address).read_bytes() == before


def test_only_the_row_that_changed_is_written(agent, target, monkeypatch):
    publish(agent.store, run(agent), target)
    real = publishing.rows

    def changed(*given, **more):
        return (row | {"owner": "Zoe"} if row["customer_id"] == "c-2" else row for row in real(*given, **more))

    monkeypatch.setattr(publishing, "rows", changed)
    assert counts(publish(agent.store, run(agent), target)) == (0, 1, 5, 0)
    assert {row["customer_id"]: row["owner"] for row in table(target)}["c-2"] == "Zoe"


def test_words_leave_only_on_demand_and_are_emptied_again(agent, target):
    texts = [column.name for column in COLUMNS if column.words]
    publish(agent.store, run(agent), target)
    assert all(row[name] is None for row in table(target) for name in texts)
    assert LEAVES.encode() not in Path(target.address).read_bytes()
    assert publish(agent.store, run(agent), target, words=True).changed == 6
    assert LEAVES in {row["quote"] for row in table(target)}
    assert publish(agent.store, run(agent), target).changed == 6
    assert all(row[name] is None for row in table(target) for name in texts)


def test_an_erased_customer_leaves_all_runs_at_the_next_write(agent, target):
    for each in agent.store.runs():
        publish(agent.store, each, target)
    agent.store.forget("c-1")
    assert publish(agent.store, run(agent), target).removed == 2
    assert "c-1" not in {row["customer_id"] for row in table(target)}
    assert len(table(target)) == 10


def test_rows_of_another_store_stay(agent, target):
    publish(agent.store, run(agent), target)
    row = "UPDATE churn_scores SET run_id = 'of-another-book' WHERE customer_id = 'c-2'"
    if target.kind == "parquet":
        with duckdb.connect() as database:
            database.read_parquet(target.address).create(TABLE)
            database.execute(row)
            database.table(TABLE).write_parquet(target.address)
    else:
        with duckdb.connect(target.address) as database:
            database.execute(row)
    assert counts(publish(agent.store, run(agent), target)) == (1, 0, 5, 0)
    assert "of-another-book" in {row["run_id"] for row in table(target)}


def test_columns_of_an_older_version_are_added_and_those_of_others_kept(agent, tmp_path):
    target = parse_target(str(tmp_path / "scores.duckdb"))
    publish(agent.store, run(agent), target)
    with duckdb.connect(target.address) as database:
        database.execute("ALTER TABLE churn_scores DROP COLUMN signals")
        database.execute("ALTER TABLE churn_scores ADD COLUMN note TEXT")
    assert publish(agent.store, run(agent), target).changed == 1
    assert {"signals", "note"} <= set(table(target)[0])


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE churn_scores SET schema_version = 99", "newer churn-agent"),
        ("DROP TABLE churn_scores; CREATE TABLE churn_scores (a INTEGER)", "not one of churn-agent's"),
    ],
)
def test_a_table_of_a_newer_version_or_of_others_is_refused_and_unchanged(agent, tmp_path, sql, words):
    target = parse_target(str(tmp_path / "scores.duckdb"))
    publish(agent.store, run(agent), target)
    with duckdb.connect(target.address) as database:
        database.execute(sql)
    before = table(target)
    for act in (lambda: publishing.check(target), lambda: publish(agent.store, run(agent), target)):
        with pytest.raises(InputError, match=words):
            act()
    assert table(target) == before


def test_an_error_in_the_middle_changes_nothing(agent, target, monkeypatch):
    publish(agent.store, run(agent), target, words=True)
    before = table(target)
    monkeypatch.setattr(publishing, "_insert", lambda connection, made: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        publish(agent.store, run(agent), target)
    assert table(target) == before


def test_a_damaged_file_is_one_line(agent, tmp_path):
    for name in ("scores.duckdb", "scores.parquet"):
        path = tmp_path / name
        path.write_text("this is not a database")
        with pytest.raises(ChurnAgentError, match=name):
            publishing.check(parse_target(str(path)))
        assert path.read_text() == "this is not a database"


@pytest.mark.parametrize("text", ["mysql://me:secret@host/db", "scores.csv", "s3://bucket/x.parquet"])
def test_other_places_are_refused_without_their_password(text):
    with pytest.raises(InputError, match=r"use FILE\.duckdb") as refused:
        parse_target(text)
    assert "secret" not in str(refused.value)


def test_a_server_that_does_not_answer_is_one_line_without_the_password(agent):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    target = parse_target(f"postgresql://me:secret@127.0.0.1:{port}/db")
    with pytest.raises(Unavailable, match="cannot write to postgresql://me:") as failed:
        publishing.check(target)
    assert "secret" not in str(failed.value)


@pytest.mark.slow
@pytest.mark.skipif(not (POSTGRES and find_spec("psycopg")), reason="needs postgres and psycopg")
def test_postgresql_holds_the_same_rows(agent, tmp_path, server):
    target, file = (
        parse_target(f"postgresql://postgres@/postgres?host={server}"),
        parse_target(str(tmp_path / "scores.duckdb")),
    )
    for place in (target, file):
        assert counts(publish(agent.store, run(agent), place)) == (6, 0, 0, 0)
        assert counts(publish(agent.store, run(agent), place)) == (0, 0, 6, 0)
        assert publish(agent.store, run(agent), place, words=True).changed == 6
    names = targets.names(column.name for column in COLUMNS if column.name != "written_at")
    sql = f"SELECT {names} FROM churn_scores ORDER BY customer_id"  # noqa: S608
    with target.open() as (connection, _):
        rows = connection.fetch(sql)
    assert [tuple(row.values()) for row in table(file, sql)] == rows


def test_the_docs_describe_every_column():
    text = (ROOT / "docs" / "follow-up.md").read_text(encoding="utf-8")
    described = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text, flags=re.M))
    assert {column.name: column.meaning for column in COLUMNS}.items() <= described.items()


def test_an_opinion_on_the_card_is_no_change_of_numbers(agent, target):
    publish(agent.store, run(agent), target)
    add_feedback(agent.history, [Feedback(customer_id="c-3", as_of=run(agent).spec["as_of"], verdict="agree")])
    assert publish(agent.store, run(agent), target).removed == 0
