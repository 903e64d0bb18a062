from datetime import date, timedelta

import pytest

from churn_agent.lookback.suggesting import suggest, to_csv
from tests.conftest import write_csv

LAST = date(2026, 6, 20)


@pytest.fixture
def book(agent, tmp_path):
    rows = [f"alive,{LAST - timedelta(days=14 * k)} 10:00,login,in" for k in range(20)]
    rows += [f"quiet,{date(2025, 9, 1) + timedelta(days=10 * k)} 10:00,login,in" for k in range(12)]
    rows += [f"ended,2025-0{k}-03 10:00,login,in" for k in range(5, 9)]
    rows += [f"known,2025-0{k}-03 10:00,login,in" for k in range(5, 9)]
    renewals = [
        "lost,2026-03-01 09:00,renewal,Renewal 2026,Closed Lost",
        "lost,2026-06-01 09:00,chat,hello,",
        "won,2026-03-01 09:00,renewal,Renewal 2026,Closed Lost",
        "won,2026-04-01 09:00,renewal,Renewal 2026,Closed Won",
    ]
    agent.ingest(
        [
            write_csv(tmp_path / "a.csv", *rows),
            write_csv(
                tmp_path / "r.csv", *renewals, header="customer_id,timestamp,channel,text,renewal_stage"
            ),
        ],
        customers=write_csv(
            tmp_path / "c.csv", "ended,2025-12-31", "known,2025-12-31", "alive,2025-12-31",
            header="customer_id,renewal_date",
        ),
        labels=write_csv(tmp_path / "o.csv", "known,2025-12-31", header="customer_id,left_on"),
        unknown_is="customer",
    )  # fmt: skip
    return agent


def test_contracts_that_ended_usage_that_stopped_and_lost_renewals_are_suggested(book):
    found = {each.customer_id: (each.why, each.left_on) for each in suggest(book.store)}
    assert found == {
        "ended": ("contract ended", date(2025, 12, 31)),
        "quiet": ("usage stopped", date(2025, 12, 20)),
        "lost": ("renewal lost", date(2026, 3, 1)),
    }


def test_suggesting_stores_nothing_and_what_is_not_confirmed_is_not_learned(book, tmp_path):
    before = book.store.labels()
    suggestions = suggest(book.store)
    assert book.store.labels() == before
    file = tmp_path / "suggested.csv"
    file.write_text(to_csv(suggestions).replace("lost,,2026-03-01", "lost,2026-03-01,2026-03-01"))
    summary = book.ingest([], labels=file)
    assert (summary.labels, summary.rejected) == (1, 2)
    assert {label.customer_id for label in book.store.labels()} == {"known", "lost"}
    assert "lost" not in {each.customer_id for each in suggest(book.store)}
