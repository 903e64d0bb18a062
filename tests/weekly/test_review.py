"""Outcomes due for review."""

import csv
import io
from datetime import date, datetime

import pytest

from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.history.tables import records
from churn_agent.weekly.review import due_csv, review
from tests.lookback import small_book


@pytest.fixture
def agent(tmp_path):
    """A run of February, made in February, whose horizon is over."""
    with small_book.make(tmp_path / "book", model=small_book.Counting()) as opened:
        for day in (date(2026, 1, 20), date(2026, 2, 5)):
            run_batch(opened, tmp_path / f"{day}.jsonl", BatchSpec(as_of=day))
        with opened.history.begin() as connection:
            connection.execute(records.update().values(created_at=datetime(2026, 2, 6)))
        yield opened


def test_the_latest_forecast_of_each_customer_without_an_outcome_is_due(agent):
    due = review(agent.store).due
    assert [one.customer_id for one in due] == [id_ for id_ in small_book.CUSTOMERS if id_ not in small_book.NOTICE]
    assert {one.as_of for one in due} == {date(2026, 2, 5)}
    assert {one.over_on for one in due} == {date(2026, 5, 6)}


def test_an_erased_customer_is_not_due(agent):
    agent.store.forget("c-20")
    assert len(review(agent.store).due) == 23


def test_the_filled_file_is_imported_and_nothing_is_due_afterwards(agent, tmp_path):
    rows = list(csv.DictReader(io.StringIO(due_csv(review(agent.store).due), newline="")))
    for row in rows[1:]:
        row["churned"] = "false"
    path = tmp_path / "due.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    summary = agent.store.ingest([], labels=path)
    assert (summary.labels, summary.rejected) == (23, 1)
    assert [one.customer_id for one in review(agent.store).due] == [rows[0]["customer_id"]]


def test_forecasts_made_too_late_are_not_due(agent):
    with agent.history.begin() as connection:
        connection.execute(records.update().values(created_at=datetime(2026, 6, 1)))
    assert review(agent.store).due == []
