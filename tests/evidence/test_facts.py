import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card
from churn_agent.evidence import facts
from tests.conftest import AS_OF, interaction, snapshot

HISTORIES = st.lists(
    st.tuples(
        st.integers(0, 2000),
        st.sampled_from(["chat", "order", "return", "complaint", "assessment_missed"]),
        st.none() | st.floats(-1e9, 1e9, allow_nan=False),
        st.sampled_from([None, "inbound", "outbound"]),
        st.sampled_from(["", "1", "5", "nan", "inf", "good"]),
    ),
    min_size=1,
    max_size=30,
)


@given(HISTORIES, st.integers(1, 400))
def test_every_fact_is_finite_and_worded(history, horizon):
    rows = [
        interaction(n, days_ago=days, channel=channel, amount=amount, direction=direction, metadata={"rating": rating})
        for n, (days, channel, amount, direction, rating) in enumerate(history)
    ]

    found = facts.compute(snapshot(*rows, card=Card(horizon_days=horizon)))

    names = {fact.name for fact in found}
    assert "interactions" in names
    assert ("recency" in names) == any(row.by_customer for row in rows)
    assert len({fact.name for fact in found}) == len(found)
    for fact in found:
        assert math.isfinite(fact.value)
        assert fact.text.endswith(".")
        assert "nan" not in fact.text.split()


def test_what_the_company_does_is_no_activity_of_the_customer():
    rows = [interaction(1, days_ago=40, channel="order"), interaction(2, days_ago=5, channel="billing")]
    rows += [interaction(3, days_ago=2, direction="outbound"), interaction(4, days_ago=1, channel="assessment_missed")]
    found = facts.by_name(facts.compute(snapshot(*rows)))
    assert (found["recency"], found["active_days"], found["missed"]) == (40, 1, 1)


def test_a_regular_customer_who_has_gone_silent():
    rows = [interaction(n, days_ago=100 + 10 * n, channel="order", amount=20.0) for n in range(10)]

    value = facts.by_name(facts.compute(snapshot(*rows, card=Card(horizon_days=90))))

    assert value["recency"] == 100
    assert value["tenure"] == 190
    assert value["active_days"] == 10
    assert value["typical_gap"] == 10
    assert value["longest_gap"] == 10
    assert value["overdue"] == 10
    assert value["recent_active_days"] == 0
    assert value["activity_trend"] == 0
    assert value["amount_total"] == 200
    assert value["amount_trend"] == 1


def test_the_trend_compares_with_the_customers_own_past():
    old = [interaction(n, days_ago=100 + 10 * n) for n in range(10)]
    new = [interaction(50 + n, days_ago=5 * n) for n in range(18)]
    value = facts.by_name(facts.compute(snapshot(*old, *new, card=Card(horizon_days=90))))
    # 10 active days in the 101 days before the window, so 8.9 expected in 90 days; there were 18
    assert value["activity_trend"] == round(18 / (10 / 101 * 90), 2)


def test_a_history_of_one_has_no_rhythm():
    names = {fact.name for fact in facts.compute(snapshot(interaction()))}
    assert names == {"recency", "interactions"}


def test_messages_without_an_answer_are_counted_only_where_answers_are_known():
    asked = [interaction(n, days_ago=3 - n, direction="inbound") for n in range(2)]
    answered = interaction(9, days_ago=9, direction="outbound")
    assert facts.by_name(facts.compute(snapshot(answered, *asked)))["unanswered"] == 2
    assert "unanswered" not in facts.by_name(facts.compute(snapshot(*asked)))


def test_a_bill_is_no_answer():
    rows = [interaction(1, days_ago=9, direction="outbound"), interaction(2, days_ago=5)]
    bill = interaction(3, days_ago=1, channel="invoice", direction="outbound")
    assert facts.by_name(facts.compute(snapshot(*rows, bill)))["unanswered"] == 1
    assert "unanswered" not in facts.by_name(facts.compute(snapshot(rows[1], bill)))


