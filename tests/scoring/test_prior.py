import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.assessment import Citation, Fact, Signal
from churn_agent.domain.snapshot import KINDS
from churn_agent.scoring import prior
from churn_agent.scoring.bands import SCORE_HIGH_FROM, SCORE_MEDIUM_FROM
from tests.conftest import interaction

WEIGHTS = load_taxonomy().weights
THRESHOLDS = load_prompt("read", "words").thresholds


def fact(name, value):
    return Fact(name=name, value=value, unit="", text=f"{name}.")


def log_odds(**facts):
    found = prior.fact_contributions([fact(n, v) for n, v in facts.items()], horizon_days=90)
    return sum(part.log_odds for part in found)


BOUND = [kind for kind in KINDS if kind != "repeat_purchase"]
SILENT = {"recency": 200, "active_days": 2, "tenure": 400, "overdue": 9}


def parts(kind, **values):
    named = {**values, "kind_of_book": KINDS.index(kind)}
    found = prior.fact_contributions([fact(n, v) for n, v in named.items()], horizon_days=90)
    return {part.concept: part.log_odds for part in found}


@pytest.mark.parametrize("kind", BOUND)
def test_where_customers_stay_by_doing_nothing_silence_and_few_active_days_say_nothing(kind):
    assert parts(kind, **SILENT) == {}


def test_where_customers_come_back_the_kind_changes_no_weight():
    assert sum(parts("repeat_purchase", **SILENT).values()) == pytest.approx(log_odds(**SILENT))
    troubles = {"usage_trend": 0.1, "payments_overdue": 3, "payments_overdue_days": 90, "days_to_renewal": 3}
    assert parts("repeat_purchase", **troubles) == {}


@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize(
    "trouble",
    [{"usage_stop": 30, "usage_trend": 0}, {"usage_trend": 0.4}, {"payments_overdue": 1, "payments_overdue_days": 30},
     {"payments_failed": 2}, {"main_contact_silence": 90}],
)  # fmt: skip
def test_under_a_contract_plain_trouble_is_of_medium_risk_and_more_of_it_of_high_risk(kind, trouble):
    added = sum(parts(kind, **trouble).values())
    assert prior.sigmoid(prior.INTERCEPT + added) > 0.35
    if kind != "account":
        with_renewal = sum(parts(kind, **trouble, days_to_renewal=30).values())
        assert with_renewal - added == pytest.approx(prior.RENEWAL_WITH_TROUBLE_WEIGHT)
        assert prior.sigmoid(prior.INTERCEPT + with_renewal) > 0.6


def test_a_renewal_alone_calls_nobody_and_after_the_last_day_for_notice_it_is_no_risk():
    alone = sum(parts("contract", days_to_renewal=30).values())
    assert 0 < alone < 0.25
    assert parts("contract", days_to_renewal=200) == {}
    assert parts("contract", days_to_renewal=30, notice_deadline=-10) == {}
    assert "days_to_renewal" in parts("contract", days_to_renewal=100, notice_deadline=10)


def test_steady_and_growing_usage_are_no_reasons():
    assert parts("subscription", usage_trend=1.0) == parts("subscription", usage_trend=2.0) == {}


def test_a_term_that_ended_says_little_while_usage_goes_on_as_before():
    ended = lambda **values: parts("subscription", term_ended=30, **values)["term_ended"]  # noqa: E731
    assert ended(usage_trend=1.0) < 0.5 * ended()
    assert ended(usage_trend=0.4) == ended(usage_trend=1.0, payments_failed=1) == ended()


def test_a_renewal_or_an_ended_term_alone_leaves_a_steady_customer_in_the_low_band():
    for end in ({"days_to_renewal": 30}, {"term_ended": 30}):
        added = sum(parts("contract", **end, usage_trend=1.0).values())
        assert prior.sigmoid(prior.INTERCEPT + added) < SCORE_MEDIUM_FROM


REGULAR = {"active_days": 25, "tenure": 600, "longest_gap": 30}
"""A buyer who came every three weeks."""


def test_a_regular_buyer_who_stopped_is_above_a_season_buyer_in_pause_and_one_in_rhythm():
    stopped = log_odds(**REGULAR, recency=120, overdue=120 / 21)
    season = log_odds(**{**REGULAR, "longest_gap": 190}, recency=120, overdue=120 / 21)
    in_rhythm = log_odds(**REGULAR, recency=15, overdue=15 / 21)
    assert prior.sigmoid(prior.INTERCEPT + stopped) > SCORE_HIGH_FROM
    assert stopped > season + 1
    assert season > in_rhythm


@given(st.integers(0, 1000), st.integers(1, 300))
def test_a_longer_silence_never_lowers_the_risk(silence, more):
    one, other = (log_odds(**REGULAR, recency=days, overdue=days / 21) for days in (silence, silence + more))
    assert other >= one


@pytest.mark.parametrize("stars", [1, 5])
def test_an_old_rating_counts_less_than_a_new_one(stars):
    new, old, older = (abs(log_odds(last_rating=stars, rating_age=days)) for days in (0, 90, 720))
    assert new == pytest.approx(2 * old)
    assert older < 0.01


