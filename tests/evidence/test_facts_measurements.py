"""Facts from measurements: the customer compared with their own usual level."""

from datetime import date, timedelta

import pytest

from churn_agent.domain.measurements import WINDOW_DAYS, Series, Window
from churn_agent.evidence.facts import by_name, compute
from tests.conftest import AS_OF, interaction, snapshot, write_csv

HEADER = "customer_id,date,metric,value,seats"
END = date(2026, 2, 28)


def facts(agent, tmp_path, *rows, as_of=END):
    """Facts of customer c; the rows are (days before the end, metric, value, seats); o has rows up to the end."""
    lines = [f"c,{END - timedelta(days=n)},{metric},{value},{seats}" for n, metric, value, seats in rows]
    lines += [f"o,{END},{metric},1," for metric in {metric for _, metric, _, _ in rows}]
    agent.ingest([], measurements=write_csv(tmp_path / "m.csv", *lines, header=HEADER))
    snapshot = agent.store.snapshot("c", as_of=as_of)
    return {fact.name: fact for fact in reversed(compute(snapshot))}


def daily(metric, days, value=10, seats=""):
    return [(n, metric, value, seats) for n in days]


def test_a_drop_is_told_by_the_customers_own_level(agent, tmp_path):
    known = facts(agent, tmp_path, *daily("logins", range(28), 4), *daily("logins", range(28, 112), 10))
    assert known["measured_trend"].value == 0.4
    assert known["measured_trend"].text == (
        "Measured logins: the total of the last 28 days is 112, 40% of their usual 280."
    )
    assert not {"measured_stop", "measured_season", "measured_per_seat", "measured_score"}.intersection(known)


def test_nothing_later_than_the_day_counts(agent, tmp_path):
    rows = (*daily("logins", range(28), 0), *daily("logins", range(28, 140)))
    known = facts(agent, tmp_path, *rows, as_of=END - timedelta(days=28))
    assert known["measured_trend"].value == 1.0


def test_growth_of_seats_does_not_hide_less_use_of_each(agent, tmp_path):
    rows = (*daily("logins", range(28), 10, 40), *daily("logins", range(28, 112), 10, 10))
    known = facts(agent, tmp_path, *rows)
    assert (known["measured_trend"].value, known["measured_per_seat"].value) == (1.0, 0.25)


def test_a_sudden_stop_is_told(agent, tmp_path):
    known = facts(agent, tmp_path, *daily("logins", range(20, 112)))
    assert known["measured_stop"].value == 20


@pytest.mark.parametrize("last", [0, 13])
def test_a_usual_pause_is_no_stop(agent, tmp_path, last):
    assert "measured_stop" not in facts(agent, tmp_path, *daily("logins", range(last, 112, 14)))


def test_the_end_of_the_data_is_no_stop(agent, tmp_path):
    known = facts(agent, tmp_path, *daily("logins", range(112)), as_of=END + timedelta(days=60))
    assert "measured_stop" not in known
    assert known["measured_trend"].value == 1.0


def test_a_rest_in_the_same_weeks_of_last_year_looks_seasonal(agent, tmp_path):
    year = [*range(28, 364), *range(392, 480)]
    rest = [*range(28), *range(364, 392)]
    known = facts(agent, tmp_path, *daily("logins", year, 10), *daily("logins", rest, 1))
    assert known["measured_trend"].value == 0.1
    assert known["measured_season"].value == 1.0
    assert "seasonal" in known["measured_season"].text


def test_levels_are_averaged_and_scores_shown(agent, tmp_path):
    known = facts(agent, tmp_path, *((n, "nps", value, "") for n, value in ((1, 3), (40, 9), (70, 9), (100, 9))))
    assert (known["measured_score"].value, known["measured_trend"].value) == (3, 0.33)
    assert "the average of the last 28 days is 3" in known["measured_trend"].text


def test_too_little_data_gives_no_trend(agent, tmp_path):
    assert "measured_trend" not in facts(agent, tmp_path, *daily("logins", range(40)))


