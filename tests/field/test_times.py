"""Times as exports write them, and dates that no interaction can have."""

from datetime import UTC, date, datetime

import pytest

from churn_agent.errors import DataError
from churn_agent.ingest.questions import NeedsAnswer
from tests.field.books import answers, customers, lines, put, stored

HEADER = "customer_id,created_at,text"


def moments(agent, tmp_path, *times):
    rows = [f'k{n},"{time}",about the boiler' for n, time in enumerate(times)]
    agent.ingest(put(tmp_path / "t.csv", lines(HEADER, *rows)))
    return [stored(agent, f"k{n}")[0].occurred_at for n in range(len(times)) if stored(agent, f"k{n}")]


# 01
def test_a_day_that_cannot_be_a_month_settles_the_whole_column(agent, tmp_path):
    assert moments(agent, tmp_path, "03/05/2025", "04/06/2025 17:20", "28/11/2024") == [
        datetime(2025, 5, 3, tzinfo=UTC),
        datetime(2025, 6, 4, 17, 20, tzinfo=UTC),
        datetime(2024, 11, 28, tzinfo=UTC),
    ]


def test_days_and_months_that_could_be_swapped_are_asked_about_and_nothing_is_stored(agent, tmp_path):
    with pytest.raises(NeedsAnswer) as asked:
        moments(agent, tmp_path, "03/05/2025", "04/06/2025 17:20", "02/11/2024")
    assert answers(asked.value.questions[0]) == [{"day_first": True}, {"day_first": False}]
    assert customers(agent) == []


# 27
def test_seconds_to_nanoseconds_since_1970_are_known_by_their_size(agent, tmp_path):
    times = ("1741075200", "1741075200000", "1741075200000000", "1741075200000000000", "1741075200123456789")
    assert {moment.replace(microsecond=0) for moment in moments(agent, tmp_path, *times)} == {
        datetime(2025, 3, 4, 8, tzinfo=UTC)
    }


def test_digits_of_a_calendar_are_not_seconds(agent, tmp_path):
    assert moments(agent, tmp_path, "2025030408", "20250304", "202503040830", "20250304083015") == [
        datetime(2025, 3, 4, 8, tzinfo=UTC),
        datetime(2025, 3, 4, tzinfo=UTC),
        datetime(2025, 3, 4, 8, 30, tzinfo=UTC),
        datetime(2025, 3, 4, 8, 30, 15, tzinfo=UTC),
    ]


# 37
@pytest.mark.parametrize(
    "time",
    [
        "2025-03-04 9:30",
        "2025-03-04 09:30 AM",
        "2025-03-04 04:30:00 -0500",
        "2025-03-04T09:30:00.000+0000",
        "2025-03-04T09:30:00Z[UTC]",
        "2025-03-04T09:30:00.1234567Z",
        "2025-03-04 10:30:00 CET",
        "2025-03-04T09:30:00 UTC",
        "2025-03-04 09:30:00.000000 UTC",
        "2025-03-04 09:30:00.000 +00:00",
        "Tue, 04 Mar 2025 10:30:00 +0100",
        "Mar 4, 2025 9:30 AM",
    ],
)
def test_forms_of_warehouses_and_spreadsheets_mean_their_moment(agent, tmp_path, time):
    [moment] = moments(agent, tmp_path, time)
    assert moment.replace(microsecond=0) == datetime(2025, 3, 4, 9, 30, tzinfo=UTC)


def test_a_column_of_spreadsheet_serials_is_a_column_of_days(agent, tmp_path):
    assert moments(agent, tmp_path, "45720", "45720.4375") == [
        datetime(2025, 3, 4, tzinfo=UTC),
        datetime(2025, 3, 4, 10, 30, tzinfo=UTC),
    ]


def test_mornings_come_in_with_the_afternoons(agent, tmp_path):
    times = [f"2025-03-04 {hour}:05" for hour in range(24)]
    assert [moment.hour for moment in moments(agent, tmp_path, *times)] == list(range(24))


@pytest.mark.parametrize("header", ["Date,Time", "date,time", "Datum,Uhrzeit", "Date,time_of_day"])
def test_a_time_of_day_beside_its_date_is_read_with_it(agent, tmp_path, header):
    rows = ("k1,2025-04-07,8:30:05 AM,hi", "k1,2025-04-07,1:15 PM,ho")
    agent.ingest(put(tmp_path / "t.csv", lines(f"customer_id,{header},text", *rows)))
    assert [f"{row.occurred_at:%H:%M:%S}" for row in stored(agent, "k1")] == ["08:30:05", "13:15:00"]


# 36
@pytest.mark.parametrize(
    "sentinel", ["9999-12-31", "0001-01-01T00:00:00", "1900-01-00", "0000-00-00 00:00:00", "1899-12-30"]
)
def test_a_date_that_stands_for_none_is_refused_and_the_store_stays_usable(agent, tmp_path, sentinel):
    file = put(tmp_path / "t.csv", lines(HEADER, "k1,2025-03-04,Hello", f"k1,{sentinel},End of contract"))
    summary = agent.ingest(file)
    assert (summary.added, summary.rejected) == (1, 1)
    assert "stands for none" in str(summary.first_rejected[0]["reason"])
    assert agent.store.default_as_of() == date(2025, 3, 4)
    assert agent.snapshot("k1").as_of == date(2025, 3, 4)


# 35
def test_a_year_with_a_typing_error_moves_no_customers_date(agent, tmp_path):
    rows = ("k1,2025-03-04,Hello", "k2,2025-03-10,Thanks", "k3,2072-03-10,How do I pay?")
    summary = agent.ingest(put(tmp_path / "t.csv", lines(HEADER, *rows)))
    assert summary.in_the_future == 1
    assert agent.store.default_as_of() == date(2025, 3, 10)
    assert agent.assess("k1").facts == agent.assess("k1", as_of="2025-03-10").facts


def test_a_lone_day_far_from_the_others_moves_no_customers_date(agent, tmp_path):
    rows = [f"k{n},2019-03-{n + 1:02},Hello {n}" for n in range(25)]
    agent.ingest(put(tmp_path / "t.csv", lines(HEADER, *rows, "k26,2025-06-07,How do I pay?")))
    assert agent.store.default_as_of() == date(2019, 3, 25)


def test_a_row_without_a_time_of_day_keeps_its_place_within_the_day(agent, tmp_path):
    rows = [f"k1,2025-03-04,step {n}" for n in range(12)]
    agent.ingest(put(tmp_path / "t.csv", lines(HEADER, *rows)))
    assert [row.text for row in stored(agent, "k1")] == [f"step {n}" for n in range(12)]


# 79
def test_a_card_that_comes_after_the_import_moves_the_times_and_doubles_nothing(agent, tmp_path):
    file = put(tmp_path / "t.csv", lines(HEADER, "k1,2025-03-04 00:10,I have had enough"))
    agent.ingest(file)
    card = put(tmp_path / "card.yaml", lines("company: Boilerworks", "time_zone: Asia/Tokyo"))
    agent.ingest([], card=card)
    summary = agent.ingest(file)
    assert summary.added == 0
    assert [row.occurred_at for row in stored(agent, "k1")] == [datetime(2025, 3, 3, 15, 10, tzinfo=UTC)]


def test_a_file_in_which_no_row_has_a_time_is_refused_in_one_line(agent, tmp_path):
    with pytest.raises(DataError, match="none of its 2 rows can be used"):
        moments(agent, tmp_path, "soon", "later")
