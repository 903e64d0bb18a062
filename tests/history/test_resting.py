"""Assessments that rest on the attributes or measurements of an import are marked when it is undone, and only those."""

import re
from datetime import date

import pytest

from churn_agent.domain.snapshot import Card
from churn_agent.history import book, records
from churn_agent.reports import files, wording
from tests.conftest import write_csv

DAY = date(2026, 3, 1)
LONG = "customer_id,date,metric,value"


@pytest.fixture
def undone(agent, tmp_path):
    """Imports messages, then the files given; assesses c-1; undoes the second import; returns the stored record."""
    rows = [f"c-1,2026-02-0{n},chat,hello {n}" for n in range(1, 6)]
    agent.ingest(write_csv(tmp_path / "t.csv", *rows), unknown_is="customer")

    def do(*, assess_first=False, again=None, card=None, as_of=DAY, **others):
        if card:
            with agent.history.begin() as connection:
                book.set_card(connection, card)
        if assess_first:
            agent.assess("c-1", as_of=as_of)
        agent.ingest([], **others)
        if again:
            agent.ingest([], **again)
        if not assess_first:
            made = agent.assess("c-1", as_of=as_of)
            assert not made.provenance.on_withdrawn_data
        result = agent.store.undo_import(2)
        [record] = records.of_customer(agent.history, "c-1")
        assert result.records == record.provenance.on_withdrawn_data
        return record

    return do


def people(tmp_path, name, value, known_from="2026-02-01", column="contract"):
    rows = f"c-1,{value},{known_from}", f"c-2,{name},{known_from}"  # so that no two files are the same
    return write_csv(tmp_path / name, *rows, header=f"customer_id,{column},known_from")


def logins(tmp_path, name="m.csv", day="2026-02-10", value=3):
    return write_csv(tmp_path / name, f"c-1,{day},logins,{value}", f"c-2,{day},{name},1", header=LONG)


def test_attributes_alone(undone, tmp_path):
    record = undone(customers=people(tmp_path, "p.csv", "24 quagga months"))
    assert record.provenance.on_withdrawn_data
    assert "quagga" not in record.model_dump_json()
    assert record.facts == ()
    assert record.churn_probability


def test_measurements_alone(undone, tmp_path):
    assert undone(measurements=logins(tmp_path)).provenance.on_withdrawn_data


@pytest.mark.parametrize(
    "others",
    [
        {"assess_first": True},
        {"as_of": date(2026, 2, 8)},
    ],
)
def test_what_was_not_known_then(undone, tmp_path, others):
    values = people(tmp_path, "p.csv", "24 months", known_from="2026-02-20")
    record = undone(customers=values, measurements=logins(tmp_path), **others)
    assert not record.provenance.on_withdrawn_data
    assert record.facts


def test_attributes_of_labelled_sets_are_known_at_every_date(undone, tmp_path):
    values = people(tmp_path, "p.csv", "24 months", known_from="2026-02-20")
    card = Card(attributes_as_of="label")
    assert undone(customers=values, card=card, as_of=date(2026, 2, 8)).provenance.on_withdrawn_data


@pytest.mark.parametrize(("again", "marked"), [("24 months", False), ("12 months", False)])
def test_values_that_a_later_import_has_too_or_has_replaced(undone, tmp_path, again, marked):
    later = {"customers": people(tmp_path, "q.csv", again)}
    record = undone(customers=people(tmp_path, "p.csv", "24 months"), again=later)
    assert record.provenance.on_withdrawn_data == marked


@pytest.mark.parametrize(("value", "marked"), [(3, False), (4, True)])
def test_measurements_that_another_import_has_too(undone, tmp_path, value, marked):
    later = {"measurements": logins(tmp_path, "n.csv", value=value)}
    assert undone(measurements=logins(tmp_path), again=later).provenance.on_withdrawn_data == marked


def test_sensitive_attributes_that_are_not_used(undone, tmp_path):
    assert not undone(customers=people(tmp_path, "p.csv", "f", column="gender")).provenance.on_withdrawn_data


def test_every_output_says_so(undone, tmp_path, cli, agent):
    record = undone(customers=people(tmp_path, "p.csv", "24 months"))
    assert wording.withdrawn(record) in files.to_markdown(record)
    assert wording.NO_REASON not in files.to_markdown(record)
    shown = cli("ledger", "show", "c-1", "--model", "scripted")
    assert wording.ON_WITHDRAWN_DATA in re.sub(r"[\s│|┃]+", " ", shown.out)
