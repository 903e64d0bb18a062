"""Queries on measurements read an index, not the rows."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event

from churn_agent.history import interactions, measurements
from churn_agent.history.database import to_stored
from churn_agent.history.tables import measurements as table

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def measured(agent):
    rows = [
        {
            "customer_id": f"c-{n % 3}", "source_customer_id": f"c-{n % 3}", "metric": f"m{n % 2}", "value": n,
            "at": to_stored(FIRST + timedelta(days=n)), "day": 20454 + n,
        }
        for n in range(1, 20)
    ]  # fmt: skip
    with agent.history.begin() as connection:
        connection.execute(table.insert(), rows)
    return agent.history


def test_the_customers_up_to_a_time(measured):
    assert interactions.customer_ids(measured) == ["c-0", "c-1", "c-2"]
    assert interactions.customer_ids(measured, until=FIRST + timedelta(days=2)) == ["c-1", "c-2"]
    assert interactions.customer_ids(measured, until=FIRST) == []


def test_the_last_day_up_to_a_day(measured):
    with measured.connect() as connection:
        days = [measurements.last_day(connection, date(2026, 1, day)) for day in (1, 2, 9, 31)]
    assert days == [None, date(2026, 1, 2), date(2026, 1, 9), date(2026, 1, 20)]


def test_neither_reads_the_rows(measured):
    asked = []

    @event.listens_for(measured, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, executemany):
        asked.append((statement, parameters))

    interactions.customer_ids(measured, until=FIRST + timedelta(days=2))
    with measured.connect() as connection:
        measurements.last_day(connection, date(2026, 1, 31))
    event.remove(measured, "before_cursor_execute", note)
    with measured.connect() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            for statement, parameters in asked
            if "measurements" in statement
        ]
    assert len(plans) == 2
    assert not [row for plan in plans for row in plan if row[3].startswith("SCAN measurements")]
