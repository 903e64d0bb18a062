"""Lines that are read at once give the rows that they give one by one."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers import delimited
from churn_agent.ingest.readers.base import ReadOptions

PIECES = [
    "a",
    "2026-02-01 10:00",
    ",",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    " ",
    "\\",
    "é",
    "x,y,z\n",
    '"x\ny",2,3\n',
    "\n\n",
]
OPTIONS = ReadOptions(names=frozenset(("customer_id", "timestamp", "text")))


def rows(text, **limits):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            patch.setattr(delimited, name, value)
        try:
            return list(delimited.read_delimited(Path("t.csv"), io.StringIO(text, newline=""), OPTIONS))
        except FileFormatError as error:
            return str(error)


@given(body=st.lists(st.sampled_from(PIECES), max_size=60).map("".join), block=st.sampled_from([1, 7, 40]))
def test_blocks_and_single_lines_give_the_same_rows(body, block):
    text = "customer_id,timestamp,text\n" + body
    one_by_one = rows(text, _one_a_line=lambda block, dialect: None)
    assert rows(text) == one_by_one
    assert rows(text, _BLOCK=block, _BLOCK_LINES=2) == one_by_one


def test_one_text_with_line_breaks_leaves_the_rows_around_it_as_they_are():
    lines = [f"c-{n},2026-02-01,text {n}\n" for n in range(5000)]
    lines[2500] = 'c-2500,2026-02-01,"one\n\ntwo"\n'
    read = rows("customer_id,timestamp,text\n" + "".join(lines))
    assert [row.values["customer_id"] for row in read] == [f"c-{n}" for n in range(5000)]
    assert read[2500].values["text"] == "one\n\ntwo"
    assert (read[2500].line, read[2501].line, read[-1].line) == (2502, 2505, 5003)


def test_an_unclosed_quote_costs_one_row_of_many():
    lines = [f"c-{n},2026-02-01 10:{n % 60:02d},text {n}\n" for n in range(5000)]
    lines[2500] = 'c-2500,2026-02-01 10:40,"text\n'
    read = rows("customer_id,timestamp,text\n" + "".join(lines))
    assert [row.line for row in read if row.problem] == [2502]
    assert len(read) == 5000
