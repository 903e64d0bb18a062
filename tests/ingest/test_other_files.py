"""Attributes, labels, measurements and aliases are read with the encoding, the sheet and the decimal sign stated."""

import sqlite3
from contextlib import closing

import openpyxl
import pytest
import yaml

from churn_agent.errors import DataError
from churn_agent.history import book
from tests.conftest import write_csv

TICKETS = [("customer_id", "date", "text"), ("c1", "2026-01-01", "hello"), ("c2", "2026-01-02", "hello")]
ACCOUNTS = [("customer_id", "date", "plan"), ("c1", "2025-05-01", "gold"), ("c2", "2025-06-01", "tin")]


@pytest.fixture
def tickets(tmp_path):
    return write_csv(tmp_path / "t.csv", "c1,2026-01-01,chat,hello", "c2,2026-01-01,chat,hello")


@pytest.fixture
def mapping(tmp_path):
    def write(**settings):
        path = tmp_path / "mapping.yaml"
        path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        return path

    return write


def workbook(path, **sheets):
    file = openpyxl.Workbook()
    file.remove(file.active)
    for title, rows in sheets.items():
        sheet = file.create_sheet(title)
        for row in rows:
            sheet.append(row)
    file.save(path)
    return path


def plans(agent):
    return {id_: values["plan"] for id_, values in book.all_attributes(agent.history).items()}


@pytest.mark.parametrize("setting", ["cp850", {"customers": "cp850"}])
def test_the_encoding_reaches_attributes(agent, tickets, mapping, tmp_path, setting):
    path = tmp_path / "people.csv"
    path.write_bytes("customer_id,plan\nc1,Müller-Öl\n".encode("cp850"))
    agent.ingest(tickets, customers=path, mapping=mapping(encoding=setting), unknown_is="customer")
    assert plans(agent) == {"c1": "Müller-Öl"}


def test_the_encoding_reaches_outcomes_measurements_and_aliases(agent, tickets, mapping, tmp_path):
    labels, measured, aliases = (tmp_path / f"{name}.csv" for name in ("labels", "measured", "aliases"))
    labels.write_bytes("customer_id,as_of,churned,why\nc1,2026-02-01,1,zu teuer für Öl\n".encode("cp850"))
    measured.write_bytes("customer_id,date,metric,value\nc1,2026-01-05,Käufe,3\n".encode("cp850"))
    aliases.write_bytes("old,new\nBärbel,c2\n".encode("cp850"))
    files = {"labels": labels, "measurements": measured, "aliases": aliases}
    agent.ingest(tickets, mapping=mapping(encoding="cp850"), unknown_is="customer", **files)
    [label] = agent.store.labels()
    assert label.metadata == {"why": "zu teuer für Öl"}
    assert [series.metric for series in agent.store.snapshot("c1", as_of="2026-02-01").measurements] == ["Käufe"]
    assert agent.store.aliases() == {"Bärbel": "c2"}


def test_a_file_in_utf8_stays_so_whatever_the_encoding_of_the_interactions(agent, mapping, tmp_path):
    old, people = tmp_path / "t.csv", tmp_path / "people.csv"
    old.write_bytes("customer_id,timestamp,text\nc1,2026-01-01,schönes Öl\n".encode("cp850"))
    people.write_text("customer_id,plan\nc1,Müller\n", encoding="utf-8")
    agent.ingest(old, customers=people, mapping=mapping(encoding="cp850"), unknown_is="customer")
    assert plans(agent) == {"c1": "Müller"}
    assert agent.store.snapshot("c1").interactions[0].text == "schönes Öl"


