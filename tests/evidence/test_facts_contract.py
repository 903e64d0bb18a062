"""The term, its notice, what is paused, and the number of seats."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain.measurements import Series, Window
from churn_agent.domain.snapshot import Card
from churn_agent.evidence import facts, facts_contract
from tests.conftest import AS_OF, interaction, snapshot

MAIL = interaction(1, days_ago=100)


def named(*history, **attributes):
    return {fact.name: fact for fact in facts.compute(snapshot(*(history or (MAIL,)), attributes=attributes))}


def day(days):
    return str(AS_OF + timedelta(days=days))


@pytest.mark.parametrize("attribute", ["renewal_date", "contract_end", "vertragsende", "expires_on"])
def test_the_days_to_the_end_of_the_term_are_counted(attribute):
    found = named(**{attribute: day(40)})
    assert found["days_to_renewal"].value == 40
    assert {"term_ended", "notice_deadline"}.isdisjoint(found)


def test_the_attribute_on_the_card_comes_first():
    card = Card(renewal_attribute="next_term")
    both = snapshot(MAIL, card=card, attributes={"next_term": day(10), "renewal_date": day(99)})
    assert facts.by_name(facts.compute(both))["days_to_renewal"] == 10


def test_a_term_that_ended_without_a_new_one_is_a_fact():
    found = named(renewal_date=day(-20))
    assert found["term_ended"].value == 20
    assert "days_to_renewal" not in found
    assert "term_ended" not in named(renewal_date=day(-400))
    assert "term_ended" not in named(renewal_date=day(-20), auto_renew="yes")


def test_a_bill_after_the_end_shows_that_the_contract_went_on():
    bill = interaction(2, days_ago=5, channel="invoice", speaker="company")
    found = named(MAIL, bill, renewal_date=day(-20), contract="24 months")
    assert "term_ended" not in found
    assert found["monthly_contract"].value == 1
    assert "can leave at short notice" in found["monthly_contract"].text
    assert named(MAIL, bill, renewal_date=day(-2), contract="24 months")["monthly_contract"].value == 0
    assert "monthly_contract" not in named(MAIL, bill, renewal_date=day(-20), auto_renew="yes")
    assert "term_ended" in named(MAIL, bill, renewal_date=day(-2))


@pytest.mark.parametrize(
    ("name", "written", "days"),
    [
        ("notice_period", "3 months", 91),
        ("notice_period", "30 days", 30),
        ("kündigungsfrist", "90 Tage", 90),
        ("kündigungsfrist", "3 Monate", 91),
        ("notice_period_days", "14", 14),
        ("notice_period", "60", 60),
        ("notice_period", "3", 91),
        ("notice_period", "as agreed", None),
        ("plan", "3 months", None),
    ],
)
def test_the_notice_period_is_parsed(name, written, days):
    assert facts_contract.notice_days({name: written}) == days


def test_the_last_day_for_notice_may_be_over():
    assert named(renewal_date=day(40), notice_period_days="30")["notice_deadline"].value == 10
    over = named(renewal_date=day(20), notice_period_days="30")["notice_deadline"]
    assert (over.value, over.text) == (-10, f"The last day to give notice was {day(-10)}.")


@pytest.mark.parametrize(
    ("attributes", "left"),
    [
        ({"paused_until": day(30)}, 30),
        ({"paused_until": day(-1)}, None),
        ({"paused_until": day(30), "paused_from": day(3)}, None),
        ({"status": "Pausiert"}, 0),
        ({"paused": "ja"}, 0),
        ({"paused": "no"}, None),
        ({"status": "active"}, None),
    ],
)
def test_an_announced_pause_is_a_fact_while_it_lasts(attributes, left):
    found = named(**attributes)
    assert (found["paused"].value if left is not None else "paused" in found) == (left if left is not None else False)


@pytest.mark.parametrize(
    ("attributes", "days_ago", "mutes"),
    [
        ({"status": "pausiert"}, 182, True),
        ({"status": "pausiert"}, 183, False),
        ({"paused": "yes", "paused_since": day(-30)}, 400, True),
        ({"paused": "yes", "paused_since": day(-300)}, 10, False),
        ({"status": "pausiert", "paused_until": day(10)}, 400, True),
    ],
)
def test_a_pause_without_an_end_explains_a_silence_for_half_a_year(attributes, days_ago, mutes):
    history = [interaction(n, days_ago=days_ago + 3 * n, channel="visit", text="visit") for n in range(50)]
    found = named(*history, **attributes)
    assert ("paused" in found, "paused_long" in found) == (mutes, not mutes)
    assert ("usage_stop" in found) == (not mutes and days_ago > 28)
    if not mutes:
        assert "so it no longer explains the silence" in found["paused_long"].text


def test_a_pause_without_an_end_counts_from_the_last_use():
    used = Series("logins", AS_OF, 0.0, AS_OF, AS_OF - timedelta(days=20), {})
    history = snapshot(interaction(1, days_ago=300), measurements=(used,), attributes={"paused": "yes"})
    assert "paused" in facts.by_name(facts.compute(history))


@pytest.mark.parametrize(
    ("attributes", "ratio"),
    [
        ({"seats": "10", "seats_before": "20"}, 0.5),
        ({"lizenzen": "30", "lizenzen_vorher": "20"}, 1.5),
        ({"seats": "10", "seats_before": "10"}, None),
        ({"seats": "10"}, None),
    ],
)
def test_fewer_seats_are_told_from_attributes(attributes, ratio):
    found = named(**attributes)
    assert found["seats_change"].value == ratio if ratio else "seats_change" not in found


def series(metric, sizes, *, seats=None):
    windows = {
        n: Window(size, 1, 10, 0, seats[n] if seats else None) for n, size in enumerate(sizes) if size is not None
    }
    return Series(metric, AS_OF, sizes[0] or 0.0, AS_OF, AS_OF, windows)


def test_fewer_seats_are_told_from_measurements():
    of_seats = snapshot(MAIL, measurements=(series("licences", [12, 20, 20, 20]),))
    assert facts.by_name(facts.compute(of_seats))["seats_change"] == 0.6
    beside = snapshot(MAIL, measurements=(series("logins", [9, 9, 9, 9], seats=[5, 10, 10, 10]),))
    assert facts.by_name(facts.compute(beside))["seats_change"] == 0.5


def test_usage_is_compared_with_the_customers_own_level():
    found = facts.by_name(facts.compute(snapshot(MAIL, measurements=(series("logins", [5, 20, 20, 20]),))))
    assert found["usage_trend"] == 0.25
    no_use = snapshot(MAIL, measurements=(series("mrr", [5, 20, 20, 20]), series("errors", [5, 20, 20, 20])))
    assert "usage_trend" not in facts.by_name(facts.compute(no_use))


def test_a_season_and_a_pause_are_no_fall_in_usage():
    last_year = [5, 20, 20, 20, *[20] * 9, 5, 20, 20, 20]
    assert "usage_trend" not in facts.by_name(
        facts.compute(snapshot(MAIL, measurements=(series("logins", last_year),)))
    )
    paused = snapshot(MAIL, measurements=(series("logins", [5, 20, 20, 20]),), attributes={"paused": "yes"})
    assert "usage_trend" not in facts.by_name(facts.compute(paused))


def visits(*days_ago):
    return [interaction(n, days_ago=ago, channel="visit", text="visit") for n, ago in enumerate(days_ago)]


def test_records_of_use_are_compared_with_the_twelve_weeks_before():
    steady = facts.by_name(facts.compute(snapshot(*visits(*range(0, 120, 4)))))
    assert (steady["usage_trend"], "usage_stop" in steady) == (1.0, False)
    stopped = facts.by_name(facts.compute(snapshot(*visits(*range(40, 120, 4)))))
    assert (stopped["usage_trend"], stopped["usage_stop"]) == (0.0, 40)
    long_ago = facts.by_name(facts.compute(snapshot(*visits(*range(200, 320, 4)))))
    assert (long_ago["usage_trend"], long_ago["usage_stop"]) == (0.0, 200)
    assert "usage_trend" not in facts.by_name(facts.compute(snapshot(*visits(60, 90, 119))))


@given(st.integers(-800, 800), st.integers(0, 120))
def test_a_term_is_either_ahead_or_over(days, notice):
    found = named(renewal_date=day(days), notice_period_days=str(notice))
    assert ("days_to_renewal" in found) == (days >= 0)
    assert ("term_ended" in found) == (-365 <= days < 0)
    assert date.fromisoformat(day(days)) == AS_OF + timedelta(days=days)
