import math
from datetime import date

import pytest

from churn_agent.errors import FileFormatError
from churn_agent.lookback.money import money
from churn_agent.lookback.rivals import compare_with, read_rival, top_places
from tests.lookback.courses import ENDS, book

NOTICE = date(2026, 3, 10)
LEFT = dict.fromkeys("abcd", (NOTICE, None))
ROWS = {"a": "lllllllhhhhh", "b": "lllllllhhhhh", "c": "llllllllllll", "d": "llllllllllll"} | {
    f"s{n}": "llllllllllll" for n in range(8)
}
VALUES = {"a": 1000.0, "b": 3000.0, "c": 5000.0, "d": 1000.0}


def write(tmp_path, *lines):
    file = tmp_path / "scores.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def scores(tmp_path, ids, header="customer,date,score", of=lambda id_, listed: 90 if listed else 10):
    rows = [f"{id_},{day},{of(id_, id_ in ids)}" for day in ENDS for id_ in ROWS]
    return read_rival(write(tmp_path, header, *rows))


def compared(rival, **more):
    return compare_with(book(ROWS, LEFT, values=VALUES), rival, capacity=2, horizon_days=90, **more)


def test_both_lists_have_as_many_places_on_the_same_accounts(tmp_path):
    found = compared(scores(tmp_path, "ac"))
    assert (found.kind, found.accounts, found.left) == ("score", 12, 4)
    assert found.places == 2 * len(ENDS)
    assert found.theirs.part == 2
    assert found.both >= 1


def test_a_difference_by_count_is_tested_in_pairs_and_one_by_revenue_has_an_interval(tmp_path):
    found = compared(scores(tmp_path, ["s1", "s2"]))
    assert (found.ours.part >= 2, found.theirs.part) == (True, 0)
    assert found.conclusion.judgement == "cannot tell"  # four customers are too few
    assert found.revenue == 10_000
    assert found.their_revenue == 0
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_a_health_score_is_risk_where_it_is_low(tmp_path):
    healthy = scores(tmp_path, "ac", "customer,date,health_score", lambda id_, listed: 10 if listed else 90)
    assert healthy.inverted
    assert compared(healthy).theirs == compared(scores(tmp_path, "ac")).theirs


def test_a_band_and_a_list_have_their_own_length(tmp_path):
    bands = scores(tmp_path, "ac", "account,date,band", lambda id_, listed: "red" if listed else "Green")
    listed = read_rival(write(tmp_path, "customer,date", *(f"{id_},{day}" for day in ENDS for id_ in "ac")))
    assert (bands.kind, listed.kind) == ("band", "list")
    for rival in (bands, listed):
        found = compared(rival)
        assert (found.accounts, found.places, found.theirs.part) == (12, 2 * 9, 2)  # nine month ends before notice


def test_a_score_of_a_later_day_is_not_used_and_an_old_one_neither(tmp_path):
    rival = read_rival(write(tmp_path, "customer,date,score", "a,2026-02-10,7", "a,2026-03-01,9"))
    assert rival.at("a", date(2026, 2, 28)) == 7
    assert rival.at("a", date(2026, 1, 31)) is None
    assert rival.at("a", date(2026, 4, 30)) is None
    assert rival.at("b", date(2026, 2, 28)) is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("date,score", "2026-01-31,4"), "no column for the customer"),
        (("customer,score", "a,4"), "no column for the date"),
        (("customer,date,score", "a,31.01.2026,4"), "scores.csv:2: '31.01.2026' is not an ISO date"),
        (("customer,date,score", "a,2026-01-31,high"), "'high' is not a number"),
        (("customer,date,score", "a,2026-01-31,nan"), "'nan' is not a number"),
        (("customer,date,band", "a,2026-01-31,teal"), "'teal' is not a band"),
        (("customer,date,score", "a,2026-01-31,"), "no row has a value"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path, lines, message):
    with pytest.raises(FileFormatError, match=message.replace(".", r"\.")):
        read_rival(write(tmp_path, *lines))


def test_the_list_has_the_highest_numbers_and_breaks_ties_the_same_way_each_time():
    of = book(ROWS, LEFT)
    places = top_places(of, 2)
    assert places == top_places(list(reversed(of)), 2)
    assert {("a", ENDS[7]), ("b", ENDS[7])} <= places
    assert len(places) == 2 * len(ENDS)


def test_money_behind_a_list_equals_a_count_by_hand():
    found = money(book(ROWS, LEFT, values=VALUES), capacity=2, horizon_days=90, call_cost=50.0)
    assert found.calls == 24
    assert found.cost == 1200.0
    assert found.lost == 10_000
    reached = found.reached.part
    assert reached >= 2
    assert found.calls_for_one.value == 24 / reached
    assert found.cost_of_one.value == 1200 / reached
    assert math.isclose(found.save_rate.value, 1200 / found.flagged)
    assert found.save_rate.low <= found.save_rate.value <= found.save_rate.high
    assert found.flagged_share.value == found.flagged / 10_000


def test_without_departures_or_values_no_money_is_made_up():
    nobody = money(book(ROWS), capacity=2, horizon_days=90, call_cost=50.0)
    assert (nobody.cost_of_one, nobody.save_rate, nobody.flagged_share, nobody.lost) == (None, None, None, 0.0)
    unknown = money(book(ROWS, LEFT), capacity=2, horizon_days=90)
    assert (unknown.values_unknown, unknown.save_rate, unknown.cost) == (4, None, None)
