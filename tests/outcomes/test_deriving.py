from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_agent.domain.snapshot import Card
from churn_agent.errors import EmptyStore, InputError
from churn_agent.history import book, interactions
from churn_agent.history.database import open_database
from churn_agent.outcomes.deriving import derive
from tests.conftest import AS_OF, examples, interaction

DAY = AS_OF - timedelta(days=40)


@pytest.fixture
def engine(tmp_path):
    opened = open_database(tmp_path)
    yield opened
    opened.dispose()


def store(engine, *rows):
    """Rows of (customer, days before AS_OF, more); the last one ends the history."""
    made = [
        replace(interaction(n, days_ago=days, channel=more.pop("channel", "order"), **more), customer_id=customer)
        for n, (customer, days, more) in enumerate([*rows, ("last", 0, {"channel": "chat"})])
    ]
    with engine.begin() as connection:
        interactions.add(connection, made)


def labels(engine, **more):
    options = {"events": ["order"], "none_for_days": 30, "as_of": [DAY]} | more
    [found] = derive(engine, Card(), **options)
    return {label.customer_id: label for label in found.labels}


def test_churned_is_who_was_there_and_did_not_come_back(engine):
    store(
        engine,
        ("stays", 50, {}), ("stays", 20, {}),
        ("leaves", 45, {}), ("leaves", 20, {"channel": "chat"}),
        ("gone before", 200, {}),
        ("comes late", 5, {}),
        ("back too late", 41, {}), ("back too late", 9, {}),
    )  # fmt: skip
    found = labels(engine)
    assert {id_: label.churned for id_, label in found.items()} == {
        "stays": False,
        "leaves": True,
        "back too late": True,
    }
    assert found["leaves"].metadata == {"source": "derived", "event": "order", "active_within_days": "30"}
    assert set(labels(engine, active_within_days=300)) == {*found, "gone before"}


def test_a_horizon_that_is_not_over_is_refused(engine):
    store(engine, ("a", 50, {}))
    assert labels(engine, none_for_days=40)
    with pytest.raises(InputError, match="end on 2026-03-02, but the history ends on 2026-03-01"):
        labels(engine, none_for_days=41)


def test_what_is_not_there_is_refused(engine, tmp_path):
    with pytest.raises(EmptyStore):
        labels(engine)
    store(engine, ("a", 50, {}))
    with pytest.raises(InputError, match="no interaction has the channel 'purchase'; available channels: chat, order"):
        labels(engine, events=["purchase"])


def test_reason_will_and_treatment_are_kept_where_known(engine):
    store(
        engine,
        ("moved", 45, {}), ("moved", 30, {"channel": "cancellation", "metadata": {"reason": "moving abroad"}}),
        ("unpaid", 45, {}), ("unpaid", 30, {"channel": "cancellation", "metadata": {"churn_reason": "Non-payment"}}),
        ("called", 45, {}), ("called", 35, {"channel": "call", "direction": "outbound", "metadata": {"action": "retention_call"}}),
        ("stated", 45, {}),
        ("before", 45, {"metadata": {"reason": "known too early"}}),
    )  # fmt: skip
    with engine.begin() as connection:
        book.set_attributes(connection, [("stated", {"voluntary": "no", "churn_reason": "price"})])
    known = labels(engine)
    moved, called, stated = known["moved"], known["called"], known["stated"]
    assert (moved.metadata["reason"], moved.voluntary, moved.kind) == ("moving abroad", True, "lost")
    assert moved.notice_on == (AS_OF - timedelta(days=30)).isoformat()
    assert known["unpaid"].voluntary is False
    assert (called.metadata["treated"], moved.metadata["treated"]) == ("yes", "no")
    assert (stated.metadata["reason"], stated.voluntary) == ("price", False)
    assert "reason" not in known["before"].metadata
    assert known["before"].voluntary is None


def test_the_day_of_leaving_is_taken_from_attributes_within_the_horizon(engine):
    store(engine, ("left", 45, {}), ("later", 45, {}))
    days = {"left": AS_OF - timedelta(days=20), "later": AS_OF + timedelta(days=200)}
    with engine.begin() as connection:
        book.set_attributes(connection, [(id_, {"churn_date": day.isoformat()}) for id_, day in days.items()])
    known = labels(engine)
    assert (known["left"].left_on, known["later"].left_on) == (days["left"].isoformat(), None)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(st.integers(0, 120), min_size=1, max_size=8), as_of=st.integers(10, 80), horizon=st.integers(1, 10)
)
def test_labels_agree_with_counting_by_hand(tmp_path_factory, days, as_of, horizon):
    engine = open_database(tmp_path_factory.mktemp("store"))
    store(engine, *[("a", n, {}) for n in days])
    found = derive(engine, Card(), events=["order"], none_for_days=horizon, as_of=[AS_OF - timedelta(days=as_of)])[0]
    at_risk = any(as_of <= n < as_of + horizon for n in days)
    came_back = any(as_of - horizon <= n < as_of for n in days)
    assert [label.churned for label in found.labels] == ([not came_back] if at_risk else [])
    engine.dispose()


def test_dates_are_days_of_the_books_zone(engine):
    store(engine, ("a", 50, {}))
    assert derive(
        engine, Card(time_zone="Pacific/Auckland"), events=["order"], none_for_days=30, as_of=[date(2026, 1, 20)]
    )
