"""Text tables: encoding, delimiter, header, quotes. What is guessed is noted; nobody gets another customer's words."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.errors import DataError
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.formats.cells import NumberText
from churn_agent.ingest.readers.base import ReadOptions
from churn_agent.ingest.readers.delimited import read_delimited
from churn_agent.ingest.sources import Source, open_rows

HEADER = "customer_id,created_at,text"


def rows(path, content, **mapping):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    notes = []
    source = Source(path.name, path=path)
    return list(open_rows(source, ColumnMapping(**mapping), (), note=notes.append)), notes


def values(path, content, **mapping):
    return [tuple(row.values.values()) for row in rows(path, content, **mapping)[0] if not row.problem]


@pytest.fixture
def table(tmp_path):
    return tmp_path / "a.csv"


ROW = ("c1", "2026-02-01", "schöne Grüße, Müller")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_that_is_marked_or_utf_8_needs_no_guess(table, encoding):
    found, notes = rows(table, f'{HEADER}\nc1,2026-02-01,"{ROW[2]}"\n'.encode(encoding))
    assert [tuple(row.values.values()) for row in found] == [ROW]
    assert not notes


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be"])
def test_another_encoding_is_guessed_with_an_example(table, encoding):
    found, [guess] = rows(table, f'{HEADER}\nc1,2026-02-01,"{ROW[2]}"\n'.encode(encoding))
    assert [tuple(row.values.values()) for row in found] == [ROW]
    assert guess.taken == encoding
    assert "schöne" in guess.evidence or "customer_id" in guess.evidence
    assert guess.mapping.startswith("encoding: ")


def test_a_compressed_file_has_an_encoding_too(tmp_path):
    content = gzip.compress(f'{HEADER}\nc1,2026-02-01,"{ROW[2]}"\n'.encode("cp1252"))
    assert values(tmp_path / "a.csv.gz", content) == [ROW]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp850", "schöne Grüße"),
        ("mac-roman", "schöne Grüße"),
        ("cp1251", "Я хочу отменить"),
        ("shift-jis", "解約したい"),
    ],
)
def test_an_encoding_that_cannot_be_known_is_asked_for(table, encoding, text):
    content = f"{HEADER}\nc1,2026-02-01,{text}\n".encode(encoding)
    with pytest.raises(DataError, match=r"line 2 is not UTF-8 text; save the file as UTF-8, or set encoding"):
        rows(table, content)
    assert values(table, content, encoding=encoding) == [("c1", "2026-02-01", text)]


def test_a_file_in_two_encodings_is_refused_with_the_line(table):
    content = f"{HEADER}\nc1,2026-02-01,schön\n".encode() + "c2,2026-02-01,schön\n".encode("cp1252")
    with pytest.raises(DataError, match="line 3 is not UTF-8 text, and other lines are"):
        rows(table, content)


def test_the_encoding_of_a_mapping_must_exist_and_fit(table):
    with pytest.raises(DataError, match="'klingon' is not an encoding"):
        rows(table, HEADER, encoding="klingon")
    with pytest.raises(DataError, match="is not ascii text"):
        rows(table, f"{HEADER}\nc1,2026-02-01,schön\n", encoding="ascii")


@pytest.mark.parametrize(
    "text",
    [
        "customer_id;created_at;text\nc1;2026-02-01;a, b, c, d\n",
        "customer_id|created_at|text\nc1|2026-02-01|a, b, c, d\n",
        "customer_id\tcreated_at\ttext\nc1\t2026-02-01\ta, b, c, d\n",
        '"customer_id";"created_at";"text"\r\n"c1";"2026-02-01";"a, b, c, d"\r\n',
        "sep=;\ncustomer_id;created_at;text\nc1;2026-02-01;a, b, c, d\n",
        'sep=,\r\ncustomer_id,created_at,text\r\nc1,2026-02-01,"a, b, c, d"\r\n',
        "\n\n\ncustomer_id;created_at;text\n\nc1;2026-02-01;a, b, c, d\n;;\n",
        "customer_id;created_at;text;\nc1;2026-02-01;a, b, c, d;\n",
        "customer_id;created_at;text\nc1;2026-02-01;a, b, c, d;;\n",
        "customer_id\rcreated_at".replace("\r", ";") + ";text\rc1;2026-02-01;a, b, c, d\r",
    ],
)
def test_the_delimiter_is_the_one_that_all_lines_share(table, text):
    assert [row[:3] for row in values(table, text)] == [("c1", "2026-02-01", "a, b, c, d")]


def test_decimal_commas_do_not_make_a_delimiter(table):
    lines = [f"c{n};2026-02-{n:02d};order;{n},50" for n in range(1, 20)]
    assert len(values(table, "kunde;datum;kanal;betrag\n" + "\n".join(lines))[0]) == 4


@pytest.mark.parametrize(
    "title",
    ["Report: Tickets, exported 2026-02-01\n\n", "Tickets\n", "Tickets,,\n,,\nBerlin,2026,\n", "Customer,,Words\n"],
)
def test_lines_above_the_header_are_noted_and_not_read(table, title):
    found, [guess] = rows(table, f"{title}{HEADER}\nc1,2026-02-01,hi\n")
    assert [tuple(row.values.values()) for row in found] == [("c1", "2026-02-01", "hi")]
    assert guess.taken == "customer_id, created_at, text"
    assert title.split(",")[0].strip() in guess.evidence


def test_a_title_above_unknown_names_is_found_by_its_form(table):
    assert values(table, "Tickets of Q1\nWer,Wann,Was\nc1,2026-02-01,hi\n") == [("c1", "2026-02-01", "hi")]
    assert rows(table, "Wer,2024,2025\nc1,1,2\n")[0][0].values == {"wer": "c1", "2024": "1", "2025": "2"}


def test_footers_are_refused_with_the_header_that_they_do_not_fit(table):
    found, _ = rows(table, f"{HEADER}\nc1,2026-02-01,hi\n\nGenerated by Ana\n")
    assert found[1].problem == "1 cell where the header has 3 (customer_id, created_at, text)"


BROKEN = {
    "in the middle": f'{HEADER}\nc1,2026-02-01,"I want to cancel\nc2,2026-02-02,"hello"\nc3,2026-02-03,fine\n',
    "before plain rows": f'{HEADER}\nc1,2026-02-01,"I want to cancel\nc2,2026-02-02,hello\nc3,2026-02-03,"fine"\n',
    "to the end": f'{HEADER}\nc1,2026-02-01,"I want to cancel\nc2,2026-02-02,hello\nc3,2026-02-03,fine\n',
    "closed by an inch": f'{HEADER}\nc1,2026-02-01,"I want to cancel\nc2,2026-02-02,hello\nc3,2026-02-03,fine"\n',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_an_unclosed_quote_costs_one_line(table, text):
    found, _ = rows(table, text)
    assert [row.values.get("customer_id") for row in found] == ["c1", "c2", "c3"]
    assert found[0].problem == "the quote that opens in line 2 is not closed before the next row; close or double it"
    assert found[0].line == 2
    assert [row.problem for row in found[1:2]] == [None]
    assert not any("hello" in row.values["text"] and "cancel" in row.values["text"] for row in found)


def test_texts_of_several_lines_stay_whole(table):
    text = 'I want to cancel.\n\nHello, thanks, bye\n"Ana", 2026'
    content = io.StringIO()
    csv.writer(content).writerows([HEADER.split(","), ["c1", "2026-02-01", text], ["c2", "2026-02-02", "hi"]])
    assert values(table, content.getvalue()) == [
        ("c1", "2026-02-01", text),
        ("c2", "2026-02-02", "hi"),
    ]


def test_quotes_may_be_escaped_with_a_backslash(table):
    text = HEADER + "\nc1,2026-02-01,'hi, there'\n" + 'c2,2026-02-01,"a \\"quoted\\" word, then more"\n'
    assert values(table, text) == [("c2", "2026-02-01", 'a "quoted" word, then more')]


cells = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\u2028\u2029\x85")
    | st.sampled_from('",;|\t\n'),
    max_size=30,
)


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z][0-9]{1,3}", fullmatch=True), cells), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
)
def test_what_a_writer_of_csv_wrote_comes_back(pairs, delimiter):
    content = io.StringIO(newline="")
    writer = csv.writer(content, delimiter=delimiter)
    writer.writerows(
        [HEADER.split(","), *[(id_, f"2026-02-{n:02d}", text) for n, (id_, text) in enumerate(pairs, start=1)]]
    )
    content.seek(0)
    options = ReadOptions(names=frozenset(HEADER.split(",")))
    read = [row for row in read_delimited(Path("a.csv"), content, options) if not row.problem]
    known = {(id_, text.replace("\r\n", "\n")) for id_, text in pairs}
    assert {(row.values["customer_id"], row.values["text"]) for row in read} <= known
    if not any("\n" in text for _, text in pairs):
        assert len(read) == len(pairs)


def test_a_space_may_stand_before_a_quote(table):
    assert values(table, HEADER + '\nc1, 2026-02-01, "hello, there"\n') == [("c1", "2026-02-01", "hello, there")]


@pytest.mark.parametrize("cell", ['="007"', '"=""007"""'])
def test_text_that_excel_is_kept_from_changing_is_unwrapped(table, cell):
    assert values(table, f"{HEADER}\n{cell},2026-02-01,a=b\n") == [("007", "2026-02-01", "a=b")]


def test_null_is_an_empty_value_of_a_column(tmp_path):
    found, _ = rows(tmp_path / "a.jsonl", '{"customer_id": "c1", "text": null}\n{"customer_id": null, "text": "hi"}\n')
    assert [row.values for row in found] == [{"customer_id": "c1", "text": ""}, {"customer_id": "", "text": "hi"}]


def test_numbers_of_json_are_known_as_numbers(tmp_path):
    [row], _ = rows(tmp_path / "a.json", json.dumps([{"amount": 1.234, "text": "1.234"}]))
    assert isinstance(row.values["amount"], NumberText)
    assert row.values["amount"] == "1.234"
    assert not isinstance(row.values["text"], NumberText)


def test_json_lines_and_lists_are_known_by_their_content(tmp_path):
    lines, document = '{"a": "1"}\n{"a": "2"}\n', '[{"a": "1"},\n {"a": "2"}]'
    for name in ("a.json", "a.jsonl"):
        for content in (lines, document):
            assert values(tmp_path / name, content) == [("1",), ("2",)]
    assert values(tmp_path / "a.json", '{"rows": [{"a": "1"}]}') == [("1",)]
    assert values(tmp_path / "a.jsonl", '\n{"a": "1"}') == [("1",)]
