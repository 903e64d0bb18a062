import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from churn_agent.domain.interactions import Label
from churn_agent.errors import StoreUnavailable
from churn_agent.history import answers, book, interactions
from churn_agent.history.database import FILE_NAME, SCHEMA_VERSION, check, open_database
from churn_agent.history.migrating import schema_version
from churn_agent.history.tables import metadata
from tests.conftest import interaction


@pytest.fixture
def engine(tmp_path):
    opened = open_database(tmp_path)
    yield opened
    opened.dispose()


def test_the_migrations_make_the_tables_as_the_code_knows_them(engine):
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []
    assert schema_version(engine) == SCHEMA_VERSION


def test_opening_again_keeps_what_is_there(tmp_path):
    with open_database(tmp_path).begin() as connection:
        interactions.add(connection, [interaction(1)])
    assert interactions.count(open_database(tmp_path)) == 1


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"not a database, but somebody's only copy " * 50)
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreUnavailable, match="is damaged"):
        open_database(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(StoreUnavailable, match="as a store"):
        open_database(tmp_path / "store")


def test_interactions_come_back_as_they_went_in(engine):
    given = interaction(
        1,
        days_ago=3,
        text="Grüezi 😀\nzwei",
        direction="inbound",
        author="Ana",
        amount=-2.5,
        utc_offset_minutes=120,
        metadata={"order": "007"},
    )
    with engine.begin() as connection:
        assert interactions.add(connection, [given, given]) == 1
        assert interactions.add(connection, [given]) == 0
    [found] = interactions.of_customer(engine, "c-1", until=datetime(2027, 1, 1, tzinfo=UTC))
    assert found == given


def test_only_interactions_up_to_a_moment_are_read(engine):
    rows = [interaction(n, days_ago=n) for n in range(10)]
    with engine.begin() as connection:
        interactions.add(connection, rows)
    found = interactions.of_customer(engine, "c-1", until=rows[4].occurred_at)
    assert [each.id for each in found] == [rows[n].id for n in range(9, 3, -1)]


def test_a_label_for_the_same_day_replaces_the_first(engine):
    with engine.begin() as connection:
        book.add_labels(connection, [Label("c-1", "2026-01-01", churned=True)])
        book.add_labels(
            connection, [Label("c-1", "2026-01-01", churned=False), Label("c-1", "2026-02-01", churned=True)]
        )
    assert len(book.outcomes(engine)) == 2


def test_an_answer_is_found_by_its_key_alone(engine):
    answers.keep(engine, "k", {"a": 1})
    answers.keep(engine, "k", {"a": 2})
    assert answers.find(engine, ["k", "other"]) == {"k": {"a": 2}}


def test_a_second_writer_is_told_in_time(tmp_path):
    first, second = open_database(tmp_path), open_database(tmp_path)
    began = time.monotonic()
    with first.begin() as connection:
        interactions.add(connection, [interaction(1)])
        with pytest.raises(StoreUnavailable, match="another churn-agent is writing"), second.begin() as other:
            interactions.add(other, [interaction(2)])
        assert interactions.count(second) == 0  # reading goes on
    assert time.monotonic() - began < 10
    assert interactions.count(second) == 1


def test_a_kill_in_the_middle_of_an_import_leaves_nothing_of_it(tmp_path):
    open_database(tmp_path).dispose()
    code = (
        "import os, sys; from pathlib import Path\n"
        "from churn_agent.history import interactions; from churn_agent.history.database import open_database\n"
        "from tests.conftest import interaction\n"
        "with open_database(Path(sys.argv[1])).begin() as connection, interactions.bulk_loading(connection):\n"
        "    interactions.add(connection, (interaction(n) for n in range(5000)))\n"
        "    os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 9
    engine = open_database(tmp_path)
    assert interactions.count(engine) == 0
    assert {each["name"] for each in inspect(engine).get_indexes("interactions")} == {
        index.name for index in metadata.tables["interactions"].indexes
    }


def test_a_damaged_database_is_one_line(tmp_path):
    engine = open_database(tmp_path)
    with engine.begin() as connection:
        interactions.add(connection, (interaction(n, text=f"text {n} " * 20) for n in range(3000)))
        connection.exec_driver_sql("SELECT 1")
    engine.dispose()
    path = tmp_path / FILE_NAME
    raw = bytearray(path.read_bytes())
    begin, end = len(raw) // 2, len(raw) * 3 // 4  # of the rows: the schema stands before them
    raw[begin:end] = os.urandom(end - begin)
    path.write_bytes(raw)
    engine = open_database(tmp_path)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        check(engine)
