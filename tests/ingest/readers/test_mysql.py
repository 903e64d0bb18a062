"""A query on a MySQL or MariaDB server is one statement in a read-only transaction. A driver that only listens stands in."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from churn_agent.errors import FileFormatError
from tests.ingest.readers.test_queries import READING, WRITING

ANSWERS = {
    "SELECT @@transaction_isolation": [("REPEATABLE-READ",)],
    "SELECT @@sql_mode": [("STRICT_TRANS_TABLES",)],
    "SELECT @@lower_case_table_names": [("0",)],
    "SHOW FULL TABLES": [("interactions", "BASE TABLE")],
    "SELECT DATABASE()": [("book",)],
}
HEADER = ("customer_id", "date", "text", "direction")
ROW = ("c1", "2026-03-01", "hi", "inbound")


class Refused(Exception):
    """An error of the driver."""


class Listener:
    """Connection and cursor of the driver at once: keeps what is sent."""

    def __init__(self, sent, version):
        self.sent = sent
        self.version = version
        self.rows = []
        self.description = None
        self.rowcount = -1
        self.lastrowid = 0

    def execute(self, statement, parameters=None):
        self.sent.append(statement)
        answers = ANSWERS | {"SELECT VERSION()": [(self.version,)]}
        answer = next((rows for asked, rows in answers.items() if statement.startswith(asked)), None)
        if answer is None and statement.startswith(("DELETE", "WITH x AS (SELECT 1) ")):
            raise Refused(1792, "Cannot execute statement in a READ ONLY transaction.")
        is_query = answer is not None or not statement.startswith(("START", "SET", "SHOW"))
        self.rows = list([ROW] if answer is None else answer)
        names = HEADER if answer is None else ["value"] * len(answer[0])
        self.description = [(name, 253, None, None, None, None, None) for name in names] if is_query else None

    def fetchall(self):
        rows, self.rows = self.rows, []
        return rows

    def fetchmany(self, size=None):
        return self.fetchall()

    def fetchone(self):
        return self.rows.pop(0) if self.rows else None

    def cursor(self, *args):
        return Listener(self.sent, self.version)

    def close(self):
        pass

    def rollback(self):
        self.sent.append("ROLLBACK")

    def commit(self):
        self.sent.append("COMMIT")

    def character_set_name(self):
        return "utf8mb4"

    def get_autocommit(self):
        return False


@pytest.fixture(params=["mysql", "mariadb"])
def address(request):
    return f"{request.param}+pymysql://me@server/book"


@pytest.fixture
def sent(monkeypatch, address):
    """What the driver was sent."""
    statements = []
    driver = ModuleType("pymysql")
    names = "Error InterfaceError DatabaseError OperationalError ProgrammingError InternalError NotSupportedError"
    for name in (*names.split(), "IntegrityError", "DataError"):
        setattr(driver, name, Refused)
    driver.paramstyle, driver.version_info = "pyformat", (1, 1, 0)
    version = "10.11.6-MariaDB" if address.startswith("mariadb") else "8.0.36"
    driver.connect = lambda **options: Listener(statements, version)
    driver.cursors = SimpleNamespace(SSCursor=None)
    monkeypatch.setitem(sys.modules, "pymysql", driver)
    monkeypatch.setitem(sys.modules, "pymysql.cursors", driver.cursors)
    return statements


def of_query(sent, query):
    """What was sent in the transaction of a query."""
    at = sent.index(query)
    return sent[sent.index("START TRANSACTION READ ONLY") : at + 2]


@pytest.mark.parametrize("query", READING)
def test_a_query_is_sent_alone_in_a_read_only_transaction(agent, sent, address, query):
    assert agent.ingest(address, query=query).added == 1
    assert of_query(sent, query) == ["START TRANSACTION READ ONLY", query, "ROLLBACK"]
    assert "COMMIT" not in sent


def test_the_default_table_is_read_in_a_read_only_transaction(agent, sent, address):
    assert agent.ingest(address).added == 1
    assert of_query(sent, "SELECT * FROM `interactions`")[0] == "START TRANSACTION READ ONLY"


def test_colons_and_percent_signs_are_sent_as_they_are(agent, sent, address):
    query = "SELECT * FROM interactions WHERE text LIKE '%:open%' AND text <> ' :b %s'"
    assert agent.ingest(address, query=query).added == 1
    assert query in sent


@pytest.mark.parametrize(
    "query",
    [
        *(query for query in WRITING if not query.startswith("WITH")),
        "SELECT 1 # ' and more\n; DROP TABLE other -- '",
        "SELECT 1--1; DROP TABLE other",
        "SELECT 1 /*! ; DROP TABLE other */",
        "SELECT 1 /*M! ; DROP TABLE other */",
        "SELECT $$; DROP TABLE other; -- $$",
        "SELECT 'a\\'; DROP TABLE other; -- '",
        'SELECT "a\\"; DROP TABLE other; -- "',
        "SELECT * FROM interactions INTO OUTFILE '/tmp/x'",
        "SELECT * INTO\n dumpfile '/tmp/x' FROM interactions",
        "SELECT * FROM interactions /*! INTO OUTFILE '/tmp/x' */",
    ],
)
def test_what_is_not_one_reading_statement_is_never_sent(agent, sent, address, query):
    with pytest.raises(FileFormatError, match="--query must be read-only"):
        agent.ingest(address, query=query)
    assert query not in sent


@pytest.mark.parametrize("query", ["WITH x AS (SELECT 1) DELETE FROM interactions"])
def test_what_the_server_refuses_in_the_transaction_is_one_line(agent, sent, address, query):
    with pytest.raises(FileFormatError, match="--query must be read-only"):
        agent.ingest(address, query=query)
    assert sent[sent.index(query) - 1] == "START TRANSACTION READ ONLY"


def test_words_that_look_like_another_statement_may_stand_in_strings(agent, sent, address):
    query = "SELECT *, '; DROP' AS a, \"it's # 1; -- \" AS b FROM interactions -- ; no more"
    assert agent.ingest(address, query=query).added == 1
