import json
import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from churn_agent.cli import main
from churn_agent.settings import Settings
from churn_agent.store.store import Store
from tests.conftest import write_csv

ROWS = [
    'c-101,2026-02-20,chat,"The line is down again, I will leave."',
    "c-101,2026-01-10,order,tea",
    "c-102,2026-02-01,chat,hi",
]
SCRIPTED = ["--model", "scripted", "--prompt", "direct"]


@pytest.fixture
def book(cli, tmp_path):
    cli("ingest", write_csv(tmp_path / "a.csv", *ROWS))
    return cli


def commands(group=main.cli, before=()):
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_says_what_it_does(words):
    result = CliRunner().invoke(main.cli, [*words, "--help"])
    assert result.exit_code == 0
    body = result.output.split("\n\n")[1].strip()
    assert len(body) > 15


def test_help_loads_nothing_heavy():
    code = "import sys; from churn_agent.cli.main import run; run(['--help']); print('\\nloaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    heavy = {"torch", "chromadb", "llama_cpp", "sentence_transformers", "openai", "numpy", "sqlalchemy", "pydantic"}
    assert loaded[0] == "loaded"
    assert heavy & set(loaded) == set()


def test_assess_prints_a_card_and_notes_apart(book):
    result = book("assess", "c-101", *SCRIPTED)
    assert result.code == 0
    assert "Customer c-101 at 2026-02-20" in result.out
    assert "uncalibrated" in result.out
    assert "no language model: the answers are scripted" in result.err
    assert "no card of the book" in result.err


def test_assess_json_is_alone_on_standard_output(book):
    result = book("assess", "c-101", *SCRIPTED, "--json")
    assert result.json["status"] == "assessed"
    assert result.json["provenance"]["model_id"] == "scripted (no language model)"
    assert set(result.json) == {
        "schema_version", "status", "status_reason", "customer_id", "as_of", "churn_probability", "band", "reasons",
        "actions", "facts", "signals", "leaning", "left_out", "provenance", "band_before", "screening",
        "care", "announced", "former", "promised", "rest", "band_reason", "corrected",
    }  # fmt: skip


def test_assess_writes_files_and_refuses_an_unknown_ending_at_once(book, tmp_path):
    assert book("assess", "c-101", *SCRIPTED, "-o", tmp_path / "x.md").code == 0
    assert "c-101" in (tmp_path / "x.md").read_text()
    result = book("assess", "c-101", "-o", tmp_path / "x.docx")
    assert result.code == 2
    assert "ends in .json or .md" in result.err


def test_a_single_text_needs_no_history(cli):
    result = cli("assess", "--text", "The service was terrible.", *SCRIPTED, "--json")
    assert result.json["customer_id"] == "(text)"


