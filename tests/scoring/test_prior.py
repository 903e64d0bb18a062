import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.assessment import Citation, Fact, Signal
from churn_agent.scoring import prior
from tests.conftest import interaction

WEIGHTS = load_taxonomy().weights
THRESHOLDS = load_prompt("read").thresholds


def fact(name, value):
    return Fact(name=name, value=value, unit="", text=f"{name}.")


def log_odds(**facts):
    found = prior.fact_contributions([fact(n, v) for n, v in facts.items()], horizon_days=90)
    return sum(part.log_odds for part in found)


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
