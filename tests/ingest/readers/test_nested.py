"""JSON in which what people wrote is in lists inside of records."""

import json
from datetime import UTC, datetime

import pytest

from churn_agent.errors import DataError, FileFormatError
from churn_agent.history import interactions


def said(body, role, hour):
    return {"body": body, "author": {"role": role}, "created_at": f"2026-02-01T{hour}:00:00Z"}


TICKETS = [
    {"id": 1, "created_at": "2026-02-01T09:00:00Z", "customer": {"id": "c1"}, "subject": "Bill", "tags": ["a"],
     "comments": [said("Too high", "end-user", 10), said("We look", "agent", 11)]},
    {"id": 2, "created_at": "2026-02-01T09:00:00Z", "customer": {"id": "c2"}, "subject": "Bye", "comments": [said("I leave", "end-user", 12)]},
    {"id": 3, "created_at": "2026-02-01T09:00:00Z", "customer": {"id": "c3"}, "subject": "Nothing yet", "comments": []},
]  # fmt: skip
ROLES = "values: {speaker: {end-user: customer}}"
DOTTED = (
    "columns: {customer_id: customer.id, text: comments.body, occurred_at: comments.created_at, "
    f"speaker: comments.author.role}}\n{ROLES}"
)


def spoken(agent, customer_id):
    until = datetime(2100, 1, 1, tzinfo=UTC)
    return [(row.speaker, row.text) for row in interactions.of_customer(agent.history, customer_id, until=until)]


def ingest(agent, tmp_path, content, mapping, name="t.json"):
    text = "\n".join(map(json.dumps, content)) if name.endswith("l") else json.dumps(content)
    (tmp_path / name).write_text(text)
    (tmp_path / "m.yaml").write_text(mapping)
    return agent.ingest(tmp_path / name, mapping=tmp_path / "m.yaml")


@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.ndjson"])
@pytest.mark.parametrize("more", ["", "\neach: comments"])
def test_columns_that_lead_through_a_list_make_its_entries_rows(agent, tmp_path, name, more):
    content = {"tickets": TICKETS} if name == "t.json" else TICKETS
    summary = ingest(agent, tmp_path, content, DOTTED + more, name)
    assert (summary.added, summary.rejected) == (3, 0)
    assert spoken(agent, "c1") == [("customer", "Bill\n\nToo high"), ("company", "We look")]
    assert spoken(agent, "c2") == [("customer", "Bye\n\nI leave")]


@pytest.mark.parametrize("each", ["", "each: conversations.messages\n"])
def test_lists_in_lists_are_spread(agent, tmp_path, each):
    people = [
        {"id": "c1", "conversations": [
            {"topic": "Bill", "messages": [{"from": "customer", "text": "Too high", "at": "2026-02-01T10:00:00Z"}, {"from": "agent", "text": "We look", "at": "2026-02-01T11:00:00Z"}]},
            {"topic": "Bye", "messages": [{"from": "customer", "text": "I leave", "at": "2026-02-02T10:00:00Z"}]}]},
        {"id": "c2", "conversations": []},
    ]  # fmt: skip
    mapping = (
        f"{each}columns: {{customer_id: id, text: conversations.messages.text, subject: conversations.topic, "
        "occurred_at: conversations.messages.at, speaker: conversations.messages.from, interaction_id: null}"
    )
    summary = ingest(agent, tmp_path, people, mapping)
    assert (summary.added, summary.rejected) == (3, 0)
    assert spoken(agent, "c1") == [
        ("customer", "Bill\n\nToo high"),
        ("company", "We look"),
        ("customer", "Bye\n\nI leave"),
    ]


def test_a_number_in_a_column_still_selects_one_entry(agent, tmp_path):
    mapping = "columns: {customer_id: customer.id, text: comments.0.body, subject: null, occurred_at: created_at}"
    assert ingest(agent, tmp_path, {"tickets": TICKETS[:2]}, mapping).added == 2
    assert [text for _, text in spoken(agent, "c1")] == ["Too high"]


def test_columns_of_two_lists_are_refused_with_the_rules_to_write(agent, tmp_path):
    content = [TICKETS[0] | {"notes": [{"body": "angry"}]}]
    mapping = "columns: {customer_id: customer.id, text: comments.body, subject: notes.body, occurred_at: created_at}"
    with pytest.raises(FileFormatError, match=r"two lists, comments and notes; .*each: comments; and also"):
        ingest(agent, tmp_path, content, mapping)


def test_a_list_of_records_in_a_list_is_refused_with_what_to_map(agent, tmp_path):
    content = {"customers": [{"id": "c1", "notes": [{"text": "a", "date": "2026-02-01"}]}], "other": []}
    with pytest.raises(FileFormatError, match="map records: customers, and each: notes"):
        ingest(agent, tmp_path, content, "records: customers.notes")


def test_without_a_mapping_unread_lists_are_noted_with_the_line_that_reads_them(agent, tmp_path):
    flat = [ticket | {"customer_id": ticket["customer"]["id"]} for ticket in TICKETS]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, flat)))
    [guess] = agent.ingest(tmp_path / "t.jsonl").guesses
    assert (guess.about, guess.mapping) == ("t.jsonl: list 'comments'", "columns: {text: comments.body}")


def test_nested_records_without_a_mapping_are_refused_with_how_to_map_them(agent, tmp_path):
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, TICKETS)))
    with pytest.raises(DataError, match=r"columns: \{text: comments\.body\}"):
        agent.ingest(tmp_path / "t.jsonl")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (["I want to ", {"type": "bold", "text": "cancel"}, " my plan."], "I want to cancel my plan."),
        (["", {"type": "link", "text": "https://a.example"}], "https://a.example"),
        ("I leave", "I leave"),
    ],
)
@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_pieces_of_a_formatted_text_are_one_text(agent, tmp_path, text, read, name):
    record = {"id": 1, "date": "2026-02-01T10:00:00", "from": "Ana", "customer_id": "c1", "text": text}
    ingest(agent, tmp_path, [record], "defaults: {speaker: customer}", name)
    assert spoken(agent, "c1") == [("customer", read)]


@pytest.mark.parametrize("items", [["a", "b"], [{"text": "a"}], ["a", {"name": "b"}], [1, {"text": "b"}], []])
def test_other_lists_are_not_texts(agent, tmp_path, items):
    record = {"date": "2026-02-01", "customer_id": "c1", "text": "hi", "tags": items, "direction": "inbound"}
    ingest(agent, tmp_path, [record], "{}")
    metadata = interactions.of_customer(agent.history, "c1", until=datetime(2100, 1, 1, tzinfo=UTC))[0].metadata
    assert "ab" not in metadata.values()