def test_an_encoding_stated_for_the_attributes_must_be_theirs(agent, tickets, mapping, tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes("customer_id,plan\nc1,Müller\n".encode("cp850"))
    with pytest.raises(DataError, match=r"people.csv: is not utf-8 text"):
        agent.ingest(tickets, customers=path, mapping=mapping(encoding={"customers": "utf-8"}), unknown_is="customer")


def test_a_guessed_encoding_of_attributes_is_shown_with_the_line_that_changes_it(agent, tickets, tmp_path):
    path, lines = tmp_path / "people.csv", []
    path.write_bytes("customer_id,plan\nc1,Müller\n".encode("cp1252"))
    agent.store._notify = lines.append
    summary = agent.ingest(tickets, customers=path, unknown_is="customer")
    assert any("decoded it has 'Müller'); to change it: encoding: {customers: cp850}" in line for line in lines)
    assert [guess.mapping for guess in summary.guesses if "people.csv" in guess.about] == [
        "encoding: {customers: cp850}"
    ]


def test_the_sheet_reaches_attributes(agent, tickets, tmp_path):
    path = workbook(tmp_path / "people.xlsx", Q1=[ACCOUNTS[0], ACCOUNTS[1]], Q2=[ACCOUNTS[0], ACCOUNTS[2]])
    agent.ingest(tickets, customers=path, sheet="Q2", unknown_is="customer")
    assert plans(agent) == {"c2": "tin"}


def test_a_sheet_of_the_interactions_need_not_be_in_the_file_of_attributes(agent, tmp_path):
    tickets = workbook(tmp_path / "t.xlsx", Notes=[("a",)], Q1=TICKETS)
    people = workbook(tmp_path / "people.xlsx", Accounts=ACCOUNTS)
    agent.ingest(tickets, customers=people, sheet="Q1", unknown_is="customer")
    assert plans(agent) == {"c1": "gold", "c2": "tin"}


def test_one_workbook_holds_interactions_and_attributes(agent, mapping, tmp_path):
    path = workbook(tmp_path / "book.xlsx", Tickets=TICKETS, Accounts=ACCOUNTS)
    sheets = mapping(sheet={"interactions": "Tickets", "customers": "Accounts"})
    agent.ingest(path, customers=path, mapping=sheets, unknown_is="customer")
    assert plans(agent) == {"c1": "gold", "c2": "tin"}


def test_a_sheet_named_after_its_kind_is_found(agent, tmp_path):
    path = workbook(tmp_path / "book.xlsx", interactions=TICKETS, customers=ACCOUNTS)
    agent.ingest(path, customers=path, unknown_is="customer")
    assert plans(agent) == {"c1": "gold", "c2": "tin"}


def test_a_sheet_stated_for_the_attributes_must_be_there(agent, tickets, mapping, tmp_path):
    path = workbook(tmp_path / "people.xlsx", Accounts=ACCOUNTS)
    with pytest.raises(DataError, match="no sheet 'Konten'"):
        agent.ingest(tickets, customers=path, mapping=mapping(sheet={"customers": "Konten"}), unknown_is="customer")


def test_a_table_of_a_database_named_after_its_kind_is_found(agent, tickets, tmp_path):
    path = tmp_path / "book.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, (header, *rows) in {"interactions": TICKETS, "customers": ACCOUNTS}.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(header)})")
            connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?)", rows)  # noqa: S608 - our names
    agent.ingest(path, customers=path, unknown_is="customer")
    assert plans(agent) == {"c1": "gold", "c2": "tin"}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE customers RENAME TO accounts")
    with pytest.raises(DataError, match="has no table 'customers'; the tables are accounts, interactions"):
        agent.ingest([], customers=path)


def test_the_decimal_sign_reaches_the_other_files(agent, tickets, mapping, tmp_path):
    people = write_csv(tmp_path / "people.csv", "c1;1.234", header="customer_id;arr")
    labels = write_csv(
        tmp_path / "labels.csv", "c1;2026-02-01;contracted;1.500", header="customer_id;as_of;kind;amount"
    )
    measured = write_csv(tmp_path / "m.csv", "c1;2026-01-05;spend;2.500", header="customer_id;date;metric;value")
    files = {"customers": people, "labels": labels, "measurements": measured}
    agent.ingest(tickets, mapping=mapping(decimal=","), unknown_is="customer", **files)
    assert book.all_attributes(agent.history)["c1"] == {"arr": "1234"}
    assert [label.amount for label in agent.store.labels()] == [1500]
    assert [series.latest for series in agent.store.snapshot("c1", as_of="2026-02-01").measurements] == [2500]


def test_a_column_that_contradicts_the_decimal_sign_decides_for_itself(agent, tickets, mapping, tmp_path):
    people = write_csv(tmp_path / "people.csv", 'c1,"1,234.50"', 'c2,"2,000.25"', header="customer_id,arr")
    agent.ingest(tickets, customers=people, mapping=mapping(decimal=","), unknown_is="customer")
    assert {id_: values["arr"] for id_, values in book.all_attributes(agent.history).items()} == {
        "c1": "1234.5",
        "c2": "2000.25",
    }