@pytest.mark.parametrize(
    "arguments",
    [
        ["assess"],
        ["assess", "c-1", "--text", "x"],
        ["assess", "--text", " "],
        ["assess", "c-1", "--as-of", "soon"],
        ["nonsense"],
    ],
)
def test_misuse_is_a_usage_error(book, arguments):
    result = book(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert "Traceback" not in result.err


def test_an_unknown_customer_is_told_the_nearest(book):
    result = book("assess", "c-10", *SCRIPTED)
    assert result.code == 2
    assert result.err.strip().splitlines()[-1] == "churn-agent: unknown customer 'c-10'; nearest: c-102, c-101"


@pytest.mark.parametrize(
    "command",
    [
        ["assess", "c-1", *SCRIPTED],
        ["evidence", "c-1", *SCRIPTED],
        ["show", "c-1"],
        ["batch", "-o", "b.jsonl", *SCRIPTED],
    ],
)
def test_an_empty_store_says_what_to_type(cli, command):
    result = cli(*command)
    assert result.code == 2
    assert "churn-agent ingest" in result.err.splitlines()[-1]


def test_a_gguf_that_is_none_leaves_with_4(book, tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"GGUFnot really")
    result = book("assess", "c-101", "--model", tmp_path / "bad.gguf")
    assert result.code == 4
    assert result.err.splitlines()[-1].startswith("churn-agent: ")
    assert "Traceback" not in result.err


def test_bad_gguf_files_never_take_the_process_down(book, data):
    folder = data / "adversarial" / "bad_gguf"
    paths = sorted(folder.glob("*.gguf"))
    assert paths
    for path in paths:
        result = book("assess", "c-101", "--model", path)
        assert result.code == 4, path.name


def test_missing_weights_leave_with_4_and_say_how_to_get_them(book, monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(tmp_path / "none"))
    result = book("assess", "c-101")
    assert result.code == 4
    assert "churn-agent models pull" in result.err


def test_bad_data_leaves_with_3_in_one_line(cli, tmp_path):
    result = cli("ingest", write_csv(tmp_path / "b.csv", "1,2", header="a,b"))
    assert result.code == 3
    assert "no column for 'customer_id'" in result.err.splitlines()[-1]


def test_ingest_tells_what_it_did(cli, tmp_path):
    result = cli("ingest", write_csv(tmp_path / "a.csv", *ROWS, "c-1,never,chat,x"))
    assert "3 interactions added, 0 already stored" in result.out
    assert "1 row was rejected" in result.out
    assert "a.csv:5: the time 'never'" in result.err.replace("\n", " ")
    assert cli("ingest", tmp_path / "a.csv", "--dry-run", "--json").json["already_known"] == 3


def test_evidence_shows_what_a_model_would_see(book):
    document = book("evidence", "c-101", *SCRIPTED, "--json").json
    assert [each["text"] for each in document["evidence"]] == ["The line is down again, I will leave."]
    shown = book("evidence", "c-101", "--model", "scripted", "--mode", "ask").out
    assert 'E2 (2026-02-20, chat, customer): "The line is down again, I will leave."' in shown


def test_customers_and_show(book):
    assert [each["customer_id"] for each in book("customers", "--json").json] == ["c-101", "c-102"]
    assert book("customers", "--search", "102").out.startswith("c-102\t1\t")
    shown = book("show", "c-101")
    assert "The line is down again" in shown.out
    assert len(book("show", "c-101", "--json").json["interactions"]) == 2


def test_texts_of_unknown_authors_are_counted_and_listed(cli, tmp_path):
    rows = [
        "c-1,2026-01-01,inbound,Ana,I leave",
        "c-1,2026-01-02,,Bo,who said this?",
        "c-1,2026-01-03,outbound,,we look",
    ]
    cli("ingest", write_csv(tmp_path / "u.csv", *rows, header="customer_id,date,direction,author,text"))
    record = cli("assess", "c-1", *SCRIPTED, "--json").json
    assert record["left_out"]["unattributed"] == 1
    assert "1 text of an unknown author was not read" in " ".join(
        cli("assess", "c-1", *SCRIPTED).out.replace("│", " ").split()
    )
    shown = cli("evidence", "c-1", *SCRIPTED).out
    assert (
        "Not read: 1 text of an unknown author (if the customer's: churn-agent ingest --unknown-is customer)" in shown
    )
    assert "- 2026-01-02, message, Bo: 'who said this?'" in shown
    document = cli("evidence", "c-1", *SCRIPTED, "--json").json
    assert [each["text"] for each in document["unattributed"]] == ["who said this?"]
    named = cli("show", "c-1", "--as-of", "2026-02-01").out
    for speaker in ("customer Ana: I leave", "unknown Bo: who said this?", "company: we look"):
        assert f"message, {speaker}" in named


def test_one_of_a_kind_is_in_the_singular(cli, tmp_path):
    header = "customer_id,timestamp,channel,direction,text,amount"
    path = write_csv(tmp_path / "one.csv", "c-1,2026-02-01,chat,inbound,hi,", header=header)
    bad = [
        "c-1,2026-02-02,chat,,who?,",
        "c-1,2026-02-03,chat,,,",
        "c-1,2999-01-01,chat,inbound,late,",
        "c-1,never,chat,,x,",
    ]
    mixed = write_csv(tmp_path / "mixed.csv", *bad, header=header)
    asked = write_csv(tmp_path / "asked.csv", "c-9,01/02/2026,x,user,hi,1.234", header=header)
    none = write_csv(tmp_path / "none.csv", "c-1,never,chat,inbound,hi,", header=header)
    mails = tmp_path / "a.eml"
    mails.write_text("From: a@home.example\nTo: b@acme.example\nDate: Mon, 2 Feb 2026 10:00:00 +0000\n\nhi\n")
    owners = write_csv(tmp_path / "owners.csv", "c-1,Sue", header="customer_id,owner")
    labels = write_csv(tmp_path / "labels.csv", "c-1,2026-02-01,1", header="customer_id,as_of,churned")
    for words in (
        ["ingest", path, "--customers", owners, "--labels", labels],
        ["ingest", mixed],
        ["ingest", asked],
        ["ingest", none],
        ["ingest", mails],
        ["imports", "list"],
        ["data", "report"],
        ["evidence", "c-1", *SCRIPTED],
        ["batch", "-o", "b.jsonl", *SCRIPTED],
        ["labels", "derive", "--event", "chat", "--none-for", "5d", "--as-of", "2026-02-02", "--dry-run"],
        ["aliases", "merge", "c-1", "c-2"],
        ["aliases", "split", "c-1"],
        ["imports", "undo", "1", "--yes"],
        ["forget", "c-1", "--yes"],
    ):
        result = cli(*words)
        plural = re.findall(
            r"\b1 (?:of 1 )?(?:\w+ )?(?:rows|texts|interactions|customers|labels|mails|dates|values|ids|forecasts|were|have)\b",
            result.out + result.err,
        )
        assert plural == [], (words, result.out, result.err)


def test_json_may_stand_before_a_subcommand(cli, tmp_path):
    assert cli("ingest", write_csv(tmp_path / "a.csv", "c-1,2026-02-01,email,hello")).code == 0
    assert cli("imports", "--json", "list").json == cli("imports", "list", "--json").json
    assert cli("imports", "--json", "show", "1").json["rows_added"] == 1
    assert "rows_added" not in cli("imports", "show", "1").out


QUOTED = """From: ana@home.example
To: help@acme.example
Date: Mon, 2 Feb 2026 10:00:00 +0000
Message-ID: <1@home.example>
Subject: Re: bill

Then I leave.

On Sun, 1 Feb 2026 at 09:00, Tim Acme <help@acme.example> wrote:
> We will not refund you.
> Tim
"""


def test_show_original_puts_what_is_not_read_in_brackets(cli, tmp_path):
    (tmp_path / "a.eml").write_text(QUOTED)
    assert cli("ingest", tmp_path / "a.eml", "--own", "@acme.example").code == 0
    [customer] = cli("customers", "--json").json
    read = cli("show", customer["customer_id"]).out
    assert "Then I leave." in read
    assert "refund" not in read
    whole = cli("show", customer["customer_id"], "--original").out
    assert "Then I leave." in whole
    quote = whole.partition("[quote: ")[2].partition("]")[0]
    assert quote.strip().startswith(
        "On Sun, 1 Feb 2026 at 09:00, Tim Acme <help@acme.example> wrote:\n> We will not refund you."
    )


def test_batch_writes_records_and_goes_on(book, tmp_path):
    first = book("batch", "-o", tmp_path / "out.jsonl", *SCRIPTED, "--json").json
    again = book("batch", "-o", tmp_path / "out.jsonl", *SCRIPTED, "--json").json
    assert (first["assessed"], again["already_done"]) == (2, 2)


def test_a_partly_failed_batch_leaves_with_5(book, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps({"generate": [{"contains": '"h', "error": "broke"}]}))
    result = book(
        "batch", "-o", tmp_path / "out.jsonl", "--model", f"scripted:{tmp_path / 's.json'}", "--prompt", "direct"
    )
    assert result.code == 5
    assert "1 failed" in result.out
    assert "--only-failed" in result.out
    assert "broke" in (tmp_path / "out.failures.jsonl").read_text()


def test_batches_and_their_log(book):
    dry = book("batch", "--dry-run", *SCRIPTED)
    assert dry.out.startswith("2 customers, 0 done earlier; 2 would be assessed\nabout ")
    assert "900 tokens and 1.2 s for each of 2 messages, as with the default model on two cores" in dry.out
    first = book("batch", "--deep-top", "1", *SCRIPTED, "--json").json
    assert (first["assessed"], first["screened"]) == (1, 1)
    second = book("batch", *SCRIPTED, "--as-of", "2026-05-01", "--json").json
    listed = book("runs", "list", "--json").json
    assert [run["id"] for run in listed] == [second["run_id"], first["run_id"]]
    assert "2026-05-01" in book("runs", "list").out
    assert "top: {'count': 1, 'share': None}" in book("runs", "show", first["run_id"][:8]).out
    assert book("runs", "show", "--json").json["id"] == second["run_id"]
    assert "as of: " in book("runs", "diff", first["run_id"][:8], "latest").out
    assert book("runs", "diff", "no", "such").code == 2
    spent = book("batch", "--budget", "0s", *SCRIPTED, "--prompt", "direct")
    assert spent.code == 5
    assert "the budget is spent: 1 customer is left" in spent.out


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_condition_that_fits_nobody_says_what_values_there_are(book, tmp_path, more):
    (tmp_path / "customers.csv").write_text("customer_id,segment\nc-101,smb\nc-102,large\n", encoding="utf-8")
    book("ingest", tmp_path / "a.csv", "--customers", tmp_path / "customers.csv")
    result = book("batch", "--where", "segment = smal", *more, *SCRIPTED)
    assert result.code == 0
    assert "no customer matches 'segment = smal'; the most frequent values are: segment: smb, large" in result.err
    assert "no customer matches" not in book("batch", "--where", "segment = smb", *more, *SCRIPTED).err


def test_an_interruption_leaves_with_130(book, monkeypatch):
    from churn_agent.assessing.agent import ChurnAgent

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(ChurnAgent, "assess", interrupt)
    result = book("assess", "c-101", *SCRIPTED)
    assert result.code == 130
    assert "interrupted" in result.err


def test_a_bug_keeps_its_traceback(book, monkeypatch):
    from churn_agent.assessing.agent import ChurnAgent

    monkeypatch.setattr(ChurnAgent, "assess", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        book("assess", "c-101", *SCRIPTED)


def test_doctor_names_the_next_step(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(tmp_path / "none"))
    result = cli("doctor")
    assert result.code == 4
    assert "next: churn-agent models pull" in result.out


def test_models_list_marks_the_defaults(cli):
    rows = cli("models", "list", "--json").json
    assert {row["name"] for row in rows if row["default"]} == {
        "qwen2.5-coder-1.5b-instruct",
        "multilingual-e5-small-q4",
    }


def test_the_demo_runs_from_nothing_to_a_card(cli, monkeypatch, tmp_path):
    from churn_agent.store import store as stores

    monkeypatch.setattr(stores.Store, "index", lambda self, **_: 0)  # the real embedder is tested with the real model
    result = cli("demo", "--customers", "12", "--domain", "finance", *SCRIPTED)
    assert result.code == 0, result.err
    assert "SYNTHETIC" in result.out
    commands_ = [shlex.split(line)[1:] for line in result.out.splitlines() if line.startswith("  churn-agent ")]
    assert len(commands_) == 5
    assert {tuple(words[:2]) for words in commands_} == {("--store", str(tmp_path / "demo-store"))}
    assert len(cli(*commands_[0]).out.splitlines()) == 12
    again = cli("demo", "--customers", "12", "--domain", "telecom", *SCRIPTED)
    assert again.code == 2
    assert "holds another book" in again.err


def test_the_demo_leaves_ones_own_book_alone(book, monkeypatch, tmp_path):
    from churn_agent.store import store as stores

    monkeypatch.setattr(stores.Store, "index", lambda self, **_: 0)
    (tmp_path / "card.yaml").write_text("company: My Company\n")
    assert book("ingest", "--card", tmp_path / "card.yaml").code == 0
    before = book("customers").out
    assert book("demo", "--customers", "12", *SCRIPTED).code == 0
    assert book("customers").out == before
    assert Store(Settings.load()).card.company == "My Company"
    assert book("--store", tmp_path / "store", "demo", "--customers", "12", *SCRIPTED).code == 2


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_a_card_of_another_company_is_refused(book, tmp_path, how):
    (tmp_path / "card.yaml").write_text("company: My Company\nhorizon_days: 30\n")
    (tmp_path / "other.yaml").write_text("company: Another One\n")
    assert book("ingest", "--card", tmp_path / "card.yaml").code == 0
    more = write_csv(tmp_path / "b.csv", "c-900,2026-02-01,chat,hello")
    refused = book("ingest", more, "--card", tmp_path / "other.yaml", *how)
    assert refused.code == 2
    [line] = [each for each in refused.err.splitlines() if each.startswith("churn-agent: ")]
    assert "--replace-card" in line
    assert "My Company" in line
    assert "c-900" not in book("customers").out
    assert Store(Settings.load()).card.horizon_days == 30


def test_a_card_of_another_company_replaces_the_stored_one_on_request(book, tmp_path):
    for company in ("My Company", "Another One"):
        (tmp_path / "card.yaml").write_text(f"company: {company}\n")
        assert book("ingest", "--card", tmp_path / "card.yaml", "--replace-card").code == 0
        assert Store(Settings.load()).card.company == company


@pytest.mark.parametrize("number", [0, 99, 2**63, 10**30])
@pytest.mark.parametrize("command", [("show",), ("undo", "--yes"), ("redo",)])
def test_an_import_that_is_not_there_is_reported_in_one_line(cli, number, command):
    result = cli("imports", *command, number)
    assert (result.code, result.out) == (2, "")
    assert f"no import {number}" in result.err.splitlines()[-1]
