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


SEVERAL = "the customer ends the subscription or contract, or stops ordering"


@pytest.mark.parametrize(
    ("churn_means", "attributes", "history", "kind"),
    [
        (SEVERAL, {}, [interaction(9, channel="order")], "repeat_purchase"),
        (SEVERAL, {"abo": "Standard"}, [interaction(9, channel="order")], "subscription"),
        (SEVERAL, {"renewal_date": "2026-12-31"}, [interaction(9, channel="order")], "contract"),
        (SEVERAL, {"contract": "24 months"}, [interaction(9, channel="order")], "contract"),
        (SEVERAL, {"membership": "gold"}, [interaction(9, channel="order")], "repeat_purchase"),
        (SEVERAL, {}, bills(30), "subscription"),
        (SEVERAL, {}, [interaction(9)], None),
        ("kündigt das Abo oder bestellt nicht mehr", {}, [interaction(9, channel="order")], "repeat_purchase"),
        ("the customer closes the account and does not buy again", {"abo": "x"}, bills(30), None),
        ("the member ends the membership or the contract", {"tariff": "T2"}, [], "contract"),
        ("the member ends the membership or the contract", {}, [], "membership"),
        ("the customer stops ordering", {"abo": "ja"}, [], "repeat_purchase"),
        ("der Kunde bleibt weg", {"abo": "ja"}, [], "repeat_purchase"),
        ("the customer stops paying for the subscription", {}, [interaction(9, channel="order")], "subscription"),
    ],
)
def test_where_churn_means_several_things_the_customer_tells_which(churn_means, attributes, history, kind):
    card = Card(churn_means=churn_means)
    assert kind_of(snapshot(*(history or [interaction(1)]), card=card, attributes=attributes))[0] == kind


def test_the_card_of_a_customer_says_the_kind_and_why():
    [fact] = compute(snapshot(interaction(1), attributes={"contract": "12 months"}))
    assert fact.text == "Kind of book: contract (from the attribute contract)."
