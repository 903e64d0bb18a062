"""What goes wrong in the first hour is named: stores that are not there, commands to type, words that are sent away."""

import json
import shlex
import sys
from contextlib import closing

import pytest

from churn_agent.cli import names
from churn_agent.models import opening
from churn_agent.settings import Settings
from churn_agent.store.store import Store
from tests.cli.test_commands import commands
from tests.conftest import write_csv

ROWS = ["c-1,2026-02-20,chat,The line is down again"]
OTHER_STORES = {"eval", "demo", "ingest", "models", "trust", "schema"}
"""Commands that make stores, or use none."""
ARGUMENTS = {
    "forget": ["c-1", "--yes"],
    "show": ["c-1"],
    "retro": ["c-1"],
    "search": ["line"],
    "evidence": ["c-1", "--model", "scripted"],
    "assess": ["c-1", "--model", "scripted"],
    "report": ["-o", "r.md"],
    "check": ["cases.yaml"],
    "actions log": ["c-1", "retention_call"],
    "aliases merge": ["a", "b"],
    "aliases split": ["a"],
    "feedback import": ["a.csv"],
    "corrections add": ["c-1", "price", "--containing", "line", "--not-shown"],
    "corrections show": ["1"],
    "corrections approve": ["1"],
    "corrections undo": ["1"],
    "corrections export": ["-o", "c.jsonl"],
    "outcomes import": ["a.csv"],
    "labels derive": ["--event", "chat", "--none-for", "90d", "--as-of", "2026-02-20"],
    "ledger show": ["c-1"],
    "runs diff": ["a", "b"],
    "runs properties": ["--for", "hubspot", "--dry-run"],
    "audit import": ["a.csv"],
    "brief": ["c-1"],
    "tasks show": ["1"],
    "tasks set": ["1", "--state", "working"],
    "tasks export": ["-o", "tasks.csv"],
    "tasks import": ["a.csv"],
    "imports undo": ["1", "--yes"],
    "imports show": ["1"],
    "imports redo": ["1"],
    "data imports undo": ["1", "--yes"],
    "data imports show": ["1"],
    "data imports redo": ["1"],
}


@pytest.fixture(scope="module")
def acme(tmp_path_factory):
    """A store."""
    folder = tmp_path_factory.mktemp("stores")
    with closing(Store(Settings(store=folder / "acme"))) as store:
        store.ingest([write_csv(folder / "a.csv", *ROWS)])
    return folder / "acme"


def leaves():
    for words in commands():
        if words[0] not in OTHER_STORES and not hasattr(find(words), "commands"):
            yield words


def find(words):
    from churn_agent.cli.main import cli

    command = cli
    for word in words:
        command = command.commands[word]
    return command


@pytest.mark.parametrize("words", list(leaves()), ids=" ".join)
def test_a_misspelt_store_is_named_and_not_made(cli, acme, tmp_path, words):
    for name in ("a.csv", "cases.yaml"):
        (tmp_path / name).write_text("- id: c-1\n")
    store = acme.with_name("amce")
    result = cli("--store", store, *words, *ARGUMENTS.get(" ".join(words), []))
    assert not store.exists()
    if words != ("doctor",):
        assert result.code == 2, result.err
        assert f"there is no store in '{store}'; did you mean '{acme}'?" in result.err


def test_the_folder_of_stores_is_not_a_store(cli, acme):
    before = sorted(acme.parent.iterdir())
    result = cli("--store", acme.parent, "customers")
    assert result.code == 2
    assert f"did you mean '{acme}'?" in result.err
    assert sorted(acme.parent.iterdir()) == before


def test_a_store_that_no_other_resembles_says_how_to_make_one(cli, tmp_path):
    result = cli("--store", tmp_path / "none", "customers")
    assert result.code == 2
    assert "churn-agent --store FOLDER ingest FILE.csv" in result.err


def test_a_new_store_is_announced_once(cli, tmp_path):
    file = write_csv(tmp_path / "a.csv", *ROWS)
    assert f"new store: {tmp_path / 'new'}" in cli("--store", tmp_path / "new", "ingest", file).err
    assert "new store" not in cli("--store", tmp_path / "new", "ingest", file).err


@pytest.fixture
def off_the_path(monkeypatch):
    """The command, called by its path in an environment that is not active."""
    monkeypatch.setattr(names.shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "argv", [".venv/bin/churn-agent"])


def test_commands_to_type_have_the_path_that_the_shell_does_not_know(off_the_path, cli):
    assert "run: .venv/bin/churn-agent ingest FILE.csv" in cli("customers").err
    assert "run: .venv/bin/churn-agent ingest FILE.csv" in cli("show", "c-1").err
    assert cli("show", "c-1").err.splitlines()[-1].startswith("churn-agent: ")


