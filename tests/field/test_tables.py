"""Spreadsheets, warehouses and data frames, with what people and programs have done to them."""

from contextlib import suppress
from datetime import datetime

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_agent.errors import DataError
from churn_agent.ingest.questions import NeedsAnswer
from tests.field.books import answers, customers, lines, put, stored, texts

HEADER = ["customer_id", "date", "text"]


def workbook(path, merge=(), **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cells in merge:
            sheet.merge_cells(cells)
    book.save(path)
    return path


def day(month, n):
    return datetime(2025, month, n)


@pytest.fixture
def said(agent, monkeypatch):
    """What an import announces."""
    notes: list[str] = []
    monkeypatch.setattr(agent.store, "_notify", notes.append)
    return notes


# 02, 32
@pytest.mark.parametrize("id_", ["4.80013E+11", "1,2E+15", "#N/A", "#REF!", "#VALUE!", "NULL"])
def test_what_a_spreadsheet_has_broken_is_not_a_customer(agent, tmp_path, id_):
    rows = (f'"{id_}",2025-03-01,I want to leave', f'"{id_}",2025-03-02,All is well', "k1,2025-03-03,Where is my bill?")
    summary = agent.ingest(put(tmp_path / "t.csv", lines("customer_id,date,text", *rows)))
    assert (summary.added, summary.rejected) == (1, 2)
    assert customers(agent) == ["k1"]
    assert summary.first_rejected[0]["line"] == 2


def test_a_file_of_broken_ids_is_refused_with_the_way_out(agent, tmp_path):
    rows = ("4.80013E+11,2025-03-01,I want to leave", "4.80014E+11,2025-03-02,All is well")
    with pytest.raises(DataError, match="export the column as text"):
        agent.ingest(put(tmp_path / "t.csv", lines("customer_id,date,text", *rows)))


def test_cells_of_a_workbook_that_are_no_ids_are_refused_and_the_others_stay_as_written(agent, tmp_path):
    ids = ["#N/A", 41, "007", 8.5, 98765432109876543210.0]
    rows = [[id_, day(3, 1), f"words {n}"] for n, id_ in enumerate(ids)]
    summary = agent.ingest(workbook(tmp_path / "n.xlsx", Sheet=[HEADER, *rows]))
    assert customers(agent) == ["007", "41", "8.5"]
    assert [entry["reason"].count("spreadsheet") for entry in summary.first_rejected] == [1, 1]


def test_an_id_with_and_without_a_point_is_asked_about_once(agent, tmp_path):
    file = put(tmp_path / "t.csv", lines("customer_id,date,text", "41,2025-03-01,Hello"))
    people = put(tmp_path / "people.csv", lines("customer_id,owner", "41.0,Ro"))
    with pytest.raises(NeedsAnswer) as asked:
        agent.ingest(file, customers=people)
    assert answers(asked.value.questions[0]) == [{"whole_ids": True}, {"whole_ids": False}]
    agent.ingest(file, customers=people, ask=lambda question: "the same customer")
    assert agent.snapshot("41").attributes["owner"] == "Ro"


# 29
def test_all_sheets_with_the_same_header_are_read(agent, tmp_path, said):
    sheets = {
        name: [HEADER, *[[f"k{n}", day(month, n), f"{name} {n}"] for n in (1, 2)]]
        for month, name in enumerate(("Jan", "Feb", "Mar"), start=1)
    }
    agent.ingest(workbook(tmp_path / "months.xlsx", **sheets))
    assert texts(agent, "k1") == ["Jan 1", "Feb 1", "Mar 1"]
    assert any("Jan, Feb, Mar" in note for note in said)


def test_a_cover_sheet_is_left_out_by_name(agent, tmp_path, said):
    cover = [["Support export of spring"], [None], ["made by Ro"]]
    agent.ingest(workbook(tmp_path / "cover.xlsx", Cover=cover, Data=[HEADER, ["k1", day(3, 1), "Hello"]]))
    assert texts(agent, "k1") == ["Hello"]
    assert any("not read: Cover" in note for note in said)


# 30
def test_a_merged_cell_counts_for_each_of_its_rows(agent, tmp_path, said):
    rows = [["k1", day(1, n), f"words {n}"] if n == 1 else [None, day(1, n), f"words {n}"] for n in (1, 2, 3)]
    agent.ingest(workbook(tmp_path / "m.xlsx", Sheet=[HEADER, *rows, ["k2", day(1, 4), "Hello"]], merge=["A2:A4"]))
    assert texts(agent, "k1") == ["words 1", "words 2", "words 3"]
    assert any("merged cells" in note for note in said)


# 31
def test_bytes_of_a_warehouse_are_text(agent, tmp_path):
    table = pa.table(
        {
            "customer_id": pa.array([b"k1"], pa.binary()),
            "created_at": ["2025-03-01T10:00:00Z"],
            "text": pa.array(["Ich gehe, schöne Grüße".encode()], pa.binary()),
        }
    )
    pq.write_table(table, tmp_path / "b.parquet")
    agent.ingest(tmp_path / "b.parquet")
    assert texts(agent, "k1") == ["Ich gehe, schöne Grüße"]


# 26
T = pd.Timestamp("2025-03-01 10:00")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"customer_id": pd.array([41, 42, None], dtype="Int64")}, ["41", "42"]),
        ({"customer_id": pd.Categorical(["k1", "k2", None])}, ["k1", "k2"]),
        ({"text": pd.array(["a", pd.NA, "c"], dtype="string")}, ["k0", "k2"]),
        ({"timestamp": [T, pd.NaT, T]}, ["k0", "k2"]),
        ({"timestamp": pd.to_datetime(["2025-03-01T10:00:00+01:00"] * 3)}, ["k0", "k1", "k2"]),
        ({"amount": pd.array([1.5, None, 2.5], dtype="Float64")}, ["k0", "k1", "k2"]),
        ({"is_vip": pd.array([True, None, False], dtype="boolean")}, ["k0", "k1", "k2"]),
        ({"tags": [np.array([1, 2]), ["x"], None]}, ["k0", "k1", "k2"]),
        ({"text": [b"bytes", b"and", b"more"]}, ["k0", "k1", "k2"]),
    ],
    ids=["Int64", "categories", "string", "NaT", "zones", "Float64", "boolean", "arrays", "bytes"],
)
def test_a_data_frame_of_any_dtype_comes_in_without_its_missing_values(agent, columns, expected):
    frame = {"customer_id": ["k0", "k1", "k2"], "timestamp": [T] * 3, "text": ["a", "b", "c"]} | columns
    agent.ingest(pd.DataFrame(frame))
    assert customers(agent) == expected
    shown = " ".join(f"{row.text} {row.metadata}" for id_ in expected for row in stored(agent, id_))
    assert not [word for word in ("<NA>", "NaT", "nan", "b'") if word in shown]


