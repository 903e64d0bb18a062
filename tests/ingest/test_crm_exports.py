"""Tables exported from CRMs: notes, calls and meetings of HubSpot; cases, comments and tasks of Salesforce."""

import pytest

from tests.conftest import write_csv
from tests.ingest.test_exports import spoken, stored

LINKS = "Associated Contact,Associated Contact IDs,Associated Company,Associated Company IDs"
ANA = "Ana Lopez (ana@b.example);Bo (bo@b.example),101;102,B Ltd,900"
NOTES = f"Record ID,Activity date,Note body,Activity assigned to,{LINKS}"
CALLS = f"Record ID,Call Title,Call notes,Call direction,Call outcome,Activity date,Activity assigned to,{LINKS}"
MEETINGS = (
    f"Record ID,Meeting name,Meeting description,Internal Meeting Notes,Meeting outcome,Meeting start time,{LINKS}"
)
CASES = "Id,CaseNumber,ContactId,AccountId,SuppliedName,Status,Origin,Subject,Description,CreatedDate,LastModifiedDate"
COMMENTS = "Id,ParentId,IsPublished,CommentBody,CreatedById,CreatedDate,SystemModstamp,LastModifiedDate"
TASKS = "Id,WhoId,WhatId,AccountId,Subject,ActivityDate,Status,Priority,OwnerId,Description,IsClosed,CreatedDate,CallType,TaskSubtype,LastModifiedDate"
DAY = "2026-02-01 10:00:00"


@pytest.fixture
def hubspot(agent, tmp_path):
    """Imports an export of HubSpot."""
    return lambda header, *rows: agent.ingest(
        write_csv(tmp_path / "h.csv", *rows, header=header), mapping="hubspot_csv"
    )


@pytest.mark.parametrize("header", [NOTES, NOTES.replace("Note body", "Body preview")])
def test_notes_are_ours_and_are_not_shown_to_a_model(agent, hubspot, header):
    summary = hubspot(header, f"77,2026-02-01 10:00,They think of leaving,Tim,{ANA}", f"78,2026-02-02 10:00,,Tim,{ANA}")
    assert spoken(agent, "101") == [("note", "company", "They think of leaving")]
    assert (summary.added, summary.rejected) == (1, 0)
    [row] = stored(agent, "101")
    assert (row.key, row.author) == ("hubspot:77", "Tim")


def test_notes_of_calls_are_ours_and_lines_of_the_customer_are_reported(agent, hubspot):
    notes = '"Ana called.\nCustomer: I cancel next month.\n\nOffered a discount."'
    rows = (
        f"5,Renewal,{notes},Inbound,Connected,2026-02-01 10:00,Tim,{ANA}",
        f"6,Voicemail,,Outbound,No answer,2026-02-02 10:00,Tim,{ANA}",
    )
    summary = hubspot(CALLS, *rows)
    assert sorted(spoken(agent, "101"), key=lambda said: said[1:]) == [
        ("call", "company", "Renewal\n\nAna called.\nCustomer: I cancel next month.\n\nOffered a discount."),
        ("call", "company", "Voicemail"),
        ("call", "customer", "I cancel next month."),
    ]
    assert [row.direction for row in stored(agent, "101")] == ["inbound", "inbound", "outbound"]
    assert summary.rejected == 0
    assert not {
        name for row in stored(agent, "101") for name in row.metadata if "outcome" in name or "associated" in name
    }


@pytest.mark.parametrize(("outcome", "taken"), [("Completed", 1), ("", 1), ("Canceled", 0), ("No show", 0)])
def test_meetings_that_took_place_are_read(agent, hubspot, outcome, taken):
    kept = f"8,Kickoff,Agenda,They are happy,Completed,2026-02-01 10:00,{ANA}"
    hubspot(MEETINGS, kept, f"9,Review,Agenda,They want to leave,{outcome},2026-02-02 10:00,{ANA}")
    expected = [
        ("meeting", "company", "Kickoff\n\nThey are happy"),
        ("meeting", "company", "Review\n\nThey want to leave"),
    ]
    assert spoken(agent, "101") == expected[: 1 + taken]


