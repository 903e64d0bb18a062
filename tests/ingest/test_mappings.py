"""Mapping files: details of records, formats, units and values. The shipped ones are tried in test_exports."""

import json
from datetime import UTC, datetime

import pytest

from churn_agent.errors import DataError
from churn_agent.history import interactions
from tests.conftest import write_csv

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


def test_a_document_without_a_list_says_so(agent, tmp_path):
    (tmp_path / "a.json").write_text('{"title": "canvas"}')
    with pytest.raises(DataError, match=r"a\.json: has no list of records; leave the file out, or map"):
        agent.ingest(tmp_path / "a.json")


def test_one_conversation_in_a_file_needs_no_list_of_conversations(agent, tmp_path):
    author = {"type": "user", "id": "u1", "name": "Ann"}
    part = {"id": "2", "part_type": "comment", "body": "I leave", "created_at": 1772355700, "author": author}
    conversation = {
        "type": "conversation", "id": "1", "created_at": 1772355600, "source": {"body": "Hello", "author": author},
        "contacts": {"contacts": [{"id": "u1"}]}, "conversation_parts": {"conversation_parts": [part]},
    }  # fmt: skip
    (tmp_path / "c.json").write_text(json.dumps(conversation))
    assert agent.ingest(tmp_path / "c.json", mapping="intercom").added == 2


def test_records_without_the_list_of_interactions_are_named(agent, tmp_path):
    ticket = {"id": 1, "requester_id": 10, "description": "I pay too much", "created_at": "2026-03-01T10:00:00Z"}
    (tmp_path / "t.json").write_text(json.dumps({"tickets": [ticket]}))
    with pytest.raises(DataError, match=r"t\.json: no record has an interaction in comments, where they should be"):
        agent.ingest(tmp_path / "t.json", mapping="zendesk")