def test_a_silence_is_told_from_the_longest_break_so_far():
    def text(silence, gaps):
        days = [silence + sum(gaps[:n]) for n in range(len(gaps) + 1)]
        rows = [interaction(n, days_ago=ago, channel="order") for n, ago in enumerate(days)]
        return {fact.name: fact.text for fact in facts.compute(snapshot(*rows))}

    assert (
        text(60, [20] * 6)["overdue"] == "The silence so far is 3.0 times their usual gap, and longer than any before."
    )
    season = text(60, [20, 20, 20, 190, 20, 20, 20])
    assert season["overdue"] == "The silence so far is 3.0 times their usual gap."
    assert season["longest_gap"] == "Their longest break so far was 190 days."
    assert "longest_gap" not in text(60, [20] * 5)


def test_a_rating_has_an_age():
    rows = [
        interaction(n, days_ago=days, metadata={"rating": stars}) for n, days, stars in ((1, 400, "5"), (2, 30, "2"))
    ]
    known = facts.by_name(facts.compute(snapshot(*rows)))
    assert (known["last_rating"], known["rating_age"]) == (2, 30)


def test_days_are_those_of_the_books_time_zone():
    late = datetime(AS_OF.year, AS_OF.month, AS_OF.day, tzinfo=UTC) - timedelta(hours=1)  # 23:00 UTC the day before
    row = Interaction("1", "c-1", late, "chat", "hi")
    assert facts.by_name(facts.compute(snapshot(row)))["recency"] == 1
    berlin = Card(time_zone="Europe/Berlin")  # where that is the day of the assessment
    assert facts.by_name(facts.compute(snapshot(row, card=berlin)))["recency"] == 0


def test_a_contract_of_a_month_is_told_from_a_longer_one():
    value = lambda term: facts.by_name(facts.compute(snapshot(interaction(), attributes={"contract": term})))  # noqa: E731
    for term in ("Month-to-month", "monthly", "1 Monat", "30 days"):
        assert value(term)["monthly_contract"] == 1, term
    for term in ("Two year", "24 months", "12-month", "24 Monate", "monthly, 12-month commitment", "Jahresvertrag"):
        assert value(term)["monthly_contract"] == 0, term


def test_a_contract_whose_term_is_not_understood_gives_no_fact():
    for term in ("Premium", "no 12-month commitment", "3 months' notice"):
        found = facts.by_name(facts.compute(snapshot(interaction(), attributes={"contract": term})))
        assert "monthly_contract" not in found, term


def test_an_account_has_contacts_and_may_lose_its_main_one():
    rows = [interaction(n, days_ago=200 - 10 * n, author="Ana") for n in range(10)]
    others = [interaction(50 + n, days_ago=30 - n, author="Bo") for n in range(4)]
    found = facts.by_name(facts.compute(snapshot(*rows, *others)))
    assert (found["contacts"], found["main_contact_silence"]) == (2, 110)


def test_a_main_contact_who_now_writes_by_mail_is_not_silent():
    rows = [interaction(n, days_ago=200 - 10 * n, author="Maik Dreßler") for n in range(10)]
    mails = [interaction(50, days_ago=9, author="maik.dressler@x.example"), interaction(51, days_ago=8, author="Maik")]
    assert "contacts" not in facts.by_name(facts.compute(snapshot(*rows, *mails)))


def test_one_contact_or_a_lively_main_one_is_no_news():
    rows = [interaction(n, days_ago=100 - 10 * n, author="Ana") for n in range(10)]
    assert "contacts" not in facts.by_name(facts.compute(snapshot(*rows)))
    agents = [interaction(60 + n, days_ago=n, author="Agent", direction="outbound") for n in range(5)]
    assert "contacts" not in facts.by_name(facts.compute(snapshot(*rows, *agents)))
    other = interaction(70, days_ago=1, author="Bo")
    assert "main_contact_silence" not in facts.by_name(facts.compute(snapshot(*rows, other)))


def test_amounts_in_several_currencies_are_not_added_up():
    rows = [interaction(n, amount=10.0, metadata={"currency": "EUR"}, channel="order") for n in (5, 6, 7)]
    rows.append(interaction(8, amount=1000.0, metadata={"currency": "JPY"}, channel="order"))
    fact = next(fact for fact in facts.compute(snapshot(*rows)) if fact.name == "amount_total")
    assert fact.value == 30
    assert fact.text == "The amounts sum up to EUR 30.00 over 3 interactions, JPY 1,000.00 over 1 interaction."
