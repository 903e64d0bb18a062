from datetime import UTC, date, datetime, timedelta

import pytest

from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card
from churn_agent.errors import EmptyStore, UnknownCustomer
from churn_agent.history import interactions
from churn_agent.history.database import open_database
from churn_agent.history.latest import last_day
from tests.conftest import write_csv

TODAY = date(2026, 11, 30)


def book(tmp_path, *times, customers=1, direction="inbound"):
    engine = open_database(tmp_path / "store")
    rows = [
        Interaction(
            f"{n:032x}", f"c-{n % customers}", datetime.fromisoformat(f"{time}T12:00+00:00"), "chat", "hi", direction
        )
        for n, time in enumerate(times)
    ]
    with engine.begin() as connection:
        interactions.add(connection, rows)
    return engine


def days(first, n, step=1):
    return [str(date.fromisoformat(first) + timedelta(days=step * i)) for i in range(n)]


def found(engine, **more):
    return last_day(engine, Card(), today=TODAY, **more)


@pytest.mark.parametrize("later", ["2062-01-25", "9999-12-31", "2026-12-01"])
def test_what_is_later_than_today_is_held_back(tmp_path, later):
    last = found(book(tmp_path, *days("2026-01-01", 5), later))
    assert last.day == date(2026, 1, 5)
    [note] = last.notes
    assert note == f"one interaction of {later} is later than today and is not used for the default date"


def test_several_dates_of_the_future_are_told_in_one_line(tmp_path):
    last = found(book(tmp_path, "2026-01-01", "2027-01-01", "2062-01-25", "9999-12-31"))
    assert last.day == date(2026, 1, 1)
    assert last.notes == [
        "3 interactions, the first of 2027-01-01, are later than today and are not used for the default date"
    ]


def test_a_book_of_the_future_alone_is_assessed_today(tmp_path):
    assert found(book(tmp_path, "2062-01-25")).day == TODAY


def test_today_itself_is_no_future(tmp_path):
    last = found(book(tmp_path, "2026-11-01", "2026-11-30"))
    assert (last.day, last.notes) == (TODAY, [])


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (days("2026-09-01", 60), "2026-10-30"),  # live
        (days("2019-01-01", 60), "2019-03-01"),  # ended years ago
        (["2020-05-05"] * 40, "2020-05-05"),  # one day
        (["1926-01-01", *days("2026-01-01", 30)], "2026-01-30"),  # a wrong year before all others
        (["0001-01-01", *days("2026-01-01", 30)], "2026-01-30"),
        (["2022-01-01", "2022-02-01", "2025-06-01"], "2025-06-01"),  # one customer who came back
        ([*days("2022-01-01", 100), *days("2025-06-01", 4)], "2025-06-04"),  # more than a few came back
        (days("2010-01-01", 15, step=400), "2025-05-02"),  # years between any two
    ],
)
def test_a_plausible_history_ends_with_its_latest_interaction(tmp_path, times, expected):
    last = found(book(tmp_path, *times, customers=3))
    assert (str(last.day), last.notes) == (expected, [])


@pytest.mark.slow
@pytest.mark.parametrize("outliers", [["2025-06-01"], ["2025-06-01", "2025-06-02"], ["2025-06-01"] * 3])
def test_a_few_interactions_years_after_all_others_are_held_back(tmp_path, outliers):
    last = found(book(tmp_path, *days("2022-01-01", 80), *outliers, customers=5))
    assert last.day == date(2022, 3, 21)
    [note] = last.notes
    assert "more than a year after all others" in note
    assert "2025-06-01" in note


def test_what_the_company_sent_does_not_end_a_history_unless_it_is_asked_for(tmp_path):
    engine = book(tmp_path, "2026-01-01")
    with engine.begin() as connection:
        sent = Interaction("f" * 32, "c-0", datetime(2026, 2, 1, tzinfo=UTC), "mail", "hi", "outbound")
        interactions.add(connection, [sent])
    assert found(engine).day == date(2026, 1, 1)
    assert found(engine, by_company=True).day == date(2026, 2, 1)


def test_an_empty_history_has_no_last_day(tmp_path):
    with pytest.raises(EmptyStore):
        found(book(tmp_path))


@pytest.mark.parametrize("year", ["2062", "2150"])
def test_one_row_of_the_far_future_does_not_spoil_the_book(cli, tmp_path, year):
    rows = ["c-1,2026-02-01T10:00Z,chat,hello", "c-2,2026-02-03T10:00Z,chat,I want to cancel"]
    cli("ingest", write_csv(tmp_path / "t.csv", *rows, f"c-1,{year}-12-31T23:59:59Z,chat,late"))
    shown = cli("show", "c-1")
    assert shown.code == 0
    assert "Customer c-1 at 2026-02-03" in shown.out
    assert "late" not in shown.out
    assert shown.err.count("later than today") == 1
    assessed = cli("assess", "c-2", "--model", "scripted", "--json")
    assert assessed.json["as_of"] == "2026-02-03"
    assert cli("batch", "--model", "scripted").code == 0
    assert cli("data", "report").code == 0
    assert cli("customers").code == 0
    derived = cli("labels", "derive", "--event", "chat", "--none-for", "30", "--as-of", "2026-02-01")
    assert "but the history ends" in derived.err


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_the_ends_of_the_calendar_break_no_command(cli, tmp_path, zone):
    (tmp_path / "card.yaml").write_text(f"company: Acme\ntime_zone: {zone}\n")
    rows = ["c-1,0001-01-02T00:00Z,chat,first", "c-1,2026-02-01T10:00Z,chat,now", "c-1,9999-12-31T00:00Z,chat,last"]
    cli("ingest", write_csv(tmp_path / "t.csv", *rows), "--card", tmp_path / "card.yaml")
    for command in (["show", "c-1"], ["customers"], ["data", "report"], ["evidence", "c-1", "--model", "scripted"]):
        assert cli(*command).code == 0, command


def test_a_customer_of_the_future_alone_is_named_with_the_first_day(agent, tmp_path):
    agent.ingest(write_csv(tmp_path / "t.csv", "c-1,2026-02-01,chat,a", "c-2,2062-01-25,chat,b"))
    with pytest.raises(UnknownCustomer, match="no interactions up to 2026-02-01; the first one is of 2062-01-25"):
        agent.snapshot("c-2")
