import pytest

from churn_agent.content.playbook import load_playbook
from churn_agent.domain.assessment import Citation, Reason, Signal
from churn_agent.evidence.facts import compute
from churn_agent.scoring.actions import eligible, suggest
from tests.conftest import interaction, snapshot
from tests.content.test_playbook import own_playbook

LONG = [interaction(1, days_ago=400), interaction(2, days_ago=5)]


def reason(concept, polarity="risk", *, said=True):
    citation = Citation(
        interaction_id="1", label="E1", quote="q", occurred_at=LONG[0].occurred_at, verified=True, start=0, end=1
    )
    return Reason(statement=f"{concept}!", polarity=polarity, concept=concept, citations=(citation,) if said else ())


def allowed(taken, band):
    return eligible(load_playbook(), taken, compute(taken), band)


def test_conditions_are_checked_in_code():
    def ids(band, rows):
        return {a.id for a in allowed(snapshot(*rows), band)}

    assert "retention_call" in ids("high", LONG)
    assert "retention_call" not in ids("low", LONG)
    assert "plan_check" in ids("high", LONG)
    assert "plan_check" not in ids("high", [interaction(1, days_ago=3)])


def test_a_silence_within_the_usual_gap_calls_for_no_message():
    def ids(*days):
        rows = [interaction(number, days_ago=day) for number, day in enumerate(days)]
        return {a.id for a in allowed(snapshot(*rows), "high")}

    assert "win_back_message" not in ids(180, 120, 60, 29)
    assert "win_back_message" in ids(180, 120, 90)
    assert "win_back_message" in ids(90)


def test_an_action_done_lately_is_not_suggested_again():
    called = interaction(3, days_ago=10, direction="outbound", metadata={"action": "retention_call"})
    long_ago = interaction(3, days_ago=200, direction="outbound", metadata={"action": "retention_call"})

    assert "retention_call" not in {a.id for a in allowed(snapshot(*LONG, called), "high")}
    assert "retention_call" in {a.id for a in allowed(snapshot(*LONG, long_ago), "high")}


def test_the_weightiest_reasons_come_first():
    actions = allowed(snapshot(*LONG), "high")
    found = suggest(
        actions,
        [reason("leaving_announced"), reason("billing_dispute")],
        weights={"leaving_announced": 2.0, "billing_dispute": 0.5},
    )
    assert [each.playbook_id for each in found] == ["retention_call", "billing_review"]
    assert found[0].addresses == ("leaving_announced",)
    assert found[0].rationale == "leaving_announced! (2025-01-25)"


def test_a_good_rating_is_no_reason_to_follow_up():
    actions = allowed(snapshot(*LONG), "low")
    good = [reason("last_rating", "protective", said=False)]
    assert suggest(actions, good, weights={"last_rating": -0.5}) == ()


def test_reasons_that_hardly_count_call_for_nothing():
    actions = allowed(snapshot(*LONG), "high")
    assert suggest(actions, [reason("price")], weights={"price": 0.05}) == ()


def test_what_a_model_proposes_is_taken_only_from_the_eligible_ones():
    actions = allowed(snapshot(*LONG), "low")
    found = suggest(actions, [], weights={}, proposed=["retention_call", "billing_review", "free_money"])
    assert [each.playbook_id for each in found] == ["billing_review"]


@pytest.mark.parametrize(
    ("when", "allowed"),
    [
        ("price > 0.5", True),
        ("billing_dispute > 0", False),
        ("price > 0.5 and attribute.plan = gold", True),
        ("attribute.plan = silver", False),
        ("attribute.colour = red", True),
        ("domain = business and tenure >= 300", True),
        ("not (tenure >= 300)", False),
        ("last_rating <= 2", True),
    ],
)
def test_conditions_see_facts_signals_and_attributes(tmp_path, when, allowed):
    taken = snapshot(*LONG, attributes={"plan": "gold"})
    read = [Signal(concept="price", polarity="risk", strength=0.9, citations=())]
    found = eligible(own_playbook(tmp_path / "p", when), taken, compute(taken), "high", read)
    assert bool(found) is allowed


def test_nobody_is_thanked_while_they_seem_to_leave():
    actions = [a for a in load_playbook().actions if "praise" in a.addresses]
    assert actions
    praise, silence = reason("praise", "protective"), reason("recency", said=False)
    weights = {"praise": -0.5, "recency": 0.9}
    assert suggest(actions, [praise], weights=weights)
    assert not suggest(actions, [praise, silence], weights=weights)


def test_an_action_that_a_model_chose_names_what_was_quoted():
    [action] = load_playbook().actions[:1]
    worded = reason("explained").model_copy(update={"statement": "Give them all for free."})
    [suggested] = suggest([action], [worded], weights={}, proposed=[action.id])
    assert suggested.rationale.startswith("What they wrote (20")
