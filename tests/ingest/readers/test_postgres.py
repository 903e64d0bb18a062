"""A query on a PostgreSQL server reads, and changes nothing. Needs `postgres` and a driver."""

import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from churn_agent.errors import DataError, FileFormatError
from tests.ingest.readers.test_queries import READING, TABLES, WRITING

DRIVERS = [driver for driver in ("psycopg", "psycopg2", "pg8000") if find_spec(driver)]
PLACES = [*os.environ["PATH"].split(os.pathsep), *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
POSTGRES = shutil.which("postgres", path=os.pathsep.join(PLACES))
MORE_WRITING = (
    "SELECT * INTO new FROM interactions",
    "SELECT nextval('numbers')",
    "SELECT 1; COMMIT; DROP TABLE other",
    "SELECT ';'; COMMIT; BEGIN; DROP TABLE other; COMMIT",
    r"SELECT E'a\''; COMMIT; DROP TABLE other; SELECT 'b'",
    "SELECT 'a\\'; COMMIT; DROP TABLE other; --'",
    "SELECT * FROM interactions FOR UPDATE",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "WITH x AS (DELETE FROM interactions RETURNING *) SELECT * FROM x",
    "SELECT lo_create(0)",  # not refused by PostgreSQL 15, but rolled back
)
MORE_READING = (
    "SELECT * FROM interactions;  ",
    "SELECT *, ';' AS a, '''; ' AS b, $x$; '$x$ AS c FROM interactions -- ; and no more",
)


pytestmark = pytest.mark.skipif(not (POSTGRES and DRIVERS), reason="needs postgres, and psycopg, psycopg2 or pg8000")


@pytest.fixture(scope="module")
def server():
    """The folder of a server, which listens on no port."""
    # The server does not run as root, and the path of its socket has at most 107 characters.
    as_user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if as_user:
            shutil.chown(folder, "nobody", "nogroup")
        control = [*as_user, str(Path(POSTGRES).resolve().parent / "pg_ctl"), "-D", str(folder / "data"), "-s", "-w"]
        options = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL, "timeout": 120}
        subprocess.run([*control, "init", "-o", "-A trust -U postgres -N --no-locale -E UTF8"], **options)
        subprocess.run([*control, "start", "-l", str(folder / "log"), "-o", f"-F -k {folder} -h ''"], **options)
        try:
            yield folder
        finally:
            subprocess.run([*control, "stop", "-m", "immediate"], **options)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=DRIVERS)
def database(request, server):
    """The address of a new database on the server, and a function that returns what is in it."""
    host = f"unix_sock={server}/.s.PGSQL.5432" if request.param == "pg8000" else f"host={server}"
    name = f"book_{os.urandom(4).hex()}"
    address = f"postgresql+{request.param}://postgres@/{{}}?{host}"
    with create_engine(address.format("postgres"), isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = address.format(name)
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (*TABLES, "CREATE SEQUENCE numbers"):
            connection.execute(text(statement))

    def content():
        with engine.connect() as connection:
            names = connection.execute(text("SELECT relname FROM pg_class WHERE relkind IN ('r', 'S') ORDER BY 1"))
            large = connection.execute(text("SELECT count(*) FROM pg_largeobject_metadata")).scalar()
            number = connection.execute(text("SELECT is_called FROM numbers")).scalar()
            rows = connection.execute(text("SELECT * FROM interactions")).all()
            return list(names), large, number, rows

    yield url, content
    engine.dispose()


@pytest.mark.parametrize("query", [*WRITING, *MORE_WRITING])
def test_a_query_that_writes_is_refused_and_changes_nothing(agent, database, query):
    url, content = database
    before = content()
    with pytest.raises(DataError):
        agent.ingest(url, query=query)
    assert content() == before


@pytest.mark.parametrize("query", [*WRITING[:3], *MORE_WRITING[1:6]])
def test_the_refusal_says_that_a_query_only_reads(agent, database, query):
    with pytest.raises(FileFormatError, match="--query must be read-only"):
        agent.ingest(database[0], query=query)


@pytest.mark.parametrize("query", [*READING, *MORE_READING, None])
def test_a_query_that_reads_is_run(agent, database, query):
    url, _ = database
    if query is None:
        with create_engine(url).begin() as connection:
            connection.execute(text("DROP TABLE other"))
    assert agent.ingest(url, query=query).added == 1
