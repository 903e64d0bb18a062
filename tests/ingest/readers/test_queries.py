"""A query on a database reads, and changes nothing: neither the database nor a file."""

import sqlite3

import duckdb
import pytest

from churn_agent.errors import FileFormatError

TABLES = (
    "CREATE TABLE interactions (customer_id VARCHAR, date VARCHAR, text VARCHAR, direction VARCHAR)",
    "INSERT INTO interactions VALUES ('c1', '2026-03-01', 'hi', 'inbound')",
    "CREATE TABLE other (a VARCHAR)",
)
WRITING = (
    "DROP TABLE other",
    "DELETE FROM interactions",
    "DELETE FROM interactions RETURNING *",
    "WITH x AS (SELECT 1) DELETE FROM interactions",
    "WITH x AS (SELECT 1) INSERT INTO interactions SELECT *, 1, 1, 1 FROM x RETURNING *",
    "-- SELECT\nUPDATE interactions SET text = 'x'",
    "CREATE TABLE new AS SELECT 1",
    "PRAGMA journal_mode = WAL",
    "VACUUM INTO 'copy.sqlite'",
    "ATTACH 'new.sqlite' AS other_file",
    "COPY interactions TO 'mine.csv'",
    "SELECT 1; DROP TABLE other",
    "SELECT ';' AS a; DROP TABLE other",
)
READING = (
    "SELECT *, ';' AS a, '''; ' AS b FROM interactions;",
    "SELECT * FROM interactions",
    " -- mine\n/* and */ select customer_id, date, text, direction from interactions",
    "WITH x AS (SELECT * FROM interactions) SELECT * FROM x",
    "SELECT * FROM interactions WHERE text NOT LIKE '% :open %' AND text <> '%s'",
)


@pytest.fixture(params=["sqlite file", "sqlite url", "duckdb"])
def database(request, tmp_path):
    path = tmp_path / f"book.{request.param.split()[0]}"
    (tmp_path / "mine.csv").write_text("mine")
    connection = duckdb.connect(path) if request.param == "duckdb" else sqlite3.connect(path)
    for statement in TABLES:
        connection.execute(statement)
    if request.param != "duckdb":
        connection.commit()
    connection.close()
    return path, f"sqlite:///{path}" if request.param == "sqlite url" else path


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("query", WRITING)
def test_a_query_that_writes_is_refused(agent, database, tmp_path, query):
    before = files(tmp_path)
    with pytest.raises(FileFormatError):
        agent.ingest(database[1], query=query)
    assert files(tmp_path) == before


@pytest.mark.parametrize("query", WRITING[:4])
def test_the_refusal_says_that_a_query_only_reads(agent, database, query):
    with pytest.raises(FileFormatError, match="begin it with SELECT"):
        agent.ingest(database[1], query=query)


@pytest.mark.parametrize("query", READING)
def test_a_query_that_reads_is_run(agent, database, query):
    assert agent.ingest(database[1], query=query).added == 1