def test_the_demo_names_commands_that_can_be_typed(off_the_path, cli, monkeypatch):
    from churn_agent.store import store as stores

    monkeypatch.setattr(stores.Store, "index", lambda self, **_: 0)
    result = cli("demo", "--customers", "12", "--model", "scripted", "--prompt", "direct")
    lines = [line for line in result.out.splitlines() if "churn-agent --store" in line]
    assert len(lines) == 8
    assert all(".venv/bin/churn-agent" in shlex.split(line) for line in lines)


def test_a_name_that_the_shell_finds_stays_a_name(monkeypatch):
    monkeypatch.setattr(sys, "argv", [".venv/bin/churn-agent"])
    monkeypatch.setattr(names.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert names.as_typed("run: churn-agent ingest FILE.csv") == "run: churn-agent ingest FILE.csv"


@pytest.mark.parametrize(
    "text", ["churn-agent: wrong", "'a/churn-agent ingest'", "a version of churn-agent that is older"]
)
def test_only_commands_get_a_path(off_the_path, text):
    assert names.as_typed(text) == text


def test_a_module_that_is_run_is_named_as_such(monkeypatch):
    monkeypatch.setattr(names.shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["/somewhere/churn_agent/__main__.py"])
    assert names.as_typed("run: churn-agent models pull") == f"run: {sys.executable} -m churn_agent models pull"


@pytest.mark.parametrize(
    ("base_url", "named"),
    [
        (None, "https://api.openai.com/v1"),
        ("http://user:secret@llm.example:8080/v1?key=secret", "http://llm.example:8080/v1"),
    ],
)
def test_where_words_would_be_sent_is_named_before_they_are(base_url, named):
    told = []
    settings = Settings(model="openai:gpt-4o", base_url=base_url, api_key="secret")
    opening.open_model(settings, notify=told.append).close()
    assert told == [f"the words of customers that openai:gpt-4o reads are sent to {named}"]


def test_a_model_on_this_machine_sends_nothing(cli):
    assert "sent to" not in cli("assess", "--text", "x", "--model", "scripted").err


@pytest.mark.parametrize(
    "command",
    [
        ("stability", "nowhere"),
        ("faithfulness", "nowhere"),
        ("transfer", "nowhere", "nowhere", "--calibration"),
        ("doctor", "nowhere", "--with-model"),
        ("run", "books.yaml"),
    ],
    ids=lambda command: command[0],
)
def test_checks_name_where_words_would_be_sent_before_they_begin(cli, monkeypatch, tmp_path, command):
    monkeypatch.setenv("CHURN_AGENT_MODEL", "openai:some")
    monkeypatch.setenv("CHURN_AGENT_BASE_URL", "http://127.0.0.1:9/v1")
    (tmp_path / "books.yaml").write_text("books: [nowhere]\n", encoding="utf-8")
    assert "openai:some reads are sent to http://127.0.0.1:9/v1" in " ".join(cli("eval", *command).err.split())


@pytest.mark.parametrize(
    "command", [("doctor", "nowhere"), ("baselines", "nowhere"), ("transfer", "nowhere", "elsewhere")]
)
def test_checks_without_a_language_model_name_no_address(cli, monkeypatch, command):
    monkeypatch.setenv("CHURN_AGENT_MODEL", "openai:some")
    assert "sent to" not in cli("eval", *command).err


def test_a_suite_names_the_address_of_each_model(cli, monkeypatch, tmp_path, book_folder):
    monkeypatch.setenv("CHURN_AGENT_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("CHURN_AGENT_REQUEST_ATTEMPTS", "1")
    suite = f"sets: [{book_folder}]\nlimit: 4\nbaselines: []\nways: [{{models: ['openai:some', 'openai:other']}}]\n"
    (tmp_path / "suite.yaml").write_text(suite, encoding="utf-8")
    told = " ".join(cli("eval", "run", "suite.yaml").err.split())
    for name in ("some", "other"):
        assert f"openai:{name} reads are sent to http://127.0.0.1:9/v1" in told


def test_the_card_of_a_customer_has_the_name_that_the_card_of_the_book_points_to(cli, tmp_path):
    (tmp_path / "rows.csv").write_text(
        "customer_id,timestamp,channel,speaker_role,text\nc-1,2026-02-10,email,customer,My line is down again.\n"
    )
    (tmp_path / "customers.csv").write_text("customer_id,Account Name\nc-1,Lopez Ltd\n")
    (tmp_path / "card.yaml").write_text("company: Acme\nname_attribute: Account Name\n")
    store = ("--store", tmp_path / "store")
    files = (tmp_path / "rows.csv", "--customers", tmp_path / "customers.csv", "--card", tmp_path / "card.yaml")
    ingested = cli(*store, "ingest", *files)
    assert ingested.code == 0, ingested.err
    assess = (*store, "assess", "c-1", "--model", "scripted")
    assert "Lopez Ltd (c-1)" in cli(*assess).out
    cli(*assess, "-o", tmp_path / "card.md")
    assert "Lopez Ltd (c-1)" in (tmp_path / "card.md").read_text()
    assert "Lopez" not in json.dumps(cli(*assess, "--json").json)
