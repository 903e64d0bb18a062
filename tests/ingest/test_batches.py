"""How many rows are parsed at once changes nothing."""

import csv
import io
import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from churn_agent.errors import DataError
from churn_agent.history import interactions as stored
from churn_agent.history.database import open_database
from churn_agent.history.interactions import summaries
from churn_agent.ingest.importing import ingest
from churn_agent.ingest.options import ImportOptions
from churn_agent.ingest.readers import base
from churn_agent.ingest.sources import find_sources
from tests.conftest import examples

HEADERS = (
    "customer_id,timestamp,channel,direction,author,text,amount",
    "message_id,customer_id,timestamp,channel,direction,author,subject,text,amount,currency,rating,status",
    "customer_id,timestamp,text,rating",
)
MAIL = "I want to leave.\n\nOn Mon, 2 Feb 2026 at 10:00, Ana <ana@acme.example> wrote:\n> Hello\n> Please stay."
CELLS = {
    "message_id": ["", "m1", "m2", "m3", "m4"],
    "customer_id": ["c-1", "c-2", "1001", "", "4.9E+11"],
    "timestamp": ["2026-02-01T10:00:00", "2026-02-01 10:00:00+02:00", "2026-02-03", "yesterday", "9999-12-31", ""],
    "channel": ["", "email", "chat", "invoice", "review", " email "],
    "direction": ["", "inbound", "outbound"],
    "author": ["", "Ana", "Ben <ben@shop.example>"],
    "subject": ["", "Price", "Re: Price"],
    "text": ["", " ", "hello", "Bitte kündigen Sie meinen Vertrag zum Monatsende.", MAIL, "<p>I &amp; you</p>", "a\x00b\r\nc"],
    "amount": ["", "12.50", "7", "much", "EUR 9.99"],
    "currency": ["", "EUR", "usd"],
    "rating": ["", "4/5", "1 star", "3"],
    "status": ["", "open", "closed"],
}  # fmt: skip


@st.composite
def tables(draw):
    header = draw(st.sampled_from(HEADERS)).split(",")
    row = st.tuples(*(st.sampled_from(CELLS[name]) for name in header))
    usable = tuple(CELLS[name][1 if name == "message_id" else 0] for name in header)
    return [header, usable, *draw(st.lists(row, max_size=25))]


@pytest.fixture(scope="module")
def empty_store():
    with tempfile.TemporaryDirectory() as folder:
        open_database(Path(folder)).dispose()
        yield Path(folder)


def imported(empty_store, table, *, batch, twice=False):
    """The history after an import of a table, and what the import says; or why it is refused."""
    written = io.StringIO()
    csv.writer(written).writerows(table)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "_TOGETHER", batch)
        patch.setattr(stored, "_INSERTED", batch)
        store = Path(folder) / "store"
        shutil.copytree(empty_store, store)
        path = Path(folder) / "t.csv"
        path.write_text(written.getvalue(), encoding="utf-8", newline="")
        engine = open_database(store)
        try:
            summary = ingest(engine, find_sources([path]), ImportOptions(yes=True))
            if twice:
                path.write_text(written.getvalue() + "\r\n", encoding="utf-8", newline="")  # not the same file
                summary = ingest(engine, find_sources([path]), ImportOptions(yes=True))
            with engine.connect() as connection:
                rows = connection.exec_driver_sql("SELECT * FROM interactions ORDER BY id").fetchall()
            return [tuple(row) for row in rows], summaries(engine), said(summary, folder)
        except DataError as error:
            return str(error).replace(folder, "")
        finally:
            engine.dispose()


def said(summary, folder):
    return json.loads(json.dumps(asdict(summary), default=str, sort_keys=True).replace(folder, ""))


@settings(
    max_examples=examples(12),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(table=tables(), batch=st.sampled_from([2, 3, 7]))
def test_rows_by_themselves_and_many_at_once_give_the_same_history(empty_store, table, batch):
    alone = imported(empty_store, table, batch=1)
    assert imported(empty_store, table, batch=batch) == alone
    assert imported(empty_store, table, batch=5000) == alone


def test_a_table_that_comes_again_is_compared_in_the_same_way(empty_store):
    header = HEADERS[1].split(",")
    table = [header, *zip(*(CELLS[name] * 5 for name in header), strict=False)]
    once = imported(empty_store, table, batch=5000)
    again = [imported(empty_store, table, batch=batch, twice=True) for batch in (1, 3, 5000)]
    assert again[0] == again[1] == again[2]
    assert len(once[0]) > 2
    assert [row[0] for row in again[0][0]] == [row[0] for row in once[0]]
    assert again[0][2]["added"] == again[0][2]["updated"] == 0


def test_long_rows_make_small_batches():
    rows = [base.Row(n, {"text": "x" * 1_500_000}) for n in range(7)]
    assert [len(batch) for batch in base.batches(rows)] == [3, 3, 1]
