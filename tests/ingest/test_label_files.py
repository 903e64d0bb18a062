"""Files of labels: dates are settled over the file, unknown words are named once with their counts."""

from datetime import date

import pytest

from churn_agent.domain.interactions import Label
from churn_agent.errors import DataError
from churn_agent.history import book
from churn_agent.ingest.importing import ingest
from churn_agent.ingest.sources import find_sources
from churn_agent.outcomes.samples import labelled_samples
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
    with pytest.raises(DataError, match=r"(?s)labels\.csv.*as_of: day and month .*day_first: true.*day_first: false"):
        labelled(agent, tickets, "c1,01/02/2026,1,30")


def test_unknown_words_are_named_once(agent, tickets):
    summary, notes, labels = labelled(
        agent, tickets, "c1,2026-01-31,maybe,", "c2,2026-01-31,maybe,", "c3,2026-01-31,1,"
    )
    assert (len(labels), summary.rejected) == (1, 2)
    assert next(note for note in notes if "unknown words" in note).endswith("'maybe' (2)")


FULL = "customer_id,as_of,churned,left_on,notice_on,kind,amount,voluntary,contract"


def labels_in_full(agent, tickets, *rows, header=FULL):
    labels = write_csv(tickets.with_name("labels.csv"), *rows, header=header)
    notes = []
    summary = ingest(agent.history, find_sources([tickets], labels=labels), announce=notes.append)
    return summary, notes, book.labels_in_full(agent.history)


def test_an_outcome_knows_when_and_how_the_customer_left(agent, tickets):
    _, _, [lost, smaller] = labels_in_full(
        agent,
        tickets,
        'c1,2025-12-31,1,15.02.2026,20.01.2026,cancelled,"1.200,50",involuntary,A-7',
        'c2,2025-12-31,0,,,downgrade,"300,00",,A-8',
    )
    assert lost == Label(
        "c1", "2025-12-31", True, 90, {"contract": "A-7"}, "2026-02-15", "2026-01-20", "lost", 1200.5, False
    )
    assert smaller == Label("c2", "2025-12-31", False, 90, {"contract": "A-8"}, kind="contracted", amount=300.0)


def test_a_kind_can_replace_churned(agent, tickets):
    rows = "c1,2025-12-31,lost", "c2,2025-12-31,upsell", "c3,2025-12-31,perhaps"
    summary, _, labels = labels_in_full(agent, tickets, *rows, header="customer_id,as_of,kind")
    assert [(label.churned, label.kind) for label in labels] == [(True, "lost"), (False, "expanded")]
    assert "lost, contracted, renewed, expanded" in summary.first_rejected[0]["reason"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("c1,2025-12-31,0,,,lost,,,", "churned is '0' but kind is 'lost'"),
        ("c1,2025-12-31,1,2025-12-30,,,,,", "nothing to predict on 2025-12-31"),
    ],
)
def test_outcomes_that_contradict_themselves_are_rejected(agent, tickets, row, reason):
    summary, _, labels = labels_in_full(agent, tickets, row)
    assert labels == []
    assert reason in summary.first_rejected[0]["reason"]


def test_a_column_with_other_words_stays_metadata(agent, tickets):
    _, notes, [label] = labels_in_full(
        agent, tickets, "c1,2025-12-31,1,price war,soon", header="customer_id,as_of,churned,churn_type,notice_date"
    )
    assert (label.voluntary, label.notice_on) == (None, None)
    assert label.metadata == {"churn_type": "price war", "notice_date": "soon"}
    assert any("churn_type is kept as metadata" in note for note in notes)


def test_an_import_of_outcomes_that_is_undone_never_was(agent, tickets):
    _, _, before = labels_in_full(agent, tickets, "c1,2025-12-31,0,,,renewed,10,,")
    later = write_csv(tickets.with_name("later.csv"), "c1,2025-12-31,1,2026-02-15,,lost,10,yes,", header=FULL)
    agent.ingest([], labels=later)
    assert agent.store.labels()[0].churned
    agent.store.undo_import(2)
    assert agent.store.labels() == before


LEAVERS = "customer_id,left_on,notice_on,reason,voluntary"


def test_a_list_of_leavers_is_a_file_of_outcomes(agent, tickets):
    rows = "c1,15.06.2026,20.05.2026,price,yes", "c2,31.05.2026,,,no", "c3,,,,"
    summary, _, [noted, left] = labels_in_full(agent, tickets, *rows, header=LEAVERS)
    assert noted == Label(
        "c1", "2026-02-19", True, 90, {"reason": "price", "dated_by": "notice_on"}, "2026-06-15", "2026-05-20", "lost",
        None, True,
    )  # fmt: skip
    assert left == Label("c2", "2026-03-02", True, 90, {"dated_by": "left_on"}, "2026-05-31", None, "lost", None, False)
    assert "neither left_on nor notice_on has a date" in summary.first_rejected[0]["reason"]


def test_a_corrected_list_of_leavers_replaces_its_labels(agent, tickets):
    labels_in_full(agent, tickets, "c1,2026-06-15", header="customer_id,left_on")
    _, _, [label] = labels_in_full(agent, tickets, "c1,2026-07-31", header="customer_id,left_on")
    assert label.left_on == "2026-07-31"
    agent.store.undo_import(2)
    [label] = book.labels_in_full(agent.history)
    assert label.left_on == "2026-06-15"


@pytest.mark.parametrize(
    ("row", "dates"),
    [
        ("c1,2026-03-31,1,", ["2026-03-31"]),  # within its horizon
        ("c1,2025-01-31,1,2026-05-15", ["2025-01-31"]),
        ("c1,2026-01-31,0,", ["2026-01-31", "2026-02-14"]),
        ("c1,2025-06-30,1,2025-07-31", ["2025-06-30", "2026-02-14"]),  # left once before
    ],
)
def test_an_outcome_is_not_learned_twice(agent, tickets, row, dates):
    labels_in_full(agent, tickets, "c1,2026-05-15", header="customer_id,left_on")
    labels_in_full(agent, tickets, row, header="customer_id,as_of,churned,left_on")
    assert len(book.labels_in_full(agent.history)) == 2
    assert [sample.as_of.isoformat() for sample in labelled_samples(agent.store)] == dates
