"""Files of measurements: long and wide, synced and undone like the rest, without any text."""

import json
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent import ChurnAgent
from churn_agent.errors import DataError, UnknownCustomer
from churn_agent.ingest.periods import end_of_period, reading_of
from churn_agent.settings import Settings
from tests.conftest import examples, write_csv
from tests.ingest.test_sync import NO_SHRINKING, dump

LONG = "customer_id,date,metric,value"


MONDAYS = ["2026-02-02", "2026-02-09", "2026-02-16", "2026-03-02"]
TUESDAYS = ["2026-02-03", "2026-02-10", "2026-02-17", "2026-03-03"]


def totals(agent, customer_id="c-1", as_of="2026-02-28"):
    snapshot = agent.store.snapshot(customer_id, as_of=as_of)
    return {one.metric: sum(window.total for window in one.windows.values()) for one in snapshot.measurements}


def ingest(agent, path, **options):
    return agent.ingest([], measurements=path, **options)


def test_measurements_need_no_text(agent, tmp_path):
    rows = "c-1,2026-02-01,logins,3", "c-1,2026-02-02,logins,4", "c-1,2026-02-02,nps,9", "c-2,2026-02-02,logins,5"
    summary = ingest(agent, write_csv(tmp_path / "m.csv", *rows, header=LONG))
    assert summary.measurements == 4
    assert totals(agent) == {"logins": 7, "nps": 9}
    assert totals(agent, as_of="2026-02-01") == {"logins": 3}


def test_a_wide_table_has_a_metric_in_each_column_of_numbers(agent, tmp_path):
    header = "Account ID;Month;Logins;Failed payments;Seats;Plan"
    rows = "c-1;2026-01;1.200,5;0;10;gold", "c-1;2026-02;900,0;1;10;gold"
    path = tmp_path / "m.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    notes = []
    agent.store._notify = notes.append
    assert ingest(agent, path).measurements == 6
    assert totals(agent) == {"failed_payments": 1, "logins": 2100.5, "seats": 20}
    assert any("columns with words are not imported: plan" in note for note in notes)
    [logins] = [one for one in agent.snapshot("c-1", as_of="2026-03-01").measurements if one.metric == "logins"]
    assert (str(logins.latest_on), logins.windows[0].seats) == ("2026-02-28", 10)


@pytest.mark.parametrize(
    ("column", "dates", "ends", "taken"),
    [
        ("month", ["2025-10-01", "2025-11-01"], ["2025-10-31", "2025-11-30"], "months"),
        ("Monat", ["01.10.2025", "01.02.2026"], ["2025-10-31", "2026-02-28"], "months"),
        ("date", ["2025-10-01", "2025-11-01", "2025-12-01"], ["2025-10-31", "2025-11-30", "2025-12-31"], "months"),
        ("date", ["2025-10-01", "2025-11-01"], ["2025-10-01", "2025-11-01"], None),
        ("month", ["2025-10-01", "2025-11-15"], ["2025-10-01", "2025-11-15"], None),
        ("period", ["2025-10", "2025-11"], ["2025-10-31", "2025-11-30"], None),
        ("Woche", ["2026-02-02", "2026-02-09"], ["2026-02-08", "2026-02-15"], "weeks"),
        ("week", ["2026-02-02", "2026-02-10"], ["2026-02-02", "2026-02-10"], None),
        ("date", ["2026-02-02", "2026-02-09"], ["2026-02-02", "2026-02-09"], None),
        ("week_start", ["2026-02-01", "2026-02-08"], ["2026-02-07", "2026-02-14"], "weeks"),
        ("week_ending", ["2026-02-02", "2026-02-09"], ["2026-02-02", "2026-02-09"], None),
        ("week", ["2026-W06", "2026-W07"], ["2026-02-08", "2026-02-15"], None),
        ("date", MONDAYS, [str(date.fromisoformat(day) + timedelta(6)) for day in MONDAYS], "weeks"),
        ("date", TUESDAYS, TUESDAYS, None),
        ("quarter", ["2025-10-01", "2026-01-01"], ["2025-12-31", "2026-03-31"], "quarters"),
        ("quarter", ["2025-Q4", "Q1 2026"], ["2025-12-31", "2026-03-31"], None),
        ("date", ["2025-07-01", "2025-10-01", "2026-01-01"], ["2025-09-30", "2025-12-31", "2026-03-31"], "quarters"),
        ("year", ["2024-01-01", "2025-01-01"], ["2024-12-31", "2025-12-31"], "years"),
        ("month", ["10/2025", "11/2025"], ["2025-10-31", "2025-11-30"], None),
        ("month_end", ["2025-10-01", "2025-11-01"], ["2025-10-01", "2025-11-01"], None),
    ],
)
def test_periods_count_at_their_end(agent, tmp_path, column, dates, ends, taken):
    rows = (f"c-1,{day},logins,3" for day in dates)
    header = f"customer_id,{column},metric,value"
    summary = ingest(agent, write_csv(tmp_path / "m.csv", *rows, header=header))
    assert [guess.taken.split(",")[0] for guess in summary.guesses] == ([taken] if taken else [])
    known = [totals(agent, as_of=end).get("logins", 0) for end in ends]
    assert known == [3 * n for n in range(1, len(ends) + 1)]
    with pytest.raises(UnknownCustomer):
        agent.store.snapshot("c-1", as_of=date.fromisoformat(ends[0]) - timedelta(days=1))


