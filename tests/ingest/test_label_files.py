"""Files of labels: dates are settled over the file, unknown words are named once with their counts."""

from datetime import date

import pytest

from churn_agent.errors import DataError
from churn_agent.history import book
from churn_agent.ingest.importing import ingest
from churn_agent.ingest.sources import find_sources
from tests.conftest import write_csv

LABELS = "customer_id,as_of,churned,horizon_days"


@pytest.fixture
def tickets(tmp_path):
    return write_csv(tmp_path / "t.csv", "c1,2026-01-01,chat,hello there", header="customer_id,date,channel,text")


def labelled(agent, tickets, *rows):
    labels = write_csv(tickets.with_name("labels.csv"), *rows, header=LABELS)
    notes = []
    summary = ingest(agent.history, find_sources([tickets], labels=labels), announce=notes.append)
    return summary, notes, book.all_labels(agent.history)


def test_dates_and_horizons_of_a_spreadsheet_are_read(agent, tickets):
    _, _, labels = labelled(agent, tickets, "c1,31/12/2025,yes,30.0", "c2,01/02/2026,stayed,30.0")
    assert set(labels) == {("c1", date(2025, 12, 31), True), ("c2", date(2026, 2, 1), False)}
    assert book.label_horizons(agent.history) == {30}


def test_an_open_order_of_day_and_month_is_refused_with_the_answer(agent, tickets):
    with pytest.raises(DataError, match=r"labels\.csv: as_of: day and month .* day_first: true or day_first: false"):
        labelled(agent, tickets, "c1,01/02/2026,1,30")


def test_unknown_words_are_named_once(agent, tickets):
    summary, notes, labels = labelled(
        agent, tickets, "c1,2026-01-31,maybe,", "c2,2026-01-31,maybe,", "c3,2026-01-31,1,"
    )
    assert (len(labels), summary.rejected) == (1, 2)
    assert next(note for note in notes if "unknown words" in note).endswith("'maybe' (2)")