@pytest.mark.parametrize(
    ("contacts", "companies", "customer"), [("101;102", "900", "101"), ("", "900;901", "900"), (" 7 ;8", "", "7")]
)
def test_the_customer_is_the_first_contact_or_else_the_first_company(agent, hubspot, contacts, companies, customer):
    hubspot(NOTES, f"77,2026-02-01 10:00,hello,Tim,,{contacts},,{companies}")
    assert len(stored(agent, customer)) == 1


CASE = f"500A,00001,003A,001A,Ana,Closed,Web,Outage,It is down.,{DAY},2026-02-05 10:00:00"
TALK = (
    f"00aA,500A,1,We look into it.,005T,2026-02-01 11:00:00,{DAY},{DAY}",
    f"00aB,500A,1,I want to cancel.,005P,2026-02-01 12:00:00,{DAY},{DAY}",
    f"00aC,500A,0,She is angry.,005T,2026-02-01 13:00:00,{DAY},{DAY}",
)
TASK = f"00tA,003A,006A,001A,Call,2026-02-02,Completed,Normal,005T,She wants a discount,1,2026-02-02 10:00:00,Outbound,Call,{DAY}"
PLANNED = TASK.replace("Completed", "Not Started").replace("00tA", "00tB")
PEOPLE = ("005T,Tim,tim@acme.example,Standard", "005P,Ana Lopez,ana@b.example,CspLitePortal")


@pytest.fixture
def export(tmp_path):
    """The files of an export of Salesforce."""
    files = {"Case": (CASES, CASE), "CaseComment": (COMMENTS, *TALK), "Task": (TASKS, TASK, PLANNED)}
    write_csv(tmp_path / "User.csv", *PEOPLE, header="Id,Name,Email,UserType")
    return [write_csv(tmp_path / f"{name}.csv", *rows, header=header) for name, (header, *rows) in files.items()]


READ = [
    ("ticket", "customer", "Outage\n\nIt is down."),
    ("ticket", "company", "We look into it."),
    ("ticket", "customer", "I want to cancel."),
    ("note", "company", "She is angry."),
    ("call", "company", "Call\n\nShe wants a discount"),
]


@pytest.mark.parametrize("together", [True, False])
def test_cases_comments_and_tasks_are_one_history(agent, export, together):
    summaries = [agent.ingest(sources, mapping="salesforce_csv") for sources in ([export] if together else export)]
    assert spoken(agent, "001A") == READ
    assert sum(summary.rejected for summary in summaries) == 0
    assert not [guess for summary in summaries for guess in summary.guesses if "lookup" in guess.about]
    assert not {
        name for row in stored(agent, "001A") for name in row.metadata if name in ("status", "isclosed", "priority")
    }
    again = [agent.ingest(path, mapping="salesforce_csv") for path in export]
    assert [(summary.added, summary.updated) for summary in again] == [(0, 0)] * 3


def test_an_older_export_of_a_case_does_not_replace_a_newer_one(agent, tmp_path):
    older = CASE.replace("It is down.", "It is slow.").replace("2026-02-05", "2026-02-03")
    for name, row in (("new", CASE), ("old", older)):
        agent.ingest(write_csv(tmp_path / f"{name}.csv", row, header=CASES), mapping="salesforce_csv")
    assert spoken(agent, "001A") == READ[:1]


def test_comments_without_users_beside_them_have_unknown_authors(agent, export, tmp_path):
    (tmp_path / "User.csv").unlink()
    summary = agent.ingest(export[1], mapping="salesforce_csv")
    assert [by for _, by, _ in spoken(agent, "001A")] == ["unknown", "unknown", "company"]
    assert "lookup User" in [guess.about for guess in summary.guesses]


def test_the_same_records_have_the_same_keys_in_tables_and_in_queries(agent, export, tmp_path):
    agent.ingest(export, mapping="salesforce_csv")
    (tmp_path / "q.json").write_text(
        '{"records": [{"Id": "500A", "AccountId": "001A", "Subject": "Outage", "Origin": "Web", "Description": "It is down.", "CreatedDate": "2026-02-01T10:00:00.000+0000"}]}'
    )
    assert agent.ingest(tmp_path / "q.json", mapping="salesforce").added == 0
