from datetime import UTC, date, datetime

import pytest

from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.errors import EmptyStore, UnknownCustomer
from churn_agent.history import book, snapshots
from tests.conftest import interaction, write_csv


@pytest.fixture
def zurich(agent, tmp_path):
    (tmp_path / "card.yaml").write_text("company: Acme\ntime_zone: Europe/Zurich\n")
    rows = [
        "c-101,2026-03-01T22:59:59Z,chat,in",
        "c-101,2026-03-01T23:00:00Z,chat,out",
        "c-102,2026-01-01T08:00Z,chat,x",
    ]
    agent.ingest([write_csv(tmp_path / "a.csv", *rows)], card=tmp_path / "card.yaml")
    return agent


def test_a_date_is_the_end_of_that_day_in_the_books_zone(zurich):
    assert [each.text for each in zurich.snapshot("c-101", as_of=date(2026, 3, 1)).interactions] == ["in"]
    assert len(zurich.snapshot("c-101", as_of=date(2026, 3, 2)).interactions) == 2


def test_the_default_day_is_that_of_the_latest_interaction(zurich):
    assert zurich.snapshot("c-102").as_of == date(2026, 3, 2)


def test_a_day_of_25_hours_ends_at_its_end():
    card = Card(time_zone="Europe/Zurich")
    assert card.end_of_day(date(2025, 10, 26)) == datetime(2025, 10, 26, 22, 59, 59, 999999, tzinfo=UTC)


def test_an_unknown_customer_is_told_the_nearest_ids(zurich):
    with pytest.raises(UnknownCustomer, match="unknown customer 'c-10'; nearest: c-10"):
        zurich.snapshot("c-10")
    with pytest.raises(UnknownCustomer, match="has no interactions up to 2025-01-01"):
        zurich.snapshot("c-101", as_of=date(2025, 1, 1))


def test_an_empty_store_says_what_to_type(agent):
    with pytest.raises(EmptyStore, match="churn-agent ingest"):
        agent.snapshot("c-1")
    with pytest.raises(EmptyStore):
        snapshots.default_as_of(agent.history, Card())


def test_a_snapshot_cannot_hold_what_came_later():
    with pytest.raises(ValueError, match="later interactions"):
        Snapshot("c-1", date(2026, 2, 1), Card(), (interaction(1),))


def test_the_company_may_stand_with_the_customer(zurich):
    with zurich.history.begin() as connection:
        book.set_attributes(connection, [("c-102", {"brand": "Salt"})])
        book.set_card(connection, Card(company="Acme", company_attribute="brand"))
    assert zurich.snapshot("c-102").company == "Salt"
    assert zurich.snapshot("c-101").company == "Acme"