def test_a_record_that_leaves_out_its_text_is_taken_when_others_have_one(agent, tmp_path):
    rows = [
        {"customer_id": "a", "timestamp": "2026-02-01", "text": "hi"},
        {"customer_id": "a", "timestamp": "2026-02-02", "amount": 3},
        {"customer_id": "a", "text": "no time"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    summary = agent.ingest(tmp_path / "a.jsonl")
    assert (summary.added, summary.rejected) == (2, 1)


@pytest.mark.parametrize(
    "header",
    [
        "Kundennr,Zeit,Notiz,Betrag EUR",
        "customer no,sent,notes,amount_eur",
        "Kunden-Nr.,Call-Time,Note,Betrag-EUR",
    ],
)
def test_usual_words_of_headers_are_known(agent, tmp_path, header):
    (tmp_path / "a.csv").write_text(f"{header}\n007,2026-02-01 10:00,hello,12.50\n")
    agent.ingest(tmp_path / "a.csv", unknown_is="customer")
    [row] = stored(agent, "007")
    assert (row.text, row.amount, row.metadata["currency"]) == ("hello", 12.5, "EUR")


def test_a_day_and_a_time_of_day_in_german_are_one_time(agent, tmp_path):
    (tmp_path / "a.csv").write_text("Kunde,Datum,Zeit,Text\n007,01.02.2026,10:30,hallo\n")
    agent.ingest(tmp_path / "a.csv", yes=True, unknown_is="customer")
    assert stored(agent, "007")[0].occurred_at == datetime(2026, 2, 1, 10, 30, tzinfo=UTC)


LOOKUP = """
lookups: {crm: {key: E-Mail}}
columns: {customer_id: "customer | crm[from].Kundennr", author: from}
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("crm.csv", "E-Mail;Kundennr\nAna@x.example;007\nb@x.example;8\n"),
        ("crm.json", '[{"E-Mail": "Ana Lopez <Ana@X.example>", "Kundennr": "007"}]'),
    ],
)
def test_a_lookup_finds_an_address_with_a_name_beside_it(agent, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    (tmp_path / "m.yaml").write_text(LOOKUP)
    rows = 'from,date,text\n"""Ana"" <ana@x.example>",2026-02-01,hello\nANA@x.example,2026-02-02,again\n'
    (tmp_path / "a.csv").write_text(rows)
    summary = agent.ingest(tmp_path / "a.csv", mapping=tmp_path / "m.yaml", unknown_is="customer")
    assert [row.text for row in stored(agent, "007")] == ["hello", "again"]
    assert not [guess for guess in summary.guesses if "lookup" in guess.about]


@pytest.mark.parametrize("content", [None, "mail,nr\na@x,7\n"])
def test_a_lookup_without_its_file_or_its_key_is_one_line(agent, tmp_path, content):
    if content:
        (tmp_path / "crm.csv").write_text(content)
    (tmp_path / "m.yaml").write_text(LOOKUP)
    (tmp_path / "a.csv").write_text("customer,from,date,text\nc1,a@x,2026-02-01,hello\n,a@x,2026-02-02,bye\n")
    summary = agent.ingest(tmp_path / "a.csv", mapping=tmp_path / "m.yaml", unknown_is="customer")
    [guess] = [guess for guess in summary.guesses if guess.about == "lookup crm"]
    assert "no crm.csv or crm.tsv or crm.json or crm.jsonl beside" in guess.evidence
    assert "'E-Mail'" in guess.evidence


def note_of(agent, monkeypatch):
    lines = []
    monkeypatch.setattr(agent.store, "_notify", lines.append)
    return lines


HEADER = "Key,Customer,Labels,Labels,Labels,Text,Created"


def test_repeated_columns_that_no_field_is_read_from_are_numbered(agent, tmp_path, monkeypatch):
    notes = note_of(agent, monkeypatch)
    path = write_csv(tmp_path / "a.csv", "k1,c1,red,blue,,Hello,2026-02-01", header=HEADER)
    agent.ingest(path, unknown_is="customer")
    [row] = agent.snapshot("c1").interactions
    assert {"labels": "red", "labels_2": "blue"}.items() <= row.metadata.items()
    assert [line for line in notes if "labels_2, labels_3" in line]


@pytest.mark.parametrize(
    ("header", "mapping", "named"),
    [
        (HEADER, {"columns": {"author": "Labels"}}, "labels"),
        (HEADER, {"columns": {"author": "Key | Labels"}}, "labels"),
        (HEADER.replace("Key", "Text"), None, "text"),
        (HEADER.replace("Key", "Client_Id").replace("Customer", "Client_Id"), None, "client_id"),
    ],
)
def test_a_repeated_column_that_a_field_is_read_from_is_refused(agent, tmp_path, header, mapping, named):
    path = write_csv(tmp_path / "a.csv", "k1,c1,red,blue,,Hello,2026-02-01", header=header)
    (tmp_path / "m.yaml").write_text(json.dumps(mapping or {}))
    with pytest.raises(DataError, match=f"the column '{named}' is in the header twice"):
        agent.ingest(path, mapping=tmp_path / "m.yaml", unknown_is="customer")


def test_a_numbered_column_takes_no_other_columns_name(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c1,2026-02-01,Hi,1,2,3,4", header="customer_id,date,text,tag,tag_2,tag,tag_3")
    agent.ingest(path, unknown_is="customer")
    [row] = agent.snapshot("c1").interactions
    assert {"tag": "1", "tag_2": "2", "tag_4": "3", "tag_3": "4"}.items() <= row.metadata.items()


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("Respondent ID,End Date,Email Address,Why?", 'columns: {customer_id: email_address, occurred_at: end_date, text: "why?"}'),
        ("from,to,date_sent,body", "columns: {customer_id: from}"),
        ("name,email,created_at,notes", "columns: {customer_id: email}"),
    ],
)  # fmt: skip
def test_a_missing_column_is_named_with_those_that_may_be_meant(agent, tmp_path, header, line):
    cells = ",".join("x" for _ in header.split(","))
    with pytest.raises(DataError) as refusal:
        agent.ingest(write_csv(tmp_path / "a.csv", cells, header=header))
    assert f"(--mapping, such as {line}" in str(refusal.value)


@pytest.mark.parametrize("column", ["Created Time", "createTime", "Date Sent", "createdDateTime", "submitted at"])
def test_usual_names_of_times_are_known(agent, tmp_path, column):
    agent.ingest(write_csv(tmp_path / "a.csv", "c1,2026-02-01,Hi", header=f"customer_id,{column},text"))
    assert agent.store.customers()[0].customer_id == "c1"


MAILS = (
    "Ana Lopez <ana@home.example>,2026-02-01,I want to cancel,in",
    "ANA@home.example,2026-02-02,Still waiting,in",
    "Bo,2026-02-02,No address here,in",
)


def test_an_address_with_and_without_a_name_beside_it_is_one_customer_if_the_mapping_says_so(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", *MAILS, header="From,date,text,direction")
    (tmp_path / "m.yaml").write_text("columns: {customer_id: address(From)}")
    agent.ingest(path, mapping=tmp_path / "m.yaml")
    assert [row.customer_id for row in agent.store.customers()] == ["Bo", "ana@home.example"]


@pytest.mark.parametrize("rows", [MAILS, MAILS[1:]])
def test_ids_with_a_name_beside_the_address_are_noted_with_the_line_that_joins_them(agent, tmp_path, rows):
    path = write_csv(tmp_path / "a.csv", *rows, header="customer,date,text,direction")
    summary = agent.ingest(path)
    assert [guess.mapping for guess in summary.guesses] == ["columns: {customer_id: address(customer)}"] * (
        rows == MAILS
    )
