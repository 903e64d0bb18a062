"""The commands of the pages that newcomers read first work as written, on a small input of each kind."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import write_csv

ROOT = Path(__file__).parents[1]
DATA = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
HEADER = "customer_id,created_at,direction,message"
ROWS = ["c-102,2026-01-10 10:00,inbound,It is down again", "c-102,2026-02-01 10:00,outbound,We look into it"]
ELSEWHERE = {"index", "search", "assess", "label", "evidence"}
"""Commands that need weights or a person; other tests run them."""
SHIPPED = re.compile(r"--mapping (?!mapping\.yaml|calls\.yaml)\w+$")
"""Commands with a shipped mapping; test_exports runs these."""


def commands(page):
    """All commands in blocks of shell and in tables."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    lines += re.findall(r"^\|[^|]*\| `(churn-agent [^`]+)`", page, re.M)
    lines += re.findall(r", `(churn-agent ingest tickets\.xlsx)`", page)
    return list(dict.fromkeys(line for line in lines if line.startswith("churn-agent ")))


def runs_here(command):
    words = command.split()
    return words[1] not in ELSEWHERE and "://" not in command and "..." not in command and not SHIPPED.search(command)


def yaml_of(page, first_line):
    """A block of YAML of the page, by its first line."""
    return re.search(rf"```yaml\n({re.escape(first_line)}.*?)```", page, re.S)[1]


def mails(path):
    path.write_text(
        "From ana@home.example Mon Feb  2 10:00:00 2026\nFrom: ana@home.example\nTo: support@acme.example\n"
        "Date: Mon, 2 Feb 2026 10:00:00 +0000\nMessage-ID: <1@home.example>\nSubject: bill\n\nI want to cancel.\n"
    )


def tables(folder):
    import duckdb
    import pandas

    frame = pandas.DataFrame([row.split(",") for row in ROWS], columns=HEADER.split(","))
    frame.to_parquet(folder / "tickets.parquet")
    frame.to_excel(folder / "tickets.xlsx", index=False)
    with duckdb.connect(folder / "book.duckdb") as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE interactions AS SELECT * FROM frame")
    (folder / "export").mkdir()
    frame.to_json(folder / "export" / "a.jsonl", orient="records", lines=True)


def orders():
    days = ["2025-03-01", "2025-06-01", "2025-08-01", "2026-02-01"]
    return [f"c-{n},{day},order,tea" for n, day in enumerate(days)] + [f"c-1,{day},order,tea" for day in days]


@pytest.fixture
def folder(tmp_path, cli):
    """A folder with all inputs that the page names, and a store with two imports."""
    (tmp_path / "card.yaml").write_text(yaml_of(DATA, "company: Acme Telecom"))
    (tmp_path / "mapping.yaml").write_text(yaml_of(DATA, "# mapping.yaml"))
    (tmp_path / "calls.yaml").write_text(yaml_of(DATA, "# calls.yaml"))
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "C7_2026-03-01.vtt").write_text(
        "WEBVTT\n\n00:00.000 --> 00:02.000\n<v Maria Keller>Hello.\n\n00:02.000 --> 00:04.000\n<v Ana>I want to leave.\n"
    )
    mails(tmp_path / "support.mbox")
    write_csv(tmp_path / "texts.csv", "c-102,2026-01-10,It is down", header="customer_id,date,text")
    write_csv(tmp_path / "interactions.csv", *ROWS, header=HEADER)
    write_csv(tmp_path / "usage.csv", "c-102,2026-01-10,logins,5", header="customer_id,date,metric,value")
    write_csv(tmp_path / "merged.csv", "lead-9,c-101", header="old,new")
    return tmp_path


def tickets(folder, command):
    """The file of tickets, with the columns that the command expects."""
    if "mapping.yaml" in command or "imports" in command:
        rows = ["7,01.02.2026 10:00,Ich möchte kündigen,1200,ein,open", "7,02.02.2026 11:00,Wir prüfen,,aus,solved"]
        write_csv(folder / "tickets.csv", *rows, header="Kunde,Erfasst,Anfrage,Rappen,Art,Status")
    else:
        write_csv(folder / "tickets.csv", *ROWS, header=HEADER)


@pytest.mark.parametrize("command", [each for each in commands(DATA) if runs_here(each)])
def test_a_command_of_the_page_about_data_works(cli, folder, command):
    words = shlex.split(command)[1:]
    tickets(folder, command)
    if re.search(r"parquet|xlsx|duckdb|jsonl", command):
        tables(folder)
    if words[0] == "labels":
        cli("ingest", write_csv(folder / "o.csv", *orders(), header="customer_id,timestamp,channel,text"))
    if words[0] in ("imports", "data", "show", "aliases"):
        cli("ingest", folder / "tickets.csv", "--mapping", folder / "mapping.yaml")
        cli("ingest", folder / "interactions.csv")
    words = ["c-102" if word == "CUSTOMER_ID" else word for word in words]
    more = ["--yes"] if words[:2] == ["imports", "undo"] else []
    result = cli(*words, *more)
    assert result.code == 0, result.err
    if words[0] == "ingest":
        kinds = {"--measurements": "measurements?", "--aliases": "alias"}
        what = next((what for option, what in kinds.items() if option in words), "interactions? (would be )?added")
        assert re.search(rf"[1-9]\d* {what}", result.out), result.out
        assert "rejected" not in result.out


def test_the_page_has_the_commands_that_are_tried():
    tried = [each for each in commands(DATA) if runs_here(each)]
    assert len(tried) >= 15
    for part in (
        "--dry-run",
        "imports undo",
        "imports redo",
        "--own",
        "calls.yaml",
        "--unknown-is",
        "labels derive",
        "parquet",
    ):
        assert any(part in each for each in tried), part


@pytest.mark.parametrize("directed", [True, False], ids=["with a direction", "without"])
def test_the_readmes_own_csv_is_read_as_a_newcomer_expects(cli, tmp_path, directed):
    rows = ROWS if directed else [",".join(row.split(",")[:2] + row.split(",")[3:]) for row in ROWS[:1]]
    write_csv(tmp_path / "interactions.csv", *rows, header=HEADER if directed else HEADER.replace("direction,", ""))
    ingest, assess = commands(README.partition("Two commands take you")[2].partition("From Python")[0])
    first = cli(*shlex.split(ingest)[1:])
    assert first.code == 0
    assert ("--unknown-is customer" in first.err) != directed
    if not directed:
        assert "--unknown-is customer" in README
        assert cli(*shlex.split(ingest)[1:], "--unknown-is", "customer").code == 0
    record = cli(*shlex.split(assess)[1:], "--model", "scripted", "--prompt", "direct", "--json")
    assert record.json["left_out"]["unattributed"] == 0
    assert len(record.json["provenance"]["evidence_ids"]) == 1


def test_the_first_lines_say_what_was_understood(cli, folder):
    tickets(folder, "")
    command = next(each for each in commands(DATA) if "--dry-run" in each)
    shown = cli(*shlex.split(command)[1:])
    assert shown.out.startswith("As understood (times in Europe/Zurich; [not read]):\n  c-102 (2 texts)\n")
    document = cli(*shlex.split(command)[1:], "--json").json
    assert json.dumps(document["examples"]).count("It is down again") == 1