def test_newness_is_no_risk_within_a_term():
    new = {"tenure": 40}
    assert log_odds(**new, monthly_contract=0) == log_odds(monthly_contract=0)
    assert log_odds(**new, monthly_contract=1) > log_odds(monthly_contract=1)
    assert log_odds(tenure=2000, monthly_contract=0) < log_odds(monthly_contract=0)


def test_a_bill_that_is_a_few_days_late_counts_in_part():
    late = [parts("contract", payments_overdue=1, payments_overdue_days=n)["payments_overdue"] for n in (2, 14, 60)]
    assert late[0] < 0.1 < late[1] == late[2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_pause_takes_the_weight_from_silence(kind):
    assert parts(kind, **SILENT, paused=30) == {}


@given(
    kind=st.sampled_from(BOUND),
    values=st.dictionaries(
        st.sampled_from(["usage_trend", "seats_change", "payments_overdue", "payments_overdue_days", "payments_failed",
                         "days_to_renewal", "notice_deadline", "term_ended", "recency", "overdue"]),
        st.floats(0, 500),
    ),
)  # fmt: skip
def test_no_fact_alone_outweighs_what_a_customer_says(kind, values):
    assert all(abs(added) <= 3 for added in parts(kind, **values).values())
    assert not {"recency", "active_days", "overdue"} & set(parts(kind, **values, active_days=1, tenure=300))


@given(st.floats(-1e6, 1e6))
def test_the_logistic_function_is_a_probability_everywhere(x):
    assert 0 <= prior.sigmoid(x) <= 1


@given(st.floats(-30, 30))
def test_the_logistic_function_is_symmetric(x):
    assert prior.sigmoid(x) + prior.sigmoid(-x) == pytest.approx(1)


def test_the_rule_is_log_recency_minus_thrice_log_active_days():
    a = log_odds(recency=60, active_days=3, tenure=365)
    b = log_odds(recency=10, active_days=9, tenure=365)
    rule = (math.log1p(60) - 3 * math.log(3)) - (math.log1p(10) - 3 * math.log(9))
    assert a - b == pytest.approx(prior.RECENCY_WEIGHT * rule)


def test_many_active_days_do_not_drown_what_a_customer_says():
    announced = WEIGHTS["leaving_announced"] + prior.leaning_contribution(2.0, THRESHOLDS)
    assert prior.INTERCEPT + log_odds(recency=0, active_days=300, tenure=900) + announced > 0


def test_silence_after_one_active_day_speaks_of_leaving_only_without_a_contract():
    once = {"active_days": 1, "tenure": 90}
    assert log_odds(recency=90, **once) > log_odds(recency=5, **once)
    bound = {**once, "monthly_contract": 0}
    assert log_odds(recency=90, **bound) == log_odds(recency=5, **bound)


def test_a_new_customer_has_had_no_time_for_many_active_days():
    assert log_odds(recency=3, active_days=1, tenure=3) < log_odds(recency=3, active_days=1, tenure=30)


def test_age_speaks_for_staying_only_under_a_contract():
    assert log_odds(tenure=60) == log_odds(tenure=900)
    assert log_odds(tenure=60, monthly_contract=1) > log_odds(tenure=900, monthly_contract=1)


def test_a_base_rate_pulls_the_score_towards_itself():
    neutral = prior.pull_to_base_rate(prior.INTERCEPT, 0.1)
    assert neutral == pytest.approx(0.1)
    assert 0.1 < prior.pull_to_base_rate(2.0, 0.1) < prior.sigmoid(2.0)
    assert prior.pull_to_base_rate(2.0, None) == prior.sigmoid(2.0)


def test_a_signal_halves_with_every_horizon():
    citation = Citation(
        interaction_id="1", label="E1", quote="q", occurred_at=interaction().occurred_at, verified=True, start=0, end=1
    )
    signal = Signal(concept="price", polarity="risk", strength=0.5, citations=(citation,))
    now = prior.signal_contribution(signal, weight=WEIGHTS["price"], age_days=0, horizon_days=90).log_odds
    then = prior.signal_contribution(signal, weight=WEIGHTS["price"], age_days=180, horizon_days=90).log_odds
    assert now == pytest.approx(WEIGHTS["price"] * 0.5)
    assert then == pytest.approx(now / 4)


def test_a_message_about_something_else_does_not_move_the_score():
    assert prior.leaning_contribution(prior.overall_leaning([]), THRESHOLDS) == 0
    assert prior.leaning_contribution(THRESHOLDS.neutral_leaning, THRESHOLDS) == 0
    assert prior.leaning_contribution(9.0, THRESHOLDS) == pytest.approx(1.5)


def test_the_latest_message_leans_most():
    assert prior.overall_leaning([1.0]) == 1.0
    assert prior.overall_leaning([4.0, 1.0]) == pytest.approx(2.0)
    assert prior.overall_leaning([0.0, 2.0]) > prior.overall_leaning([2.0, 0.0])