def test_the_mapping_says_what_a_date_stands_for(agent, tmp_path):
    path = write_csv(tmp_path / "m.csv", "c-1,2025-10-01,logins,3", header="customer_id,month,metric,value")
    (tmp_path / "mapping.yaml").write_text("measured_over: day\n")
    summary = ingest(agent, path, mapping=tmp_path / "mapping.yaml")
    assert not summary.guesses
    assert totals(agent, as_of="2025-10-01") == {"logins": 3}


def test_next_weeks_export_corrects_and_doubles_nothing(agent, tmp_path):
    ingest(agent, write_csv(tmp_path / "a.csv", "c-1,2026-02-01,logins,3", "c-1,2026-02-02,logins,4", header=LONG))
    rows = "c-1,2026-02-01,logins,3", "c-1,2026-02-02,logins,40", "c-1,2026-02-03,logins,5"
    ingest(agent, write_csv(tmp_path / "b.csv", *rows, header=LONG))
    assert totals(agent) == {"logins": 48}
    agent.store.undo_import(2)
    assert totals(agent) == {"logins": 7}


def test_a_key_of_its_own_identifies_a_measurement(agent, tmp_path):
    header = f"measurement_id,{LONG}"
    ingest(agent, write_csv(tmp_path / "a.csv", "k1,c-1,2026-02-01,logins,3", header=header))
    ingest(agent, write_csv(tmp_path / "b.csv", "k1,c-1,2026-02-05,logins,4", header=header))
    assert totals(agent) == {"logins": 4}


def test_rejected_rows_say_why(agent, tmp_path):
    rows = "c-1,2026-02-01,logins,3", "c-1,,logins,3", "#N/A,2026-02-01,logins,3", "c-1,2026-02-02,,3"
    summary = ingest(agent, write_csv(tmp_path / "m.csv", *rows, header=LONG))
    assert (summary.measurements, summary.rejected) == (1, 3)


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        ("customer_id,metric,value", "c-1,logins,3", "no column for 'measured_at'"),
        ("customer_id,date,plan", "c-1,2026-02-01,gold", "no column has numbers"),
        (LONG, "c-1,2026-02-01,logins,1.234", "decimal"),
    ],
)
def test_an_unusable_file_is_refused_in_one_line(agent, tmp_path, header, row, reason):
    with pytest.raises(DataError, match=reason):
        ingest(agent, write_csv(tmp_path / "m.csv", row, header=header))


