from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from churn_agent.domain.arguments import as_customer_id, as_day
from churn_agent.errors import InputError


@pytest.mark.parametrize(
    "given",
    [
        date(2026, 3, 1),
        "2026-03-01",
        " 2026-03-01 ",
        "2026-03-01T18:30",
        datetime(2026, 3, 1, 18, 30),
        pd.Timestamp("2026-03-01"),
    ],
)
def test_a_day_is_taken_in_the_types_that_callers_have(given):
    assert as_day(given) == date(2026, 3, 1)
    assert type(as_day(given)) is date


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), "has a time zone"),
        ("2026-03-01T18:30+01:00", "has a time zone"),
        ("01/03/2026", "is not a date; write it like"),
        (20260301, "is not a date; give a datetime.date"),
        (pd.NaT, "is not a date"),
        (date(9999, 12, 31), "is not between 1900-01-02 and 2199-12-31"),
        ("0001-01-01", "is not between"),
    ],
)
def test_what_does_not_name_one_day_is_refused_with_the_reason(given, reason):
    with pytest.raises(InputError, match=reason):
        as_day(given)


@pytest.mark.parametrize("given", ["1001", 1001, np.int64(1001)])
def test_an_id_may_be_a_whole_number(given):
    assert as_customer_id(given) == "1001"


@pytest.mark.parametrize("given", [1001.0, None, True, b"1001"])
def test_an_id_whose_text_is_not_certain_is_refused(given):
    with pytest.raises(InputError, match="give it as text, as in the data"):
        as_customer_id(given)
