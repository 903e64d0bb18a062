"""The mapping files that ship, on exports written after the public field documentation."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from churn_agent.errors import DataError
from churn_agent.history import interactions
from churn_agent.ingest.columns import load_mapping, shipped_mappings

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
INTERCOM = {
    "type": "conversation.list",
    "conversations": [
        {
            "id": "1",
            "created_at": 1769940000,
            "source": {
                "type": "conversation",
                "body": "<p>I want to cancel</p>",
                "author": {"type": "user", "name": "Ana"},
            },
            "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "c-9", "external_id": "70"}]},
            "conversation_parts": {
                "conversation_parts": [
                    {
                        "part_type": "comment",
                        "body": "<p>Why?</p>",
                        "created_at": 1769940060,
                        "author": {"type": "admin", "name": "Tim"},
                    },
                    {
                        "part_type": "assignment",
                        "body": None,
                        "created_at": 1769940070,
                        "author": {"type": "bot", "name": "Fin"},
                    },
                    {
                        "part_type": "comment",
                        "body": "<p>Too dear.</p>",
                        "created_at": 1769940120,
                        "author": {"type": "user", "name": "Ana"},
                    },
                ]
            },
        }
    ],
}
HUBSPOT = {
    "results": [
        {
            "id": "1",
            "contact_id": "501",
            "properties": {
                "hs_timestamp": "2026-02-01T10:00:00.000Z",
                "hs_email_direction": "INCOMING_EMAIL",
                "hs_email_from_email": "ana@home.example",
                "hs_email_text": "When does my plan end?",
            },
        },
        {
            "id": "2",
            "contact_id": "501",
            "properties": {
                "hs_timestamp": "2026-02-01T11:00:00.000Z",
                "hs_email_direction": "EMAIL",
                "hs_email_from_email": "us@acme.example",
                "hs_email_text": "In March.",
            },
        },
    ]
}  # fmt: skip
STRIPE = {
    "object": "list",
    "has_more": False,
    "data": [
        {"id": "in_1", "object": "invoice", "customer": "cus_1", "created": 1769940000, "amount_due": 4990, "currency": "chf",
         "billing_reason": "subscription_cycle", "status": "paid", "lines": {"object": "list", "data": [{"id": "il_1"}]}},
        {"id": "in_2", "object": "invoice", "customer": "cus_1", "created": 1769950000, "amount_due": 1, "currency": "chf",
         "billing_reason": "manual", "status": "draft", "lines": {"object": "list", "data": []}},
    ],
}  # fmt: skip
EXPORTS = {
    "zendesk": (ZENDESK, "20978392", [("ticket", "inbound", "Help, my printer is on fire!\n\nIt burns.", None), ("ticket", "outbound", "Pull the plug!", None)]),
    "intercom": (INTERCOM, "c-9", [("chat", "inbound", "I want to cancel", None), ("chat", "outbound", "Why?", None), ("chat", "inbound", "Too dear.", None)]),
    "hubspot": (HUBSPOT, "501", [("email", "inbound", "When does my plan end?", None), ("email", "outbound", "In March.", None)]),
    "stripe": (STRIPE, "cus_1", [("invoice", "outbound", "Invoice of a subscription", 49.9)]),
}  # fmt: skip


def stored(agent, customer_id):
    return interactions.of_customer(agent.history, customer_id, until=datetime(2100, 1, 1, tzinfo=UTC))


def test_every_shipped_mapping_is_tried_here():
    assert shipped_mappings() == sorted(EXPORTS)


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("lines", [False, True], ids=["document", "lines"])
def test_an_export_of_a_help_desk_needs_only_its_name(agent, tmp_path, name, lines):
    document, customer_id, expected = EXPORTS[name]
    key = load_mapping(Path(name)).records
    path = tmp_path / ("export.jsonl" if lines else "export.json")
    path.write_text("\n".join(json.dumps(each) for each in document[key]) if lines else json.dumps(document))
    summary = agent.ingest(path, mapping=name)
    found = stored(agent, customer_id)
    assert [(each.channel, each.direction, each.text, each.amount) for each in found] == expected
    assert summary.rejected == 0


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
