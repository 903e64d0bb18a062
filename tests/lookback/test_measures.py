"""Lead time, coverage and false alarms against counts made by hand."""

import math
from datetime import date

import pytest

from churn_agent.domain.interactions import Label
from churn_agent.lookback.flags import alarms, at_least, lead_days
from churn_agent.lookback.measures import by_group, coverage_by_month, measure
from churn_agent.lookback.observing import Departure, Observation, courses, departures, month_ends
from tests.lookback.courses import ENDS, FRAME, LAST_DAY, book

HIGH = at_least("high")
# Month ends: 2025-06-30 to 2026-05-31. Ripe with a horizon of 90 days on 20 June: up to 2026-02-28 (nine of twelve).
ROWS = {
    "a": "lllllllhhhhh",  # flagged on 31 January, notice on 15 March: 43 days
    "b": "hhllllllhhhh",  # flagged in summer (gone out) and on 28 February, notice on 10 April: 41 days
    "c": "llllllllllll",  # notice on 5 February, never flagged
    "d": "llllllllhhhh",  # flagged from 28 February on only, after the notice on 20 February
    "e": "llhhllllllll",  # stayed: one false alarm
    "f": "llllllllllhh",  # stayed so far: an open alarm
    "g": "llllllllllll",
    "h": "         lll",  # joined in March: no month end is ripe
}
LEFT = {
    "a": (date(2026, 3, 15), date(2026, 4, 30)),
    "b": (date(2026, 4, 10), None),
    "c": (date(2026, 2, 5), None),
    "d": (date(2026, 2, 20), date(2026, 5, 31)),
}


def test_lead_time_coverage_and_false_alarms_equal_a_count_by_hand():
    found = measure(book(ROWS, LEFT), HIGH, FRAME)
    assert (found.customers, found.left) == (8, 4)
    # a, b, c and d are seen up to their notice on 9, 10, 8 and 8 month ends; e, f and g on 12; h on 3.
    assert found.months == 9 + 10 + 8 + 8 + 12 + 12 + 12 + 3
    assert found.not_ripe == 0 + 1 + 0 + 0 + 3 + 3 + 3 + 3
    assert (found.coverage.part, found.coverage.whole) == (2, 4)
    assert found.lead.days == (41, 43)
    assert found.lead.median == 42
    assert found.confirmed == 1
    # Over: a's (came true), b's first, e's. b's second ends with the flag of 31 March: not over. f's is open.
    assert (found.false_alarms.part, found.false_alarms.whole, found.open_alarms) == (2, 3, 2)
    # Flagged and ripe: a on 31 January and 28 February; b on 30 June, 31 July, 28 February; e twice. Right: a 2, b 1.
    assert (found.rate.part, found.rate.whole) == (3, 7)
    # Notice within 90 days after the month ends: a of December, January, February; b January, February;
    # c November, December, January; d November (82 days), December, January.
    assert (found.base_rate.part, found.base_rate.whole) == (3 + 2 + 3 + 3, 9 + 9 + 8 + 8 + 9 + 9 + 9)
    assert math.isclose(found.lift.value, (3 / 7) / (11 / 61))
    assert found.lift.low <= found.lift.value <= found.lift.high


def test_the_first_flag_is_that_of_the_earliest_alarm_that_came_true():
    by_id = {course.customer_id: course for course in book({"x": "lllllllhlhhh", "y": "hhhhhhhhhhhh"}, {
        "x": (date(2026, 4, 10), None), "y": (date(2026, 4, 10), None)})}  # fmt: skip
    # x was flagged on 31 January, not on 28 February, again on 31 March: the first came 69 days before notice.
    assert lead_days(by_id["x"], HIGH, 90) == 69
    # y has been flagged without a break since 30 June: that flag led to the notice, 284 days later.
    assert lead_days(by_id["y"], HIGH, 90) == 284


def test_a_month_end_without_a_number_neither_breaks_an_alarm_nor_continues_it():
    [course] = book({"x": "llllllh-h-ll"})
    assert [(alarm.first, alarm.last) for alarm in alarms(course, HIGH, 90)] == [(ENDS[6], ENDS[8])]


