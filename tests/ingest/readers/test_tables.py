"""Frames, Parquet and databases: missing values, types, bytes, arrays, an index, odd paths."""

import decimal
import sqlite3

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_agent.errors import DataError
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.formats.cells import NumberText
from churn_agent.ingest.readers.tables import is_frame
from churn_agent.ingest.sources import Source, open_rows

DAY = pd.Timestamp("2026-02-01 10:00")


def read(source, **mapping):
    notes = []
    return [row.values for row in open_rows(source, ColumnMapping(**mapping), (), note=notes.append)], notes


def column(values, **frame_options):
    frame = pd.DataFrame({"customer_id": ["a"] * len(values), "x": values}, **frame_options)
    return [row["x"] for row in read(Source("frame", frame=frame))[0]]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.array([1, None], dtype="Int64"), ["1", ""]),
        (pd.array(["hi", pd.NA], dtype="string"), ["hi", ""]),
        (pd.array([1.5, None], dtype="Float64"), ["1.5", ""]),
        (pd.array([True, None], dtype="boolean"), ["True", ""]),
        (pd.Categorical(["chat", None]), ["chat", ""]),
        (pd.to_datetime(["2026-02-01 10:00", None]), ["2026-02-01T10:00:00", ""]),
        (pd.to_datetime(["2026-07-01 10:00"]).tz_localize("Europe/Zurich"), ["2026-07-01T10:00:00+02:00"]),
        (pd.PeriodIndex(["2026-02"], freq="M"), ["2026-02"]),
        ([decimal.Decimal("10.50"), decimal.Decimal("NaN")], ["10.50", ""]),
        ([np.float32(1.5), np.int64(7)], ["1.5", "7"]),
        ([np.zeros(2), np.ones(2)], ["[0.0, 0.0]", "[1.0, 1.0]"]),
        ([["p", "q"], []], ['["p", "q"]', "[]"]),
        ([{"a": 1}, None], ['{"a": 1}', ""]),
        ([b"I want to cancel, sch\xc3\xb6n", None], ["I want to cancel, schön", ""]),
        ([1, 1.0, "1", "01"], ["1", "1", "1", "01"]),
        ([float("nan"), 20978392111222333.0], ["", "2.0978392111222332E+16"]),
        ([1769940000000.0, None], ["1769940000000", ""]),
    ],
)
def test_cells_of_any_type_are_text(values, texts):
    assert column(values) == texts


def test_numbers_are_known_as_numbers():
    assert [type(text) for text in column([1.5, 2])] == [NumberText, NumberText]


def test_an_index_with_a_name_is_a_column():
    frame = pd.DataFrame({"text": ["x"]}, index=pd.Index(["a"], name="customer_id"))
    assert read(Source("frame", frame=frame))[0] == [{"customer_id": "a", "text": "x"}]
    frame = pd.DataFrame({"customer_id": ["a"], "timestamp": [DAY], "text": ["x"]}).set_index(
        ["customer_id", "timestamp"]
    )
    assert read(Source("frame", frame=frame))[0] == [
        {"customer_id": "a", "timestamp": "2026-02-01T10:00:00", "text": "x"}
    ]
    frame = pd.DataFrame({"text": ["x"]}, index=[7])
    assert read(Source("frame", frame=frame))[0] == [{"text": "x"}]


def test_a_column_that_is_there_twice_is_one_line():
    frame = pd.DataFrame([["a", "b"]], columns=["customer_id", "customer_id"])
    with pytest.raises(DataError, match="customer_id") as caught:
        read(Source("frame", frame=frame))
    assert "\n" not in str(caught.value)
    assert is_frame(frame)
    frame = pd.DataFrame({"customer_id": ["a"]}, index=pd.Index(["b"], name="customer_id"))
    with pytest.raises(DataError, match="customer_id"):
        read(Source("frame", frame=frame))


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table, pd.DataFrame], ids=["polars", "arrow", "pandas"])
def test_bytes_are_text_or_noted(make):
    frame = make({"customer_id": [b"c\xc3\xb6"] * 2, "photo": [b"\xff\xd8", b"\xff\xd9"]})
    rows, [guess] = read(Source("frame", frame=frame))
    assert rows == [{"customer_id": "cö", "photo": ""}] * 2
    assert "'photo'" in guess.about
    assert read(Source("frame", frame=frame), encoding="cp1252")[0][0]["photo"] == "ÿØ"


def test_lists_and_records_of_polars_and_arrow_are_json():
    frame = pl.DataFrame(
        {
            "tags": [["p", "q"]],
            "who": [{"a": 1}],
            "day": [DAY.to_pydatetime()],
            "kind": pl.Series(["x"], dtype=pl.Categorical),
        }
    )
    for table in (frame, frame.to_arrow()):
        [row], _ = read(Source("frame", frame=table))
        assert (row["tags"], row["who"], row["kind"]) == ('["p", "q"]', '{"a": 1}', "x")
        assert row["day"].startswith("2026-02-01T10:00:00")


def test_bytes_of_parquet_are_text(tmp_path):
    path = tmp_path / "a [1] *.parquet"
    pq.write_table(
        pa.table({"customer_id": pa.array([b"c1"], pa.binary()), "text": [b"sch\xc3\xb6n"], "blob": [b"\xff"]}), path
    )
    rows, [guess] = read(Source("a", path=path))
    assert rows == [{"customer_id": "c1", "text": "schön", "blob": ""}]
    assert "'blob'" in guess.about


def database(path, journal="delete"):
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("CREATE TABLE interactions (customer_id, created_at, text)")
        connection.execute("INSERT INTO interactions VALUES ('c1', '2026-02-01', 'hello')")
    connection.close()
    return path


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("name", ["a b.db", "100%.db", "x#1.db", "x?1.db", "ü.db", "a%20b.db", "x;y&z=1.db"])
def test_a_database_may_have_any_name_and_nothing_is_written(tmp_path, name, journal):
    path = database(tmp_path / name, journal)
    before = sorted(tmp_path.iterdir()), path.read_bytes()
    assert read(Source(name, path=path))[0] == [{"customer_id": "c1", "created_at": "2026-02-01", "text": "hello"}]
    assert (sorted(tmp_path.iterdir()), path.read_bytes()) == before


def test_what_waits_in_the_log_of_a_database_is_read(tmp_path):
    path = database(tmp_path / "a.db", "wal")
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO interactions VALUES ('c2', '2026-02-02', 'hi')")
    connection.commit()
    assert len(read(Source("a", path=path))[0]) == 2
    connection.close()


def test_a_query_on_a_file_cannot_write(tmp_path):
    path = database(tmp_path / "a#.db", "wal")
    with pytest.raises(DataError):
        read(Source("a", path=path, query="DELETE FROM interactions"))
    assert len(read(Source("a", path=path))[0]) == 1
