from datetime import date

import pytest

from churn_agent.batch.budget import Budget
from churn_agent.errors import InputError, UnknownCustomer
from churn_agent.history import runs
from churn_agent.lookback.costing import cost
from churn_agent.lookback.flags import with_signal
from churn_agent.lookback.looking_back import LookBackSpec, look_back, measured
from churn_agent.lookback.observing import courses
from churn_agent.lookback.replaying import ReplaySpec, replay
from churn_agent.outcomes import ledger
from tests.lookback.small_book import ALARMED, CUSTOMERS, NOTICE, WARNED, Counting, left_on, make, messages

SPEC = ReplaySpec(months=9)
COLUMNS = ["customer_id,health,seats,plan,segment,region"]
DESCRIBED = [
    *COLUMNS,
    *(f"{id_},{'red' if id_ in NOTICE else 'green'},{n},{'basic' if id_ in NOTICE else 'pro'},A,north"
      for n, id_ in enumerate(CUSTOMERS)),
]  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with make(tmp_path_factory.mktemp("book")) as agent:
        yield agent


@pytest.fixture(scope="module")
def found(opened):
    return replay(opened, SPEC)


def test_every_customer_counts_at_every_month_end_from_the_first_day_to_the_last(found):
    seen = {(each.customer_id, each.as_of) for each in found.observations}
    expected = {(id_, day) for id_ in CUSTOMERS for day in found.days if not (id_ in NOTICE and day >= left_on(id_))}
    assert seen == expected
    assert found.days[0] == date(2025, 9, 30)
    assert found.days[-1] == date(2026, 5, 31)


def test_a_signal_is_seen_from_the_first_month_end_after_it_was_written(found):
    flagged = with_signal("competitor")
    first = {
        course.customer_id: min((seen.as_of for seen in course.before if flagged(seen)), default=None)
        for course in courses(found.observations, found.departures)
    }
    # c-01 wrote on 27 November, c-02 on 1 January, c-03 on 2 February, c-04 on 31 March; c-10 and c-11 in September.
    assert {id_: day for id_, day in first.items() if day} == {
        "c-01": date(2025, 11, 30),
        "c-02": date(2026, 1, 31),
        "c-03": date(2026, 2, 28),
        "c-04": date(2026, 3, 31),
        **dict.fromkeys(ALARMED, date(2025, 9, 30)),
    }


def test_lead_time_and_coverage_of_a_replayed_book_equal_a_count_by_hand(found):
    of_customers = courses(found.observations, found.departures)
    by_signal = measured(found, of_customers, LookBackSpec(SPEC, by="signal")).by
    [rival] = [group.measures for group in by_signal.groups if group.name == "competitor"]
    # Notice came 72, 40, 39 and 20 days after those month ends; c-05 and c-06 wrote nothing of the kind.
    assert rival.lead.days == (20, 39, 40, 72)
    assert rival.lead.median == 39.5
    assert (rival.coverage.part, rival.coverage.whole) == (len(WARNED), len(NOTICE))
    assert rival.left == 6


def test_no_message_is_read_twice(opened, found):
    once = opened._passed_model.asked
    assert once == sum(row.split(",")[1] < "2026-06-01" for row in messages())
    again = replay(opened, SPEC)
    assert opened._passed_model.asked == once
    assert (again.done, again.done_earlier) == (0, found.total)
    assert again.observations == found.observations
    assert cost(opened, SPEC).messages == 0


def test_a_replay_is_no_run_and_no_forecast(opened, found):
    assert found.total
    assert runs.all_runs(opened.history) == []
    assert ledger.forecasts(opened.store) == []


def test_an_interrupted_replay_goes_on_where_it_stopped(tmp_path, found):
    with make(tmp_path / "a") as agent:
        first = replay(agent, ReplaySpec(months=9, budget=Budget(seconds=0.0)))
        assert first.left == found.total
        replay(agent, ReplaySpec(months=9, limit=3))
        second = replay(agent, SPEC)
        assert second.done_earlier == sum(
            not (id_ in NOTICE and day >= left_on(id_)) for id_ in CUSTOMERS[:3] for day in found.days
        )
        assert second.observations == found.observations