def test_the_most_unusual_metric_comes_first(agent, tmp_path):
    rows = (*daily("a_calls", range(112)), *daily("logins", range(28), 1), *daily("logins", range(28, 112)))
    known = facts(agent, tmp_path, *rows)
    assert known["measured_trend"].value == 0.1
    assert by_name(compute(agent.store.snapshot("c", as_of=END)))["measured_trend"] == 0.1


def test_a_customer_with_measurements_only_is_assessed(agent, tmp_path):
    facts(agent, tmp_path, *daily("logins", range(28), 4), *daily("logins", range(28, 112)))
    record = agent.assess("c")
    assert record.as_of == END
    assert any(fact.name == "measured_trend" for fact in record.facts)


def used(metric, *days_ago, value=10):
    """A metric with a value on some days."""
    windows = {}
    for number in {ago // WINDOW_DAYS for ago in days_ago}:
        n = sum(ago // WINDOW_DAYS == number for ago in days_ago)
        windows[number] = Window(n * value, n, n, 0, None)
    last = AS_OF - timedelta(days=min(days_ago))
    return Series(metric, AS_OF, value, last, last, windows)


def stated(*measurements, **attributes):
    history = snapshot(interaction(1, days_ago=700), measurements=measurements, attributes=attributes)
    return {fact.name: fact for fact in reversed(compute(history))}


@pytest.mark.parametrize("silence", [20, 60, 84, 100, 111, 112, 113, 140, 300])
def test_a_stop_of_frequent_use_is_told_however_long_ago(silence):
    known = stated(used("logins", *range(silence, silence + 120)))
    assert known["measured_stop"].value == known["usage_stop"].value == silence
    assert known["usage_trend"].value < 0.4
    day = AS_OF - timedelta(days=silence)
    assert f"stopped on {day}, {silence} days before" in known["measured_stop"].text
    assert f"stopped on {day}, {silence} days before" in known["usage_stop"].text


@pytest.mark.parametrize("silence", [60, 84, 100, 111, 112, 119, 126, 300])
def test_what_came_once_a_month_has_fallen_or_stopped_however_long_ago(silence):
    known = stated(used("kilos", *range(silence, silence + 400, 28)))
    assert known["usage_trend"].value == 0
    assert ("measured_stop" in known) == (silence > 112)


@pytest.mark.parametrize(
    "days", [(0, 61, 122, 183, 244, 305, 366), (150, 211, 272, 333, 394, 455, 516), (300, 320), (400,)]
)
def test_rare_or_short_use_has_not_stopped(days):
    assert "measured_stop" not in stated(used("kilos", *days))


def test_an_announced_pause_is_no_stop():
    assert {"measured_stop", "usage_stop"}.isdisjoint(
        stated(used("logins", *range(60, 180)), paused_until="2099-01-01")
    )


def test_a_product_given_up_long_ago_says_nothing_beside_one_in_use():
    known = stated(used("mobile_gb", *range(300, 420)), used("data_gb", *range(150)))
    assert known["usage_trend"].value == 1
    assert "usage_stop" not in known
    assert known["measured_stop"].value == 300


def test_an_order_less_in_a_window_is_chance_and_a_smaller_order_is_a_fall():
    every_four_weeks = (5, 33, 60, 83, 103)  # four in the twelve weeks before, by one extra order
    assert "usage_trend" not in stated(used("kilos", *every_four_weeks))
    smaller = used("kilos", *every_four_weeks)
    smaller.windows[0] = Window(5, 1, 1, 0, None)
    assert stated(smaller)["usage_trend"].value < 0.5
    often = used("logins", *range(0, 28, 2), *range(28, 112))
    assert stated(often)["usage_trend"].value == 0.5


def test_a_fall_by_chance_does_not_hide_a_real_one():
    known = stated(used("kilos", 5, 33, 60, 83, 103), used("logins", *range(0, 28, 2), *range(28, 112)))
    assert known["usage_trend"].value == 0.5
    assert "logins" in known["usage_trend"].text