def test_the_index_of_a_data_frame_can_be_the_id(agent):
    frame = pd.DataFrame({"timestamp": [T, T], "text": ["a", "b"]}, index=pd.Index(["k1", "k2"], name="customer_id"))
    agent.ingest(frame)
    assert customers(agent) == ["k1", "k2"]


@pytest.mark.parametrize("given", [pd.Series(["a"]), [{"customer_id": "k1"}], 7])
def test_what_is_not_a_table_is_refused_in_one_line(agent, given):
    with pytest.raises(DataError) as refused:
        agent.ingest(given)
    assert "\n" not in str(refused.value)


# 74
@pytest.mark.parametrize(
    "content",
    [
        lines("Report: Tickets, made 2025-03-01", "", "customer_id,created_at,text", 'k1,2025-03-01,"hi; there, you"'),
        lines("sep=;", "customer_id;created_at;text", 'k1;2025-03-01;"hi; there, you"'),
        lines("", "", "customer_id,created_at,text", 'k1,2025-03-01,"hi; there, you"'),
        lines('"Ticket, id";"customer_id";"created_at";"text"', '7;k1;2025-03-01;"hi; there, you"'),
        lines("customer_id|created_at|text", "k1|2025-03-01|hi; there, you"),
        lines("customer_id\tcreated_at\ttext", "k1\t2025-03-01\thi; there, you"),
        lines(
            "customer_id,created_at,text", 'k1,2025-03-01,"hi; there, you"', "", "Generated By: Ro,,", "(c) crm inc.,,"
        ),
    ],
    ids=["title", "sep", "blank lines", "comma in the header", "pipes", "tabs", "footer"],
)
def test_a_table_is_found_among_what_surrounds_it(agent, tmp_path, content):
    agent.ingest(put(tmp_path / "t.csv", content))
    assert customers(agent) == ["k1"]
    assert texts(agent, "k1") == ["hi; there, you"]


def test_backslashes_escape_quotes_where_they_make_the_rows_fit(agent, tmp_path):
    rows = ('k1,2025-03-01,"she said \\"no, thanks\\", twice"', "k2,2025-03-02,plain")
    agent.ingest(put(tmp_path / "t.csv", lines("customer_id,created_at,text", *rows)))
    assert texts(agent, "k1") == ['she said "no, thanks", twice']


def test_an_unclosed_quote_brings_no_words_of_another_customer(agent, tmp_path):
    rows = ('k1,2025-03-01,"he said 5" pipe', "k2,2025-03-02,I want to leave", "k3,2025-03-03,Hello")
    with suppress(DataError):
        agent.ingest(put(tmp_path / "t.csv", lines("customer_id,created_at,text", *rows)))
    for id_ in customers(agent):
        assert not [text for text in texts(agent, id_) if "leave" in text and id_ != "k2"]


# 51
def test_an_attribute_file_adds_and_wipes_nothing(agent, tmp_path):
    agent.ingest(
        put(tmp_path / "t.csv", lines("customer_id,created_at,text", "k1,2025-03-01,hello")),
        customers=put(tmp_path / "people.csv", lines("customer_id,owner,arr", "k1,Kim,9000")),
    )
    agent.ingest([], customers=put(tmp_path / "owners.csv", lines("customer_id,owner", "k1,Ro")))
    assert agent.snapshot("k1").attributes == {"owner": "Ro", "arr": "9000"}


# 53
def test_an_attribute_file_that_meets_few_customers_says_so_with_both_sides(agent, tmp_path, said):
    chats = [f"0019g00000Ab{n}dEAAV,2025-03-01,hello" for n in range(4)]
    people = [f"0019g00000Ab{n}dE,Ro" for n in range(4)]
    agent.ingest(
        put(tmp_path / "t.csv", lines("customer_id,created_at,text", *chats)),
        customers=put(tmp_path / "people.csv", lines("customer_id,owner", *people)),
    )
    [note] = [note for note in said if "people.csv" in note]
    assert "0 of 4" in note
    assert "0019g00000Ab0dE'" in note
    assert "0019g00000Ab0dEAAV'" in note


def test_ids_that_differ_in_case_stay_apart(agent, tmp_path):
    rows = ("0019g00000AbCdEAAV,2025-03-01,hello", "0019g00000aBcDeAAB,2025-03-01,other")
    agent.ingest(put(tmp_path / "t.csv", lines("customer_id,created_at,text", *rows)))
    assert len(customers(agent)) == 2