def test_flags_from_the_notice_on_confirm_and_are_no_warning():
    [course] = book({"x": "llllllllhhhh"}, {"x": (date(2026, 2, 28), None)})
    assert [seen.as_of for seen in course.after] == ENDS[8:]
    found = measure([course], HIGH, FRAME)
    assert (found.coverage.part, found.confirmed, found.flags.part) == (0, 1, 0)
    assert found.lead is None


def test_without_a_notice_the_announcement_in_their_words_counts_as_notice():
    rows = [Observation("x", day, 0.9, "high", announced_on=date(2026, 1, 20) if day >= ENDS[7] else None)
            for day in ENDS]  # fmt: skip
    left = {"x": Departure("x", None, date(2026, 5, 10))}
    [course] = courses(rows, left)
    assert course.event == date(2026, 1, 20)
    assert [seen.as_of for seen in course.before] == ENDS[:7]
    assert [seen.as_of for seen in course.after] == ENDS[7:11]  # nothing after the day on which they had left
    [with_notice] = courses(rows, {"x": Departure("x", date(2026, 4, 1), date(2026, 5, 10))})
    assert with_notice.event == date(2026, 4, 1)


def test_month_ends_lie_before_the_last_day():
    assert month_ends(date(2026, 5, 31), 2) == [date(2026, 3, 31), date(2026, 4, 30)]
    assert month_ends(date(2026, 1, 1), 1) == [date(2025, 12, 31)]
    assert ENDS[0] == date(2025, 6, 30)
    assert len(ENDS) == 12


def test_departures_without_a_date_are_counted_and_those_with_one_count_once():
    labels = [
        Label("a", "2026-01-31", True, 90, notice_on="2026-03-15"),
        Label("a", "2026-02-28", True, 90, left_on="2026-04-30", notice_on="2026-03-15", amount=500.0),
        Label("b", "2026-01-31", True, 90),
        Label("c", "2026-01-31", False, 90),
    ]
    dated, undated = departures(labels)
    assert dated == {"a": Departure("a", date(2026, 3, 15), date(2026, 4, 30), 500.0)}
    assert undated == 1


def test_a_group_in_which_nobody_left_has_no_rate_of_coverage_and_no_nan():
    rows = {f"b{n}": "llllhhllllll" for n in range(8)} | {"c0": "hhhhhhhhhhhh"} | ROWS
    groups = {id_: {"segment": "B" if id_[0] == "b" and id_ != "b" else "C" if id_ == "c0" else "A"} for id_ in rows}
    found = by_group("segment", book(rows, LEFT, groups=groups), HIGH, FRAME)
    assert [(group.name, group.measures.customers) for group in found.groups] == [("A", 8), ("B", 8)]
    assert (found.not_named, found.in_not_named) == (1, 1)
    nobody = found.groups[1].measures
    assert (nobody.left, nobody.coverage.value, nobody.lift, nobody.lead) == (0, None, None, None)
    assert nobody.false_alarms.value == 1.0
    assert nobody.false_alarms.low < 1
    numbers = [each for share in (nobody.coverage, nobody.base_rate, nobody.rate) for each in vars(share).values()]
    assert not any(isinstance(each, float) and math.isnan(each) for each in numbers)


def test_customers_whose_horizon_is_not_over_are_in_no_rate():
    young = {f"y{n}": "           h" for n in range(3)}
    with_them, without = (measure(book(rows, LEFT), HIGH, FRAME) for rows in (ROWS | young, ROWS))
    assert with_them.not_ripe == without.not_ripe + 3
    assert (with_them.base_rate.whole, with_them.rate) == (without.base_rate.whole, without.rate)
    assert with_them.false_alarms == without.false_alarms
    assert with_them.open_alarms == without.open_alarms + 3


def test_coverage_by_month_counts_notices_in_their_month():
    assert coverage_by_month(book(ROWS, LEFT), HIGH, FRAME) == [
        (date(2026, 2, 1), 0, 2),
        (date(2026, 3, 1), 1, 1),
        (date(2026, 4, 1), 1, 1),
    ]


@pytest.mark.parametrize("rows", [{}, {"a": "------------"}])
def test_an_empty_book_and_one_without_numbers_have_measures(rows):
    found = measure(book(rows), HIGH, FRAME)
    assert (found.left, found.coverage.value, found.lift) == (0, None, None)
    assert ENDS[-1] < LAST_DAY
