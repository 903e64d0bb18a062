import sys

import pytest

from churn_agent import Assessment, to_dataframe
from churn_agent.errors import InputError, Unavailable
from churn_agent.reports.dataframes import COLUMNS
from tests.domain.test_assessment import FIRST

CALIBRATED = {"value": 0.3, "low": 0.2, "high": 0.45, "calibrated": True}


@pytest.fixture
def records():
    calibrated = FIRST | {"customer_id": "c-2", "churn_probability": FIRST["churn_probability"] | CALIBRATED}
    failed = FIRST | {
        "customer_id": "c-3",
        "status": "failed",
        "churn_probability": None,
        "band": None,
        "reasons": [],
        "actions": [],
        "signals": [],
    }
    return [Assessment.model_validate(each) for each in (FIRST, calibrated, failed)]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_records_become_rows_in_any_library(records, library):
    pytest.importorskip(library)
    frame = to_dataframe(records, library=library)
    assert type(frame).__module__.split(".")[0] == library
    columns = {name: list(frame[name]) for name in COLUMNS}
    assert len(columns) == len(frame.columns)
    first = {name: getattr(values[0], "as_py", lambda v=values[0]: v)() for name, values in columns.items()}
    assert (first["customer_id"], first["score"], first["band"]) == ("c-101", 0.72, "high")
    assert (first["quote"], first["action"]) == ("I'm considering switching", "retention_call")
    assert first["signals"] == "leaving_considered"


def test_a_score_that_is_not_calibrated_is_no_probability(records):
    frame = to_dataframe(records, library="polars")
    assert frame["probability"].to_list() == [None, 0.3, None]
    assert frame["low"].to_list() == [None, 0.2, None]
    assert frame["score"].to_list() == [0.72, 0.72, None]


def test_no_records_are_an_empty_frame_with_all_columns():
    assert to_dataframe([], library="polars").columns == list(COLUMNS)


def test_a_library_that_is_not_installed_or_not_known_is_one_line(records, monkeypatch):
    with pytest.raises(InputError, match="'spark' is not a data frame library; use one of pandas, polars, pyarrow"):
        to_dataframe(records, library="spark")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(Unavailable, match="polars is not installed; run: pip install polars"):
        to_dataframe(records, library="polars")
