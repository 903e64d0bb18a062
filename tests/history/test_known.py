"""Attributes are known from the day of their import, or the last day of the history, in whichever order files come."""

from datetime import date, datetime
from itertools import permutations

import pytest

from churn_agent.history import records
from churn_agent.history.tables import imports
from tests.conftest import write_csv


@pytest.fixture
def files(tmp_path):
    return {
        "people": {"customers": write_csv(tmp_path / "p.csv", "c-1,gold", "c-2,iron", header="customer_id,plan")},
        "spring": write_csv(tmp_path / "a.csv", "c-1,2025-03-10,chat,hello", "c-2,2025-02-01,chat,hi"),
        "summer": write_csv(tmp_path / "b.csv", "c-1,2025-06-30,chat,hello again"),
    }


def bring(agent, of):
    if isinstance(of, dict):
        agent.ingest([], **of)
    else:
        agent.ingest(of, unknown_is="customer")


def plans(agent):
    days = "2025-03-09", "2025-03-10", "2025-06-29", "2025-06-30"
    return [agent.snapshot("c-2", as_of=day).attributes.get("plan") for day in days]


def test_a_day_to_come_is_known_from_the_day_that_the_file_says(agent, files, tmp_path):
    bring(agent, files["summer"])
    end = "c-1,2025-05-01,2025-09-30"
    agent.ingest([], customers=write_csv(tmp_path / "e.csv", end, header="customer_id,known_from,churn_date"))
    bring(agent, files["spring"])
    seen = {day: agent.snapshot("c-1", as_of=day).attributes for day in ("2025-04-30", "2025-05-01")}
    assert seen == {"2025-04-30": {}, "2025-05-01": {"churn_date": "2025-09-30"}}


def test_attributes_imported_before_the_interactions_are_known_at_their_end(agent, files):
    bring(agent, files["people"])
    bring(agent, files["spring"])
    assert plans(agent) == [None, "iron", "iron", "iron"]
    assert agent.snapshot("c-1").attributes == {"plan": "gold"}


@pytest.mark.parametrize("order", list(permutations(["people", "spring", "summer"])))
def test_the_order_of_the_files_does_not_matter(agent, files, order):
    for name in order:
        bring(agent, files[name])
    assert plans(agent) == [None, None, None, "iron"]


def test_an_import_that_is_undone_and_redone_leaves_the_same(agent, files):
    for name in ("people", "spring", "summer"):
        bring(agent, files[name])
    agent.store.undo_import(3)
    assert plans(agent) == [None, "iron", "iron", "iron"]
    bring(agent, files["summer"])
    agent.store.undo_import(2)
    bring(agent, files["spring"])
    assert plans(agent) == [None, None, None, "iron"]


def test_later_interactions_do_not_move_attributes_past_the_day_of_their_import(agent, files):
    bring(agent, files["spring"])
    bring(agent, files["people"])
    with agent.history.begin() as connection:
        connection.execute(imports.update().values(started_at=datetime(2025, 3, 12, 8)))
    bring(agent, files["summer"])
    assert plans(agent) == [None, None, "iron", "iron"]
    assert agent.snapshot("c-2", as_of="2025-03-12").attributes == {"plan": "iron"}
    assert agent.snapshot("c-2", as_of="2025-03-11").attributes == {}


def test_an_assessment_made_before_later_interactions_came_rests_on_the_attributes(agent, files):
    bring(agent, files["spring"])
    bring(agent, files["people"])
    agent.assess("c-2", as_of=date(2025, 3, 9))
    agent.assess("c-2", as_of=date(2025, 3, 10))
    bring(agent, files["summer"])
    agent.store.undo_import(2)
    marked = {record.as_of: record.provenance.on_withdrawn_data for record in records.of_customer(agent.history, "c-2")}
    assert marked == {date(2025, 3, 9): False, date(2025, 3, 10): True}
