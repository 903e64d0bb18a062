"""Mapping files: details of records, formats, units and values. The shipped ones are tried in test_exports."""

import json
from datetime import UTC, datetime

import pytest

from churn_agent.errors import DataError
from churn_agent.history import interactions

ZENDESK = {
    "tickets": [
        {
            "id": 35436,
            "requester_id": 20978392,
            "organization_id": 509974,
            "subject": "Help, my printer is on fire!",
            "status": "open",
            "via": {"channel": "web"},
            "comments": [
                {
                    "id": 1,
                    "author_id": 20978392,
                    "body": "It burns.",
                    "created_at": "2026-02-01T10:00:00Z",
                    "public": True,
                },
                {
                    "id": 2,
                    "author_id": 77,
                    "body": "Pull the plug!",
                    "created_at": "2026-02-01T10:05:00Z",
                    "public": True,
                },
                {"id": 3, "author_id": 77, "body": "odd one", "created_at": "2026-02-01T10:06:00Z", "public": False},
            ],
        }
    ]
}


def stored(agent, customer_id):
    return interactions.of_customer(agent.history, customer_id, until=datetime(2100, 1, 1, tzinfo=UTC))


def test_details_of_a_record_stay_as_metadata(agent, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ZENDESK))
    agent.ingest(tmp_path / "a.json", mapping="zendesk")
    metadata = stored(agent, "20978392")[0].metadata
    assert metadata["subject"] == "Help, my printer is on fire!"
    assert metadata["organization_id"] == "509974"


def test_a_mapping_takes_formats_units_and_values(agent, tmp_path):
    (tmp_path / "a.csv").write_text(
        "who,wann,was,rp,art\nc-1,01.02.2026 10:00,Hallo,250,ein\nc-1,2026-02-01,Hallo,1,ein\n"
    )
    (tmp_path / "m.yaml").write_text(
        "columns: {customer_id: who, occurred_at: wann, text: was, amount: rp, direction: art}\n"
        "values: {direction: {ein: inbound}}\ntime_format: '%d.%m.%Y %H:%M'\namount_unit: 0.01\n"
    )
    summary = agent.ingest(tmp_path / "a.csv", mapping=tmp_path / "m.yaml")
    [found] = stored(agent, "c-1")
    assert (found.amount, found.direction, found.occurred_at.day) == (2.5, "inbound", 1)
    assert summary.rejected == 1
    assert "is not a time in the format '%d.%m.%Y %H:%M'" in summary.first_rejected[0]["reason"]


def test_which_list_holds_the_records_is_asked_for(agent, tmp_path):
    (tmp_path / "a.json").write_text('{"a": [1], "b": [2]}')
    with pytest.raises(DataError, match=r"\(records\); the lists are a, b"):
        agent.ingest(tmp_path / "a.json")


def test_a_record_that_leaves_out_its_text_is_taken_when_others_have_one(agent, tmp_path):
    rows = [
        {"customer_id": "a", "timestamp": "2026-02-01", "text": "hi"},
        {"customer_id": "a", "timestamp": "2026-02-02", "amount": 3},
        {"customer_id": "a", "text": "no time"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    summary = agent.ingest(tmp_path / "a.jsonl")
    assert (summary.added, summary.rejected) == (2, 1)
