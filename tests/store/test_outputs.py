"""An output never replaces a file that the command reads, a file of the store, or another file of the user."""

import os
import sqlite3

import pytest

from churn_agent.errors import InputError
from tests.conftest import write_csv

HEADER = "customer_id,date,text,direction"
ROWS = ",2026-03-01,no id,inbound", "c-1,2026-03-01,I cancel,inbound"


def contents(folder):
    return {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def inputs(tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    write_csv(folder / "a.csv", *ROWS, header=HEADER)
    write_csv(folder / "labels.csv", "c-1,2026-03-01,1", header="customer_id,as_of,churned")
    write_csv(folder / "people.csv", "c-1,smb", header="customer_id,segment")
    write_csv(folder / "usage.csv", "c-1,2026-03-01,logins,3", header="customer_id,date,metric,value")
    write_csv(folder / "ids.csv", "old,c-1", header="old,new")
    (folder / "card.yaml").write_text("company: Acme\n")
    (folder / "mapping.yaml").write_text("columns: {text: text}\n")
    (folder / "notes.txt").write_text("mine")
    os.link(folder / "a.csv", folder / "link.csv")
    (folder / "soft.csv").symlink_to("a.csv")
    return folder


OTHERS = ("labels", "labels.csv"), ("customers", "people.csv"), ("measurements", "usage.csv"), ("aliases", "ids.csv")
OPTIONS = (*OTHERS, ("card", "card.yaml"), ("mapping", "mapping.yaml"))


@pytest.mark.parametrize("extra", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    "name", ["a.csv", "link.csv", "soft.csv", "../inputs/a.csv", "notes.txt", *(file for _, file in OPTIONS)]
)
def test_rejected_rows_do_not_replace_a_file_of_the_user(cli, inputs, name, extra):
    before = contents(inputs)
    options = [part for option, file in OPTIONS for part in (f"--{option}", inputs / file)]
    result = cli("ingest", inputs / "a.csv", *options, "--rejects", inputs / name, *extra)
    assert (result.code, result.out) == (2, "")
    assert name.rpartition("/")[2] in result.err.splitlines()[-1]
    assert contents(inputs) == before


@pytest.mark.parametrize("as_url", [True, False])
def test_rejected_rows_do_not_replace_a_database(agent, tmp_path, as_url):
    path = tmp_path / "book.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE interactions (customer_id, date, text, direction)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="input of this command"):
        agent.ingest(f"sqlite:///{path}" if as_url else path, rejects=path)
    assert path.read_bytes() == before


def test_rejected_rows_replace_earlier_ones(cli, inputs, tmp_path):
    rejects = tmp_path / "rejects.jsonl"
    rejects.touch()
    for _ in range(2):
        assert cli("ingest", inputs / "a.csv", "--rejects", rejects).code == 0
        assert len(rejects.read_text().splitlines()) == 1
    assert cli("ingest", rejects, "--rejects", rejects).code == 2


@pytest.mark.parametrize("option", ["--rejects", "--write-mapping"])
@pytest.mark.parametrize("name", ["history.db", "index/x", "batches/x.jsonl"])
def test_an_import_writes_nothing_over_the_store(cli, inputs, tmp_path, option, name):
    for _ in ("a new store", "one with an import"):
        result = cli("ingest", inputs / "a.csv", option, tmp_path / "store" / name)
        assert result.code == 2
        assert "store" in result.err.splitlines()[-1]
        cli("ingest", inputs / "a.csv")
    assert cli("customers").out.startswith("c-1\t1")


def test_the_mapping_and_the_rejected_rows_go_to_different_files(cli, inputs, tmp_path):
    file = tmp_path / "new.yaml"
    assert cli("ingest", inputs / "a.csv", "--rejects", file, "--write-mapping", file).code == 2
    assert not file.exists()


@pytest.mark.parametrize(
    "command",
    [
        ("assess", "c-1", "-o", "store/methods/x.json"),
        ("data", "report", "-o", "store/methods/x.json"),
        ("report", "-o", "store/batches/x.jsonl"),
        ("check", "cases.yaml", "-o", "cases.yaml"),
        ("check", "cases.yaml", "--junit", "cases.yaml"),
    ],
)
def test_other_commands_replace_neither_their_input_nor_the_store(cli, inputs, tmp_path, command, monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_MODEL", "scripted")
    cli("ingest", inputs / "a.csv")
    for name in ("store/methods/x.json", "store/batches/x.jsonl", "cases.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("- text: I cancel\n")
    result = cli(*command)
    assert (result.code, result.out) == (2, "")
    assert "name another file" in result.err.splitlines()[-1]
    assert (tmp_path / command[-1]).read_text() == "- text: I cancel\n"
