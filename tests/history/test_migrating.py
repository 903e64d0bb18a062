"""Stores of earlier and later versions."""

import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.interactions import Label
from churn_agent.errors import StoreUnavailable
from churn_agent.history import answers, book, corrections, database, interactions, migrating
from churn_agent.history.database import FILE_NAME, SCHEMA_VERSION, open_database
from churn_agent.settings import Settings
from tests.conftest import interaction

FIRST = "0001"


def old_store(store, revision=FIRST):
    """A store as the version with that migration left it, with one interaction."""
    store.mkdir(exist_ok=True)
    engine = database.create_engine(f"sqlite:///{store / FILE_NAME}")
    database.event.listen(engine, "connect", database._set_up_sqlite)
    config = Config()
    config.set_main_option("script_location", str(migrating._SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(
            text(
                "INSERT INTO interactions (id, customer_id, occurred_at, utc_offset_minutes, channel, text, text_id, "
                "metadata) VALUES ('1', 'c-1', '2026-01-01 00:00:00.000000', 0, 'chat', 'hello', '1', '{}')"
            )
        )
    engine.dispose()
    return store


def schema_of(path):
    with sqlite3.connect(path) as connection:
        [[found]] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return found


def texts(engine):
    return [each.text for each in interactions.of_customer(engine, "c-1", until=datetime(2027, 1, 1, tzinfo=UTC))]


@pytest.fixture
def broken_migration(tmp_path, monkeypatch):
    """A version with one more migration, which fails after it has changed something."""
    scripts = tmp_path / "migrations"
    shutil.copytree(migrating._SCRIPTS, scripts)
    (scripts / "versions" / "9000_broken.py").write_text(
        f"from alembic import op\nrevision, down_revision = '9000', '{SCHEMA_VERSION}'\n"
        "def upgrade():\n    op.drop_table('interactions')\n    op.drop_table('labels')\n"
        "    raise ValueError('a row that nobody thought of')\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "_SCRIPTS", scripts)
        patch.setattr(database, "SCHEMA_VERSION", "9000")
        yield patch


def test_a_store_of_an_earlier_version_is_copied_and_migrated(tmp_path):
    store = old_store(tmp_path / "store")
    said = []
    engine = open_database(store, said.append)
    copy = store / f"history-before-{SCHEMA_VERSION}.db"
    assert texts(engine) == ["hello"]
    assert migrating.schema_version(engine) == SCHEMA_VERSION
    assert schema_of(copy) == FIRST
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT text FROM interactions").fetchall() == [("hello",)]
    [line] = said
    assert str(copy) in line
    assert f"from schema {FIRST} to {SCHEMA_VERSION}" in line
    open_database(store, said.append)
    assert len(said) == 1


def test_what_stands_in_the_write_ahead_log_alone_is_in_the_copy(tmp_path):
    store = old_store(tmp_path / "store")
    with sqlite3.connect(store / FILE_NAME) as writer:
        writer.execute("UPDATE interactions SET text = 'newer'")
        writer.commit()
        assert (store / f"{FILE_NAME}-wal").stat().st_size
        assert texts(open_database(store)) == ["newer"]
    with sqlite3.connect(store / f"history-before-{SCHEMA_VERSION}.db") as connection:
        assert connection.execute("SELECT text FROM interactions").fetchall() == [("newer",)]


def test_a_new_store_is_not_copied(tmp_path, migrate, monkeypatch):
    monkeypatch.setattr(migrating, "migrate", migrate)
    said = []
    open_database(tmp_path / "store", said.append)
    assert said == []
    assert not list((tmp_path / "store").glob(migrating.COPIES))


def test_people_are_told_of_a_migration(tmp_path, cli):
    old_store(tmp_path / "store")
    done = cli("customers")
    assert done.code == 0
    assert "migrating the history from schema 0001" in done.err


@pytest.mark.parametrize("revision", [FIRST, SCHEMA_VERSION])
def test_a_migration_that_fails_leaves_the_store_as_it_was_and_names_the_copy(tmp_path, broken_migration, revision):
    store = old_store(tmp_path / "store", revision)
    with pytest.raises(StoreUnavailable, match="nobody thought of") as failure:
        open_database(store)
    copy = store / "history-before-9000.db"
    assert str(copy) in str(failure.value)
    assert "\n" not in str(failure.value)
    assert schema_of(store / FILE_NAME) == schema_of(copy) == revision
    broken_migration.undo()
    assert texts(open_database(store)) == ["hello"]


def test_a_copy_that_a_kill_left_unfinished_goes_with_the_next_one(tmp_path):
    store = old_store(tmp_path / "store")
    (store / f"history-before-{SCHEMA_VERSION}.db.99.part").write_bytes(b"SQLite format 3\0 and then nothing")
    assert texts(open_database(store)) == ["hello"]
    assert not list(store.glob("*.part"))


def test_without_room_for_a_copy_nothing_is_migrated(tmp_path, monkeypatch):
    store = old_store(tmp_path / "store")
    size = (store / FILE_NAME).stat().st_size
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(migrating.shutil, "disk_usage", lambda path: usage(0, 0, 2 * size - 1))
        with pytest.raises(StoreUnavailable, match="free some space"):
            open_database(store)
    assert schema_of(store / FILE_NAME) == FIRST
    assert not list(store.glob(migrating.COPIES))


@pytest.mark.parametrize("revision", ["9999", "0002_of_a_branch", "abc"])
def test_a_store_of_a_newer_version_is_refused_in_one_line_that_names_it(tmp_path, revision):
    open_database(tmp_path).dispose()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
        connection.execute("UPDATE book SET value = '\"9.1.0\"' WHERE key = 'churn_agent'")
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(
        StoreUnavailable, match=rf"newer churn-agent \(9\.1\.0, schema {revision}\).*upgrade"
    ) as refused:
        open_database(tmp_path)
    assert "\n" not in str(refused.value)
    assert (tmp_path / FILE_NAME).read_bytes() == before
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("DROP TABLE book")
    with pytest.raises(StoreUnavailable, match=rf"newer churn-agent \(schema {revision}\)"):
        open_database(tmp_path)


def test_answers_that_were_paid_before_are_found_without_the_ids_of_their_requests(tmp_path):
    store = old_store(tmp_path / "store", "0003")
    with closing(sqlite3.connect(store / FILE_NAME)) as connection, connection:
        connection.execute(
            "INSERT INTO answers (key, request_id, created_at, answer) "
            """VALUES ('k', 'r-1', '2026-01-01 00:00:00.000000', '{"a": -0.5}')"""
        )
    engine = open_database(store)
    assert answers.find(engine, ["k"]) == {"k": {"a": -0.5}}
    answers.keep(engine, "l", "new")
    assert answers.prune(engine, 1) == 1
    assert answers.find(engine, ["k", "l"]) == {"l": "new"}
    found = inspect(engine)
    assert {each["name"] for each in found.get_columns("answers")} == {"key", "created_at", "answer"}
    assert found.get_indexes("answers") == []
    assert found.get_pk_constraint("answers")["constrained_columns"] == ["key"]


def test_labels_of_an_earlier_version_are_kept_without_what_it_did_not_know(tmp_path):
    store = old_store(tmp_path / "store", "0005")
    content = '{"churned": true, "horizon_days": 90, "metadata": {"reason": "price"}}'
    with closing(sqlite3.connect(store / FILE_NAME)) as connection, connection:
        connection.execute("INSERT INTO labels VALUES ('c-1', '2026-01-31', 1, 90, '{\"reason\": \"price\"}')")
        connection.execute(
            "INSERT INTO contributions (kind, customer_id, as_of, content) VALUES ('label', 'c-1', '2026-01-31', ?)",
            [content],
        )
    engine = open_database(store)
    label = Label("c-1", "2026-01-31", True, 90, {"reason": "price"})
    assert book.labels_in_full(engine) == [label]
    with engine.begin() as connection:
        book.merge_labels(connection, ["c-1"])
    assert book.labels_in_full(engine, "c-1") == [label]


def test_a_migrated_store_is_worked_with(tmp_path, scripted):
    old_store(tmp_path / "store")
    with ChurnAgent(Settings.load(store=tmp_path / "store", model="scripted")) as agent:
        with agent.history.begin() as connection:
            interactions.add(connection, [interaction(5, text="and more")])
        assert agent.assess("c-1").customer_id == "c-1"


def test_annotations_become_corrections(tmp_path):
    store = old_store(tmp_path / "store", "0006")
    with sqlite3.connect(store / FILE_NAME) as connection:
        rows = [("1", "price", 0, "2026-01-02 00:00:00.000000"), ("gone", "price", 1, "2026-01-01 00:00:00.000000")]
        connection.executemany("INSERT INTO annotations VALUES (?, ?, ?, ?)", rows)
    engine = open_database(store)
    [one] = corrections.all_corrections(engine)
    assert (one.number, one.customer_id, one.text, one.concept, one.shown) == (1, "c-1", "hello", "price", False)
    assert (one.in_force, one.for_all, one.created_at.year) == (True, False, 2026)
    with engine.begin() as connection:
        corrections.remove(connection, 1)
        corrections.put(connection, "1", "praise", shown=True, by="Ana")
    assert [each.number for each in corrections.all_corrections(engine)] == [2]
    assert not inspect(engine).has_table("annotations")
