"""Workbooks: sheets, titles, merged cells, wrong dimensions, errors."""

from datetime import datetime, time

import openpyxl
import pytest

from churn_agent.errors import DataError
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.sources import Source, open_rows
from tests.ingest.test_readers import SHEET, change_part

HEADER = ["customer_id", "date", "text"]
DAY = datetime(2026, 2, 1)


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def read(path, **mapping):
    notes = []
    rows = list(open_rows(Source(path.name, path=path), ColumnMapping(**mapping), (), note=notes.append))
    return rows, notes


def ids(path, **mapping):
    return [row.values["customer_id"] for row in read(path, **mapping)[0]]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.xlsx"


def test_all_sheets_with_the_same_header_are_read(path):
    workbook(path, Jan=[HEADER, ["a", DAY, "x"]], Feb=[HEADER, ["b", DAY, "y"]], Notes=[["Only words", "and more"]])
    rows, [guess] = read(path)
    assert [(row.values["customer_id"], row.sheet, row.values["sheet"], row.line) for row in rows] == [
        ("a", "Jan", "Jan", 2),
        ("b", "Feb", "Feb", 2),
    ]
    assert (guess.taken, guess.evidence, guess.mapping) == ("Jan, Feb read", "not read: Notes", "sheet: Notes")


def test_the_order_of_columns_may_differ_between_sheets(path):
    workbook(path, Jan=[HEADER, ["a", DAY, "x"]], Feb=[HEADER[::-1], ["y", DAY, "b"]])
    assert ids(path) == ["a", "b"]


def test_a_cover_sheet_comes_first(path):
    workbook(path, Cover=[["Support export for Q1"], ["Confidential"]], Data=[HEADER, ["a", DAY, "x"]])
    rows, [guess] = read(path)
    assert [row.values["customer_id"] for row in rows] == ["a"]
    assert "Cover" in guess.evidence
    assert "sheet" not in rows[0].values


def test_a_mapping_names_the_sheet(path):
    workbook(path, Jan=[HEADER, ["a", DAY, "x"]], Feb=[HEADER, ["b", DAY, "y"]])
    assert ids(path, sheet="Feb") == ["b"]
    with pytest.raises(DataError, match="has no sheet 'Mar'; its sheets are Jan, Feb"):
        read(path, sheet="Mar")


def test_the_command_line_names_the_sheet(cli, path):
    workbook(path, Jan=[HEADER, ["a", DAY, "x"]], Feb=[HEADER, ["b", DAY, "y"]])
    assert "1 interaction added" in cli("ingest", path, "--sheet", "Feb").out
    done = cli("ingest", path, "--sheet", "Mar")
    assert done.code == 3
    assert "has no sheet 'Mar'; its sheets are Jan, Feb" in done.err


def test_a_sheet_called_interactions_is_read_alone(path):
    workbook(path, Old=[HEADER, ["a", DAY, "x"]], Interactions=[HEADER, ["b", DAY, "y"]])
    assert ids(path) == ["b"]


def test_merged_cells_of_the_customer_count_for_every_row(path):
    workbook(
        path,
        A=[
            HEADER,
            ["Acme", DAY, "first"],
            [None, DAY, "second"],
            [None, DAY, "third"],
            ["Beta", DAY, "x"],
            [None, None, None],
        ],
    )
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A2:A4")
    book.active.merge_cells("C5:C6")
    book.save(path)
    rows, [guess] = read(path)
    assert [(row.values["customer_id"], row.values["text"]) for row in rows] == [
        ("Acme", "first"),
        ("Acme", "second"),
        ("Acme", "third"),
        ("Beta", "x"),
    ]
    assert "A2:A4" in guess.evidence


def test_a_blank_row_inside_merged_cells_is_no_row(path):
    workbook(path, A=[HEADER, ["Acme", DAY, "first"], [None, None, None], [None, DAY, "third"]])
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A2:A4")
    book.save(path)
    assert ids(path) == ["Acme", "Acme"]


@pytest.mark.parametrize("dimension", [b'<dimension ref="A1"/>', b'<dimension ref="A1:B2"/>', b""])
def test_a_wrong_dimension_hides_nothing(path, dimension):
    workbook(path, A=[HEADER, ["a", DAY, "x"], ["b", DAY, "y"]])
    change_part(path, SHEET, lambda content: content.replace(b'<dimension ref="A1:C3" />', dimension))
    assert ids(path) == ["a", "b"]


def test_a_title_above_the_header_is_noted(path):
    workbook(path, A=[["Tickets of Q1"], [], ["by", "Ana"], HEADER, ["a", DAY, "x"]])
    rows, [guess] = read(path)
    assert (rows[0].values["customer_id"], rows[0].line) == ("a", 5)
    assert "'Tickets of Q1'" in guess.evidence


def test_error_cells_are_no_values_but_stay_visible_as_ids(path):
    workbook(path, A=[HEADER, ["#N/A", DAY, "x"], ["b", "#REF!", "#NAME?"]])
    rows, _ = read(path)
    assert [list(row.values.values()) for row in rows] == [["#N/A", "2026-02-01T00:00:00", "x"], ["b", "", ""]]


def test_times_of_day_and_formatted_blank_cells_are_read(path):
    workbook(path, A=[[*HEADER, "time_of_day", None], ["a", DAY, "x", time(9, 30), None], ["b", DAY, None, None, None]])
    rows, _ = read(path)
    assert rows[0].values == {"customer_id": "a", "date": "2026-02-01T00:00:00", "text": "x", "time_of_day": "09:30:00"}
    assert rows[1].values["time_of_day"] == ""


def test_characters_that_excel_escapes_come_back(path):
    workbook(path, A=[HEADER, ["a_x1_b", DAY, "first_x000D_\nsecond"]])
    rows, _ = read(path)
    assert (rows[0].values["customer_id"], rows[0].values["text"]) == ("a_x1_b", "first\r\nsecond")


def test_an_empty_workbook_is_one_line(path):
    workbook(path, A=[])
    with pytest.raises(DataError, match="the file is empty"):
        read(path)
