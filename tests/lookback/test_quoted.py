from datetime import date

import pytest

from churn_agent.lookback.estimates import ENOUGH, clustered_share, customers_needed, exact_share, lead, lift
from churn_agent.lookback.quoted import quoted_tests
from tests.lookback.courses import FRAME, book

NOTICE = (date(2026, 3, 10), None)  # 31 December is 69 days before, 28 February ten


def of(rows, left=None):
    return {test.test: test for test in quoted_tests(book(rows, left), FRAME)}


def test_a_good_score_passes_all_three():
    good = {f"g{n}": "llllllmhhhhh" for n in range(30)}
    stayed = {f"s{n}": "llllllllllll" if n % 40 else "mmllllllllll" for n in range(200)}
    found = of(good | stayed, dict.fromkeys(good, NOTICE))
    assert {name: test.answer for name, test in found.items()} == {"lift": "yes", "early": "yes", "green": "no"}
    assert found["early"].value == 1.0
    assert found["early"].n == 30


def test_a_score_that_sees_nothing_fails():
    blind = {f"g{n}": "llllllllllll" for n in range(30)}
    stayed = {f"s{n}": "mmmmmmhhhhhh" for n in range(60)}
    found = of(blind | stayed, dict.fromkeys(blind, NOTICE))
    assert {name: test.answer for name, test in found.items()} == {"lift": "no", "early": "no", "green": "yes"}


def test_a_few_departures_cannot_tell_and_say_how_many_would():
    few = {"g1": "llllllmhhhhh", "g2": "llllllllllll", "g3": "llllllmmmmmm", "g4": "lllllmhhhhhh"}
    stayed = {f"s{n}": "lllllllhllll" if n < 4 else "llllllllllll" for n in range(20)}
    found = of(few | stayed, dict.fromkeys(few, NOTICE))
    assert found["early"].answer == found["lift"].answer == "cannot tell"
    assert found["early"].needed > found["early"].n == 4
    assert found["lift"].needed > found["lift"].n == 4


def test_without_departures_no_test_of_them_can_tell():
    found = of({f"s{n}": "llllllllllll" for n in range(8)})
    assert found["early"].answer == found["lift"].answer == "cannot tell"
    assert (found["early"].n, found["early"].needed, found["early"].value) == (0, 10, None)
    assert found["lift"].needed == 10
    # all ten of ten would be known to be more than two thirds, nine of nine would not
    assert exact_share(10, 10).low > 2 / 3 > exact_share(9, 9).low


def test_the_interval_of_a_median_is_exact():
    assert lead([]) is None
    found = lead([10, 20, 30, 40, 50, 60])
    assert (found.median, found.low, found.high) == (35, 10, 60)  # 1 - 2 / 2^6 = 97 % for six values
    assert (lead(range(1, 26)).low, lead(range(1, 26)).high) == (8, 18)  # as in tables of the sign test


def test_a_share_of_all_or_none_has_an_interval_with_a_width():
    assert clustered_share([2, 3, 1], [2, 3, 1]).low == exact_share(3, 3).low < 1
    assert clustered_share([0, 0], [4, 5]).high == exact_share(0, 2).high
    assert clustered_share([0], [0]).value is None
    between = clustered_share([1, 0, 2], [2, 2, 2])
    assert (between.value, between.customers) == (0.5, 3)
    assert between.low <= 0.5 <= between.high


@pytest.mark.parametrize(("value", "bound", "needed"), [(0.5, 0.5, None), (0.8, 2 / 3, 35), (1.0, 2 / 3, 10)])
def test_the_number_that_would_tell(value, bound, needed):
    assert customers_needed(value, bound) == needed


def test_a_lift_of_nothing_has_an_upper_bound():
    found = lift([(2, 0, 9, 0), (1, 0, 9, 0), (0, 0, 9, 3)])
    assert (found.value, found.low) == (0, 0)
    assert found.high == exact_share(0, 2).high / (3 / 27)


def test_enough_customers_know_a_share_to_twenty_points():
    assert ENOUGH == 25