def test_measurements_follow_merged_customers_and_come_back(agent, tmp_path):
    rows = "c-1,2026-02-01,logins,3", "c-2,2026-02-01,logins,4"
    ingest(agent, write_csv(tmp_path / "m.csv", *rows, header=LONG))
    agent.store.merge_customers("c-2", "c-1")
    assert totals(agent) == {"logins": 7}
    more = write_csv(tmp_path / "n.csv", "c-2,2026-02-01,logins,5", header=LONG)
    ingest(agent, more)
    assert totals(agent) == {"logins": 8}
    agent.store.split_customer("c-2")
    assert (totals(agent), totals(agent, "c-2")) == ({"logins": 3}, {"logins": 5})


def test_a_customer_is_forgotten_with_their_measurements(agent, tmp_path):
    rows = "c-1,2026-02-01,logins,3", "c-2,2026-02-01,logins,4"
    ingest(agent, write_csv(tmp_path / "m.csv", *rows, header=LONG))
    agent.store.forget("c-1")
    assert [row["customer_id"] for row in map(json.loads, dump(agent.settings.store)["measurements"])] == ["c-2"]


def test_a_folder_may_hold_measurements_alone_and_they_can_be_made_again(agent, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    write_csv(folder / "measurements.csv", "c-1,01/02/2026,logins,3", header=LONG)
    (tmp_path / "m.yaml").write_text("day_first: true\n")
    with pytest.raises(DataError, match=r"(?s)day_first: true.*day_first: false"):
        agent.ingest(folder)
    agent.ingest(folder, mapping=tmp_path / "m.yaml")
    assert totals(agent) == {"logins": 3}
    agent.store.redo_import(1, mapping=tmp_path / "m.yaml")
    assert totals(agent) == {"logins": 3}


cells = st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.sampled_from(["logins", "nps"]), st.integers(0, 3))


@settings(max_examples=examples(8), deadline=None, phases=NO_SHRINKING)
@given(exports=st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1, max_size=3), data=st.data())
def test_undoing_any_import_equals_never_having_made_it(exports, data, tmp_path_factory):
    undone = data.draw(st.integers(0, len(exports) - 1))
    folder = tmp_path_factory.mktemp("undo")

    def imported(name, numbers, undo=None):
        with ChurnAgent(Settings.load(store=folder / name, model="scripted")) as agent:
            assert agent.store.imports() == []
            for n in numbers:
                rows = [f"{id_},2026-02-0{day},{metric},{value}" for id_, day, metric, value in exports[n]]
                ingest(agent, write_csv(folder / f"{n}.csv", *rows, header=LONG))
            if undo is not None:
                agent.store.undo_import(undo + 1)
        return dump(folder / name, "id", "superseded_by")["measurements"], current(folder / name)

    kept = [n for n in range(len(exports)) if n != undone]
    assert imported("with", range(len(exports)), undone) == imported("without", kept)


def current(store):
    rows = [json.loads(row) for row in dump(store, "id")["measurements"]]
    return sorted(
        (row["customer_id"], row["at"], row["metric"], row["value"]) for row in rows if row["superseded_by"] is None
    )


STARTS = ["2025-01-01", "2025-04-01", "2025-07-01"]


@pytest.mark.parametrize(
    ("column", "days", "end"),
    [
        ("month", STARTS, "2025-01-31"),
        ("quarter", STARTS[:1], "2025-03-31"),
        ("period", STARTS[:1], "2025-01-31"),
        ("period", STARTS, "2025-03-31"),
        ("date", STARTS[:2], "2025-01-01"),
        ("date", ["2023-01-01", "2024-01-01", "2025-01-01"], "2023-12-31"),
        ("quarter", ["2025-01-01", "2025-02-01"], "2025-01-01"),
    ],
)
def test_a_name_decides_and_else_the_longest_period_that_fits(column, days, end):
    dates = [date.fromisoformat(day) for day in days]
    assert reading_of(column, dates, None).end(dates[0]).isoformat() == end


@pytest.mark.parametrize("text", ["2026-13", "13/2026", "2026-W54", "0000-01", "2026-Q5", "2026-03-01", "x", ""])
def test_text_that_names_no_period_stays(text):
    assert end_of_period(text) == text
