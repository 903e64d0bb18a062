from datetime import UTC, date, datetime

import pytest

from churn_agent.domain.days import real_day
from churn_agent.domain.snapshot import Card

ZONES = ("UTC", "America/Los_Angeles", "Pacific/Kiritimati")


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "9999-12-31", "1900-01-00", "1900-01-01", "1899-12-30", "1970-01-01", "1970-01-01T00:00:00Z",
     "0001-01-01 00:00:00", "2099-12-31", "", None, "soon"],
)  # fmt: skip
def test_dates_that_mean_none_are_none(text):
    assert real_day(text) is None


@pytest.mark.parametrize("text", ["2026-03-01", "2026-03-01T23:00:00", " 2026-03-01 "])
def test_other_dates_are_days(text):
    assert real_day(text) == date(2026, 3, 1)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_have_an_end_of_day_in_every_zone(zone, day):
    assert Card(time_zone=zone).end_of_day(day).astimezone(UTC).year == day.year


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_are_local_in_every_zone(zone, moment):
    assert Card(time_zone=zone).local(moment) == moment
