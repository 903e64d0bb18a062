"""Reports and files for other programs."""

import csv
import io
from datetime import date

import pytest
from openpyxl import load_workbook

from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.domain.snapshot import Snapshot
from tests.field.books import lines, put

CHATS = lines(
    "customer_id,created_at,channel,direction,text",
    "007,2025-03-02,chat,inbound,I want to cancel my contract now",
    "MÜ-1,2025-03-20,chat,inbound,Ich kündige – größter Ärger 😡",
)


def assessed(cli, tmp_path, people=None, chats=CHATS):
    more = ("--customers", put(tmp_path / "people.csv", people)) if people else ()
    assert cli("ingest", put(tmp_path / "t.csv", chats), *more).code == 0
    assert cli("batch", "--model", "scripted").code == 0


# 42, 43
@pytest.fixture
def nothing_to_renew(cli, tmp_path):
    rows = ("007,0001-01-01,Jörg Meyer", "MÜ-1,1900-01-01,Jörg Meyer")
    assessed(cli, tmp_path, lines("customer_id,renewal_date,owner", *rows))
    return tmp_path


def test_dates_of_nothing_are_shown_nowhere(cli, nothing_to_renew):
    assert cli("report", "-o", "r.xlsx").code == 0
    cells = [cell for sheet in load_workbook("r.xlsx") for row in sheet.iter_rows(values_only=True) for cell in row]
    assert not [cell for cell in cells if str(cell).startswith(("0001", "1900"))]
    assert cli("digest", "--owner", "Jörg Meyer", "-o", "d.eml").code == 0
    digest = (nothing_to_renew / "d.eml").read_text(encoding="utf-8")
    assert "0001-01-01" not in digest
    assert "1900-01-01" not in digest


def test_a_calendar_without_an_entry_is_said_and_not_written(cli, nothing_to_renew):
    done = cli("report", "-o", "r.ics")
    assert "not written: no customer at risk has a renewal to come" in done.err
    assert not (nothing_to_renew / "r.ics").exists()


# 44
def test_a_csv_report_opens_in_a_spreadsheet_with_its_letters_and_zeros(cli, tmp_path):
    assessed(cli, tmp_path)
    assert cli("report", "-o", "r.csv").code == 0
    raw = (tmp_path / "r.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    ids = {row["customer_id"] for row in csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))}
    assert "MÜ-1" in ids
    assert "007" not in ids  # a spreadsheet would read it as 7
    assert any("007" in id_ for id_ in ids)


# 83
def test_a_page_shows_scripts_of_all_directions(cli, tmp_path):
    said = "أريد الإلغاء 😡 please cancel my contract now"
    assessed(
        cli,
        tmp_path,
        chats=lines("customer_id,created_at,channel,direction,text", f"r1,2025-03-02,chat,inbound,{said}"),
    )
    assert cli("report", "-o", "r.html").code == 0
    assert "أريد الإلغاء" in (tmp_path / "r.html").read_text(encoding="utf-8")


# 88
def test_who_got_more_back_than_they_paid_is_not_ranked_below_who_is_safe(cli, tmp_path):
    rows = (
        "big,2024-12-01,order,inbound,7000,yearly order",
        "big,2025-02-10,refund,outbound,-7000,refund of the yearly order",
        "big,2025-02-11,refund,outbound,-200,goodwill",
        "big,2025-02-20,chat,inbound,,I want to cancel my contract now",
        "small,2025-02-10,order,inbound,6,sticker",
        "small,2025-02-20,chat,inbound,,All is well with the boiler",
        "none,2025-02-20,chat,inbound,,I want to cancel my contract at once",
    )
    assessed(cli, tmp_path, chats=lines("customer_id,created_at,channel,direction,amount,text", *rows))
    assert cli("report", "-o", "r.csv").code == 0
    table = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text(encoding="utf-8-sig"))))
    by_id = {row["customer_id"]: row for row in table}
    assert not [row for row in table if (row.get("value_at_risk") or "0").startswith("-")]
    assert list(by_id)[-1] == "small"


# 39
@pytest.mark.parametrize(
    ("term", "bound"),
    [
        ("24 months", True), ("12-month commitment", True), ("Jahresvertrag", True), ("2 Jahre", True),
        ("monthly, 12-month commitment", True), ("annual", True), ("Monthly", False), ("month-to-month", False),
        ("monatlich kündbar", False),
    ],
)  # fmt: skip
def test_terms_of_contracts_are_understood(agent, tmp_path, term, bound):
    chats = put(
        tmp_path / "t.csv",
        lines("customer_id,created_at,channel,direction,text", "k1,2025-03-01,chat,inbound,All is well"),
    )
    agent.ingest(chats, customers=put(tmp_path / "people.csv", lines("customer_id,contract", f'k1,"{term}"')))
    [fact] = [fact.text for fact in agent.assess("k1").facts if fact.name == "monthly_contract"]
    assert ("is bound for a term" in fact) is bound


def test_two_writings_of_the_same_term_have_the_same_score(agent, tmp_path):
    ids = {"k1": "24 months", "k2": "Zweijahresvertrag", "k3": "2 years"}
    chats = [f"{id_},2025-03-01,chat,inbound,All is well" for id_ in ids]
    people = [f"{id_},{term}" for id_, term in ids.items()]
    agent.ingest(
        put(tmp_path / "t.csv", lines("customer_id,created_at,channel,direction,text", *chats)),
        customers=put(tmp_path / "people.csv", lines("customer_id,contract", *people)),
    )
    assert len({agent.assess(id_).churn_probability for id_ in ids}) == 1


# 35
def test_a_batch_by_default_is_of_no_day_to_come(agent, tmp_path):
    rows = ("k1,2025-03-01,chat,inbound,hello", "k2,2025-03-04,chat,inbound,hi", "k3,2071-03-04,chat,inbound,hey")
    agent.ingest(put(tmp_path / "t.csv", lines("customer_id,created_at,channel,direction,text", *rows)))
    run = run_batch(agent, tmp_path / "r.jsonl", BatchSpec())
    assert run.as_of == date(2025, 3, 4)
    assert isinstance(agent.snapshot("k1"), Snapshot)