def test_the_estimate_counts_each_message_once(tmp_path):
    with make(tmp_path / "a") as agent:
        guess = cost(agent, SPEC)
        assert agent._passed_model.asked == 0
        assert (guess.customers, guess.months, guess.based_on) == (30, 9, 0)
        # Each has ten messages or fewer; those of June are after the last month end.
        assert 250 < guess.messages < 300
        assert guess.seconds == pytest.approx(1.2 * guess.messages)


def test_attributes_without_a_date_change_nothing_and_are_named(tmp_path, found):
    with make(tmp_path / "a", attributes=DESCRIBED) as agent:
        with_them = replay(agent, SPEC)
    assert with_them.observations == found.observations
    assert with_them.attributes_left_out == ["health", "plan", "region", "seats", "segment"]
    assert (with_them.not_described, found.not_described) == (0, 30)


def test_an_attribute_with_a_date_is_used_from_that_day_on(tmp_path):
    dated = ["customer_id,status,known_from", "c-20,former,2026-02-15"]
    with make(tmp_path / "a", attributes=dated) as agent:
        found = replay(agent, SPEC)
    assert found.attributes_left_out == []
    seen = [each.as_of for each in found.observations if each.customer_id == "c-20"]
    assert max(seen) == date(2026, 1, 31)  # a former customer is not at risk


def test_customers_missing_from_the_customer_file_count_like_the_others(tmp_path, found):
    kept = [line for line in DESCRIBED if line.partition(",")[0] not in NOTICE]
    with make(tmp_path / "a", attributes=kept) as agent:
        without = replay(agent, SPEC)
    assert without.observations == found.observations
    assert without.not_described == len(NOTICE)


def test_outcomes_after_a_month_end_do_not_change_a_digit_of_it(tmp_path, found):
    with make(tmp_path / "a", moved={"c-04": date(2026, 6, 10)}) as agent:
        moved = replay(agent, SPEC)
    april = date(2026, 4, 1)
    assert [each for each in moved.observations if each.as_of < april] == [
        each for each in found.observations if each.as_of < april
    ]


@pytest.mark.slow
def test_what_is_learned_for_a_month_end_uses_outcomes_known_by_then(tmp_path):
    spec = ReplaySpec(months=9)
    replays = []
    for moved in (None, {"c-03": date(2026, 6, 10)}):
        with make(tmp_path / f"a{bool(moved)}", moved=moved, method="rfm") as agent:
            replays.append(replay(agent, spec))
    plain, other = replays
    assert plain.learned == "rfm"
    assert plain.plain_days  # in autumn nobody had left yet
    assert set(plain.days) - set(plain.plain_days)
    april = date(2026, 4, 1)
    assert [each for each in plain.observations if each.as_of < april] == [
        each for each in other.observations if each.as_of < april
    ]


def test_a_customer_without_a_month_end_and_an_unknown_one_are_told_apart(opened):
    with pytest.raises(UnknownCustomer):
        replay(opened, ReplaySpec(customer_id="nobody"))
    with pytest.raises(InputError, match="month end"):
        replay(opened, ReplaySpec(months=1, customer_id="c-01"))


def test_forgetting_a_customer_removes_them_from_replayed_month_ends(tmp_path):
    with make(tmp_path / "a", model=Counting()) as agent:
        replay(agent, ReplaySpec(months=2))
        files = sorted((tmp_path / "a" / "store" / "lookback").glob("*.jsonl"))
        assert len(files) == 2
        assert all("c-20" in file.read_text() for file in files)
        agent.store.forget("c-20")
        assert not any("c-20" in file.read_text() for file in files)


def test_a_look_back_without_departures_tells_what_it_cannot_tell(tmp_path):
    with make(tmp_path / "a") as agent:
        result = look_back(agent, LookBackSpec(ReplaySpec(months=1, where=None, limit=30)))
    assert result.overall.left == 0
    assert {test.answer for test in result.tests if test.test != "green"} == {"cannot tell"}
