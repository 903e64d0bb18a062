import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.assessment import ChurnProbability, Citation, Reason, Signal
from churn_agent.domain.snapshot import Card
from churn_agent.evidence.facts import compute
from churn_agent.scoring import prior
from churn_agent.scoring.verdict import Number, from_log_odds, from_signals, from_statement
from tests.conftest import interaction, snapshot

TAXONOMY, THRESHOLDS = load_taxonomy(), load_prompt("read", "words").thresholds


def signal(concept, polarity, *, verified=True, strength=1.0):
    citation = Citation(
        interaction_id="1",
        label="E1",
        quote="words said here",
        occurred_at=interaction().occurred_at,
        verified=verified,
        start=0 if verified else None,
        end=15 if verified else None,
    )
    return Signal(concept=concept, polarity=polarity, strength=strength, citations=(citation,))


def judged(*signals, leanings=(), card=None, rows=None):
    s = snapshot(*(rows or (interaction(),)), card=card)
    return from_signals(s, compute(s), signals, leanings, TAXONOMY, THRESHOLDS)


def test_reasons_add_up_to_the_score():
    rows = [interaction(n, days_ago=40 + n) for n in range(6)]
    verdict = judged(signal("leaving_announced", "risk"), leanings=[1.0], rows=rows)

    total = prior.INTERCEPT + sum(reason.contribution for reason in verdict.reasons)

    assert prior.sigmoid(total) == pytest.approx(verdict.probability.raw, abs=0.04)  # reasons below 0.15 are not shown
    assert verdict.reasons[0].concept == "leaving_announced"


def test_an_unverified_quote_never_counts():
    with_it = judged(signal("leaving_announced", "risk", verified=False))
    without = judged()
    assert with_it.probability == without.probability
    assert with_it.reasons == without.reasons


def test_leaving_raises_and_praise_lowers():
    plain = judged().probability.raw
    assert judged(signal("leaving_announced", "risk")).probability.raw > plain
    assert judged(signal("praise", "protective")).probability.raw < plain


def bound_by(*signals, solved=(), contract="24 months"):
    """The contribution of a term beside signals; 0 if it is too small to be a reason."""
    s = snapshot(interaction(1), attributes={"contract": contract})
    verdict = from_signals(s, compute(s), signals, (), TAXONOMY, THRESHOLDS, solved=solved)
    return verdict.weights.get("monthly_contract", 0.0)


def test_a_term_holds_nobody_whose_problems_go_on():
    problem, again = (signal(concept, "risk") for concept in ("unresolved_problem", "repeated_contact"))
    assert bound_by() < bound_by(problem) < bound_by(problem, again) == 0
    assert bound_by(signal("price", "risk")) == bound_by(signal("praise", "protective")) == bound_by()
    assert bound_by(problem, again, solved=("unresolved_problem", "repeated_contact")) == bound_by()
    assert bound_by(problem, contract="monthly") == bound_by(contract="monthly") > 0


def test_without_calibration_it_says_so_and_claims_no_interval():
    probability = judged(card=Card(base_rate=0.05)).probability
    assert not probability.calibrated
    assert probability.low is None
    assert probability.base_rate == 0.05


@given(st.floats(-20, 20), st.none() | st.floats(0.001, 0.999))
def test_without_calibration_the_value_is_the_score(log_odds, base_rate):
    case = snapshot(interaction(), card=Card(base_rate=base_rate))
    for probability in (
        from_log_odds(case, (), log_odds).probability,
        from_statement(case, prior.sigmoid(log_odds), ()).probability,
    ):
        assert probability.value == probability.raw == probability.shown == pytest.approx(prior.sigmoid(log_odds))


def test_zero_stays_zero():
    verdict = from_statement(snapshot(interaction()), 0.0, [])
    assert verdict.probability.raw == 0.0


def test_the_models_own_odds_claim_no_contribution_of_facts():
    s = snapshot(*[interaction(n, days_ago=60 + n) for n in range(3)])
    verdict = from_log_odds(s, compute(s), 0.0)
    assert verdict.probability.raw == 0.5
    assert verdict.reasons
    assert all(reason.contribution is None for reason in verdict.reasons)


def test_stated_reasons_are_kept_as_they_are():
    reason = Reason(statement="s", polarity="risk", concept="explained", citations=signal("praise", "risk").citations)
    assert from_statement(snapshot(interaction()), 0.9, [reason]).reasons == (reason,)


def calibrated(verdict, contributions):
    number = ChurnProbability(
        value=0.3, low=0.2, high=0.4, raw=0.9, method="calibrated-1", calibrated=True, base_rate=0.1, horizon_days=90
    )
    told = verdict.with_number(Number(number, contributions))
    assert told.probability is number
    return told


def test_a_trained_number_weighs_reasons_anew_and_keeps_them_as_reasons_for_action():
    verdict = judged(signal("leaving_announced", "risk"), signal("praise", "protective"), leanings=[1.0])
    told = calibrated(verdict, {"leaving_announced": 0.4, "leaning": 0.6, "praise": 0.0})
    assert told.weights == {"leaning": 0.6, "leaving_announced": 0.4, "praise": 0.0}
    assert [reason.concept for reason in told.reasons] == ["leaning", "leaving_announced", "praise"]


def test_no_reason_is_turned_round():
    """A number that goes the other way gives words no weight, and facts are no reason for it."""
    rows = [interaction(n, days_ago=60 + n) for n in range(6)]
    verdict = judged(signal("leaving_announced", "risk"), signal("praise", "protective"), leanings=[1.0], rows=rows)
    before = {reason.concept: reason for reason in verdict.reasons}
    assert {"recency", "leaning"} < before.keys()
    told = calibrated(verdict, {concept: -reason.contribution for concept, reason in before.items()})
    assert [(r.concept, r.polarity, r.contribution) for r in told.reasons] == [
        ("leaving_announced", "risk", None),
        ("praise", "protective", None),
    ]
    assert all(reason.citations for reason in told.reasons)
