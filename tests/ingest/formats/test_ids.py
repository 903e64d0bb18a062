"""Ids are opaque, but for what a spreadsheet has broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.ingest.formats.ids import check_id, ids_with_point, whole_id

ERRORS = "#N/A #REF! #NAME? #DIV/0! #VALUE! #NULL! #NUM! #NV #BEZUG! #WERT! #VALEUR! #¡REF! #RIF! #VERW! ##### Err:502 #SPILL!".split()


@pytest.mark.parametrize("text", ["4.91512E+11", "4,91512E+11", "5E+15", "4.9e+11", " 4.91512E+11 "])
def test_a_rounded_id_is_refused_with_what_to_do(text):
    with pytest.raises(ValueError, match="an id that a spreadsheet has rounded; export the column as text"):
        check_id(text)


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_cell_is_no_id(text):
    with pytest.raises(ValueError, match="an error of the spreadsheet"):
        check_id(text)


@pytest.mark.parametrize("text", ["", "  ", "NULL", "NaT", "<NA>", r"\N"])
def test_a_missing_value_is_no_id(text):
    with pytest.raises(ValueError, match="the id is"):
        check_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "007",
        "1001.0",
        " x ",
        "#42",
        "1E10",
        "12e5",
        "Null",
        "Noneman",
        "E+11",
        "ü-1",
        "0",
        "-",
        "#nashville",
        "2026-01-01",
    ],
)
def test_other_ids_stay_as_they_are(text):
    assert check_id(text) == text


def test_ids_with_and_without_a_point_are_asked_about_once_for_all_files():
    files = {"a.csv": ["1001.0", "1002.0", "7"], "b.csv": ["1001", "1002", "c.0"]}
    question = ids_with_point(files)
    assert question.about == "customer_id: 2 ids with '.0'"
    assert question.why.startswith("'1001.0' in a.csv and '1001' in b.csv; ")
    assert [question.answer(option) for option in question.options] == [{"whole_ids": True}, {"whole_ids": False}]
    assert ids_with_point({"a.csv": ["1001.0"], "b.csv": ["1002"]}) is None
    assert ids_with_point({"a.csv": ["1001", "1001.00"]}) is None


@given(st.text(max_size=10))
def test_only_the_point_and_noughts_after_digits_are_dropped(text):
    whole = whole_id(text)
    assert whole == text or (
        whole.isdecimal() and text.startswith(whole + ".") and not text[len(whole) + 1 :].strip("0")
    )
    assert whole_id("1001.0") == "1001"
    assert whole_id("1001.5") == "1001.5"
