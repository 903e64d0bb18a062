"""The kind of book: from the card, the attributes, the channels or the rhythm of bills."""

import pytest

from churn_agent.domain.snapshot import Card
from churn_agent.evidence.kind_of_book import compute, kind_of
from tests.conftest import interaction, snapshot


def bills(gap, n=6):
    return [interaction(k, days_ago=gap * k, channel="invoice", speaker="company") for k in range(n)]


@pytest.mark.parametrize(
    ("card", "attributes", "history", "kind"),
    [
        ({"kind": "account", "domain": "gym"}, {"contract": "1 year"}, [], "account"),
        ({"churn_means": "the customer places no order for 90 days", "domain": "software"}, {}, [], "repeat_purchase"),
        ({"churn_means": "keine Bestellung in 90 Tagen"}, {"abo": "ja"}, [], "repeat_purchase"),
        ({"domain": "e-commerce"}, {"contract": "monthly"}, [], "contract"),
        ({"churn_means": "the member ends the membership"}, {}, [], "membership"),
        ({"churn_means": "der Kunde kündigt den Vertrag"}, {}, [], "contract"),
        ({"domain": "software"}, {}, [], "subscription"),
        ({"domain": "Energieversorger"}, {}, [], "contract"),
        ({"domain": "gym"}, {}, [], "membership"),
        ({"domain": "bank"}, {}, [], "account"),
        ({"domain": "online shop"}, {}, [], "repeat_purchase"),
        ({"domain": "software community"}, {}, [], "repeat_purchase"),
        ({}, {"seats": "4"}, [], "subscription"),
        ({}, {"renewal_date": "2026-05-01"}, [], "contract"),
        ({"renewal_attribute": "ends"}, {"ends": "2026-05-01"}, [], "contract"),
        ({}, {}, [interaction(9, channel="order")], "repeat_purchase"),
        ({}, {}, bills(30), "subscription"),
        ({}, {}, bills(365), "subscription"),
        ({}, {}, bills(17), None),
        ({}, {}, bills(30, n=3), None),
        ({}, {"country": "Iceland"}, [interaction(9, channel="chat")], None),
    ],
)
def test_the_kind_is_taken_from_the_strongest_evidence(card, attributes, history, kind):
    one = snapshot(*(history or [interaction(1)]), card=Card(**card), attributes=attributes)
    assert kind_of(one)[0] == kind
    assert [fact.name for fact in compute(one)] == (["kind_of_book"] if kind else [])


def test_the_card_of_a_customer_says_the_kind_and_why():
    [fact] = compute(snapshot(interaction(1), attributes={"contract": "12 months"}))
    assert fact.text == "Kind of book: contract (from the attribute contract)."
