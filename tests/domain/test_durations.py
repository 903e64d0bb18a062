from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain import durations


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("45m", timedelta(minutes=45)),
        ("1.5h", timedelta(hours=1.5)),
        ("90d", timedelta(days=90)),
        ("13w", timedelta(days=91)),
        ("0s", timedelta()),
    ],
)
def test_durations_are_a_number_with_a_unit(text, duration):
    assert durations.parse(text) == duration


@pytest.mark.parametrize(
    "text", ["", "soon", "90", "d", "-1d", "1 d", "1D", "1.d", ".5h", "1h30m", "٣d", "9" * 400 + "w"]
)
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a duration|is too long"):
        durations.parse(text)


@pytest.mark.parametrize(("text", "days"), [("90", 90), ("90d", 90), ("13w", 91), ("48h", 2), ("1d", 1)])
def test_days_may_go_without_their_unit(text, days):
    assert durations.whole_days(text) == days


@pytest.mark.parametrize("text", ["0", "0d", "36526d", "1.5d", "25h", "1e3", "", "d", "-3", "٣", "soon"])
def test_what_is_not_a_number_of_whole_days_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a (valid )?duration"):
        durations.whole_days(text)


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text):
    for read in (durations.parse, durations.whole_days):
        try:
            read(text)
        except ValueError:
            continue
