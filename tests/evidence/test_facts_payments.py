"""Bills and payments, as they were known on the day of the assessment."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain.payments import PAYMENT_STATUSES, known
from churn_agent.evidence import facts
from tests.conftest import AS_OF, interaction, snapshot

STATUSES = st.one_of(st.none(), st.sampled_from(PAYMENT_STATUSES))


def bill(n=0, *, days_ago=60, amount=100.0, **payment):
    """A bill; `due` and `paid` are in days before the day of the assessment."""
    metadata = {f"{name}_at": str(AS_OF - timedelta(days=payment[name])) for name in ("due", "paid") if name in payment}
    metadata |= {"payment_status": payment["status"]} if payment.get("status") else {}
    return interaction(
        n, days_ago=days_ago, channel="invoice", speaker="company", text=f"Bill {n}", amount=amount, metadata=metadata
    )


def named(*bills, **more):
    return {fact.name: fact for fact in facts.compute(snapshot(*bills, **more))}


@pytest.mark.parametrize(
    ("payment", "days"),
    [
        ({"due": 30, "status": "open"}, 30),
        ({"due": 30, "status": "overdue"}, 30),
        ({"due": 30, "status": "written_off"}, 30),
        ({"status": "overdue"}, 30),  # billed 60 days before, and 30 days are the usual term
        ({"due": 30, "paid": -5, "status": "paid"}, 30),  # paid later, so still open on the day
        ({"due": 30, "paid": 10, "status": "paid"}, None),
        ({"due": 30, "status": "paid"}, None),
        ({"due": 0, "status": "open"}, None),
        ({"due": -10, "status": "open"}, None),
        ({"due": 30, "status": "cancelled"}, None),
        ({"due": 30, "status": "credited"}, None),
        ({"due": 30}, None),  # nothing says whether it was paid
        ({"status": "open"}, None),
        ({}, None),
    ],
)
def test_a_bill_is_overdue_from_the_day_after_it_was_due_until_it_is_paid(payment, days):
    found = named(bill(**payment))
    if days is None:
        assert "payments_overdue" not in found
    else:
        assert found["payments_overdue"].value == 1
        assert found["payments_overdue_days"].value == days
        assert f"1 bill is overdue, for {days} days (100.00)." == found["payments_overdue"].text


def test_several_overdue_bills_are_counted_and_added_up():
    found = named(bill(1, due=50, status="open"), bill(2, due=20, status="open"), bill(3, due=5, status="paid"))
    assert found["payments_overdue"].text == "2 bills are overdue, the oldest for 50 days (200.00)."


@pytest.mark.parametrize(
    ("payment", "counts"),
    [
        ({"status": "failed"}, True),
        ({"status": "returned"}, True),
        ({"status": "failed", "due": -3}, False),  # not tried yet
        ({"status": "failed", "paid": 3}, False),
        ({"status": "failed", "paid": -3}, True),
        ({"status": "failed", "days_ago": 200}, False),
        ({"status": "open"}, False),
    ],
)
def test_failed_payments_count_while_they_are_recent_and_unpaid(payment, counts):
    assert ("payments_failed" in named(bill(**payment))) == counts


def test_a_failed_payment_that_was_repeated_is_no_trouble():
    failed = bill(1, days_ago=20, status="failed")
    assert "payments_failed" not in named(failed, bill(2, days_ago=15, status="paid"))
    assert "payments_failed" in named(failed, bill(2, days_ago=15, status="paid", amount=50.0))


@pytest.mark.parametrize(
    ("payment", "total"),
    [({"status": status}, 100.0) for status in PAYMENT_STATUSES if status != "paid"]
    + [({"status": "paid"}, 200.0), ({"paid": 3}, 200.0), ({"paid": -3}, 100.0), ({"due": 3}, 200.0), ({}, 200.0)],
)
def test_only_what_was_paid_is_added_up(payment, total):
    assert named(bill(1, status="paid"), bill(2, **payment))["amount_total"].value == total


@given(due=st.integers(-40, 90), paid=st.integers(-60, -1), later=st.integers(-60, -1), status=STATUSES)
def test_no_later_payment_changes_a_fact(due, paid, later, status):
    one, other = (named(bill(due=due, paid=day, status=status)) for day in (paid, later))
    assert one == other


@given(due=st.integers(-40, 90), paid=st.one_of(st.none(), st.integers(-60, 60)), status=STATUSES)
def test_what_was_known_of_a_payment_on_the_day_gives_the_same_facts(due, paid, status):
    one = bill(due=due, status=status, **({"paid": paid} if paid is not None else {}))
    then = replace(one, metadata=known(one.metadata, one.occurred_at.date(), AS_OF))
    assert named(one) == named(then)
    assert then.metadata.get("paid_at", "") <= str(AS_OF)


@given(due=st.integers(0, 60), paid=st.integers(1, 60), day=st.integers(0, 60))
def test_a_bill_is_open_until_the_day_of_its_payment(due, paid, day):
    """Paid `paid` days ago; looked at `day` days ago."""
    history = [bill(due=due, paid=paid, status="paid")]
    then = snapshot(*history)
    as_of = AS_OF - timedelta(days=day)
    earlier = type(then)("c-1", as_of, then.card, then.interactions)
    found = {fact.name for fact in facts.compute(earlier)}
    assert ("payments_overdue" in found) == (day < due and day > paid)
