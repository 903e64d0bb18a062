"""The weekly run: all steps, resumed where it stopped, with one log and one exit code."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from churn_agent.domain.card_sources import CardSource
from churn_agent.domain.snapshot import Card
from churn_agent.weekly import running
from churn_agent.weekly.journal import Journal
from tests.conftest import write_csv

LEAVES = "I will cancel my contract"
SCRIPT = {
    "generate": [
        {"contains": LEAVES, "answer": {"signals": [{"quote": LEAVES, "signal": "leaving_announced"}]}},
        {"contains": "", "answer": {"signals": []}},
    ]
}
ROWS = [f"c-{n},2026-0{month}-1{n},chat,A question" for n in range(1, 7) for month in (1, 2)]


@pytest.fixture
def book(tmp_path):
    """A folder with a card that names two sources, which are not imported yet."""
    folder = tmp_path / "book"
    (folder / "inbox").mkdir(parents=True)
    write_csv(folder / "inbox" / "january.csv", *ROWS)
    owners = [f"c-{n},{'Ana' if n < 4 else 'Ben'}" for n in range(1, 7)]
    write_csv(folder / "customers.csv", *owners, header="customer_id,owner")
    (folder / "card.yaml").write_text(
        "company: Acme\nhorizon_days: 30\nsources:\n- inbox/*.csv\n- customers: customers.csv\n"
    )
    (folder / "script.json").write_text(json.dumps(SCRIPT))
    return folder


@pytest.fixture
def call(cli, book, tmp_path):
    store = ("--store", tmp_path / "the-store")
    assert cli(*store, "ingest", "--card", book / "card.yaml").code == 0

    def run(*arguments, command="weekly"):
        model = ("--model", f"scripted:{book / 'script.json'}", "--mode", "read", "--prompt", "direct")
        return cli(*store, command, *arguments, *(model if command == "weekly" else ()))

    return run


def outcomes(done):
    return {step["step"]: step["outcome"] for step in done.json["steps"]}


def log(tmp_path):
    return [json.loads(line) for line in (tmp_path / "the-store" / "weekly" / "log.jsonl").read_text().splitlines()]


def test_all_steps_run_and_their_files_are_there(call, tmp_path):
    done = call("--to", "scores.duckdb", "--format", "md", "--json")
    assert done.code == 0, done.err
    assert set(outcomes(done).values()) == {"done"}
    files = {path.name for path in (tmp_path / "weekly" / "2026-02-16").iterdir()}
    assert {"report.md", "report-ana.md", "report-ben.md", "digest.eml", "digest-ana.eml", "digest-ben.eml"} <= files
    assert [line["step"] for line in log(tmp_path)] == ["run", *running.STEPS, "run"]
    assert log(tmp_path)[-1]["outcome"] == "finished"
    assert (tmp_path / "scores.duckdb").exists()


def test_a_second_run_reads_only_what_is_new_and_sees_a_late_message(call, book, tmp_path):
    assert call("--format", "csv").code == 0
    write_csv(book / "inbox" / "late.csv", f"c-5,2026-02-15,chat,{LEAVES}")
    done = call("--format", "csv", "--json")
    assert done.code == 0, done.err
    results = {step["step"]: step["result"] for step in done.json["steps"]}
    assert "1 new interaction" in results["sync"]
    assert "2 sources unchanged" in results["sync"]  # january.csv and customers.csv
    assert set(outcomes(done).values()) == {"done"}
    report = (tmp_path / "weekly" / "2026-02-16" / "report.csv").read_text(encoding="utf-8")
    assert LEAVES in report


def test_a_dry_run_stores_and_writes_nothing(call, tmp_path):
    first = call("--dry-run")
    assert first.code == 0, first.err
    assert "12 new interactions" in first.out
    assert "known after the first sync" in first.out
    assert not (tmp_path / "the-store" / "weekly").exists()
    assert call("--format", "md").code == 0
    logged = log(tmp_path)
    done = call("--dry-run")
    assert done.code == 0, done.err
    assert "2 sources unchanged" in done.out
    assert "6 customers" in done.out
    assert "Ana, Ben" in done.out
    assert log(tmp_path) == logged
    assert len(list((tmp_path / "the-store" / "batches").glob("*.jsonl"))) == 1


def test_a_card_in_the_folder_of_a_source_does_not_replace_that_of_the_book(call, cli, book, tmp_path):
    (book / "inbox" / "january.csv").rename(book / "inbox" / "interactions.csv")
    (book / "inbox" / "card.yaml").write_text("company: Other\n")
    (book / "card.yaml").write_text("company: Acme\nhorizon_days: 30\nsources:\n- inbox\n")
    assert call("--card", book / "card.yaml", command="ingest").code == 0
    for _ in range(2):
        done = call("--format", "md")
        assert done.code == 0, done.out + done.err
        assert "the card names no sources" not in done.out


def test_a_source_that_fails_keeps_nothing_back_and_the_code_says_in_part(call, book, tmp_path):
    (book / "customers.csv").write_text("no header that helps\n1\n")
    done = call("--format", "md", "--json")
    assert done.code == 5, done.err
    assert outcomes(done) == {**dict.fromkeys(running.STEPS, "done"), "sync": "in part"}
    write_csv(book / "customers.csv", "c-1,Ana", header="customer_id,owner")
    done = call("--format", "md", "--json")
    assert done.code == 0, done.err
    assert set(outcomes(done).values()) == {"done"}  # new attributes: everything after the sync is of other data
    assert (tmp_path / "weekly" / "2026-02-16" / "report-ana.md").exists()


@pytest.mark.parametrize("step", running.STEPS[1:])
def test_a_run_that_stops_in_a_step_resumes_there(call, tmp_path, monkeypatch, step):
    from churn_agent.errors import Unavailable

    def broken(context):
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setitem(running._DO, step, broken)
        done = call("--format", "md", "--json")
    assert done.code == 4
    assert "the disk is full" in done.err
    assert (log(tmp_path)[-1]["step"], log(tmp_path)[-1]["outcome"]) == (step, "failed")
    done = call("--format", "md", "--json")
    assert done.code == 0, done.err
    at = running.STEPS.index(step)
    expected = {name: "done earlier" if n < at else "done" for n, name in enumerate(running.STEPS)}
    assert outcomes(done) == expected
    assert done.json["resumed"]


def test_a_batch_that_is_killed_is_resumed_in_its_file(call, tmp_path, monkeypatch):
    real = running.run_batch

    def killed(agent, path, spec):
        real(agent, path, running.BatchSpec(as_of=spec.as_of, limit=2))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running, "run_batch", killed)
        assert call("--format", "md").code == 130
    done = call("--format", "md", "--json")
    assert done.code == 0, done.err
    assert "2 done earlier" in next(step["result"] for step in done.json["steps"] if step["step"] == "batch")
    assert len(list((tmp_path / "the-store" / "batches").glob("weekly-*.jsonl"))) == 1


def test_a_run_of_an_earlier_week_or_with_other_options_is_not_resumed(tmp_path):
    with Journal.open(tmp_path) as journal:
        state, resumed = journal.resumed("a", lambda at: True)
        assert not resumed
        journal.save(state)
        assert journal.resumed("a", lambda at: True)[1]
        assert not journal.resumed("b", lambda at: True)[1]
        assert not journal.resumed("a", lambda at: at > datetime.now(UTC) + timedelta(days=1))[1]
        journal.save(state.model_copy(update={"finished": True}))
        assert not journal.resumed("a", lambda at: True)[1]
        (tmp_path / "weekly" / "state.json").write_text("{")
        assert not journal.resumed("a", lambda at: True)[1]


def test_two_runs_at_once_are_refused_in_one_line(call, tmp_path):
    assert call("--format", "md").code == 0
    with FileLock(tmp_path / "the-store" / "weekly" / "lock"):
        done = call("--format", "md")
    assert done.code == 4
    assert "another weekly run" in done.err


def test_sources_of_a_card_are_relative_to_it_and_hold_no_password(tmp_path):
    card = Card.model_validate({"sources": ["a.csv", {"files": ["b.json"], "mapping": "zendesk", "labels": "c.csv"}]})
    first, second = (source.within(tmp_path) for source in card.sources)
    assert first.files == (str(tmp_path / "a.csv"),)
    assert (second.mapping, second.labels) == ("zendesk", str(tmp_path / "c.csv"))
    address = "postgresql://me@db/book"
    assert CardSource(files=address).within(tmp_path).files == (address,)
    for wrong in ({"mapping": "zendesk"}, {"files": ["postgresql://me:secret@db/book"]}):
        with pytest.raises(ValueError, match=r"needs 'files'|does not hold passwords"):
            CardSource.model_validate(wrong)


RECIPES = Path(__file__).parents[2] / "examples" / "weekly"


def command_of(text, folder):
    """The command of a recipe, for a home in `folder`, with the scripted model added."""
    return text.replace("/home/me/churn", str(folder)).replace("%h/churn", str(folder))


@pytest.mark.slow
def test_the_line_of_cron_runs_with_the_surroundings_of_cron(call, book, tmp_path):
    lines = (RECIPES / "crontab").read_text().splitlines()
    home = tmp_path / "churn"
    (home / ".venv" / "bin").mkdir(parents=True)
    program = home / ".venv" / "bin" / "churn-agent"
    model = f"--model scripted:{book / 'script.json'} --mode read --prompt direct"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m churn_agent "$@" {model} --format md\n')
    program.chmod(0o755)
    (tmp_path / "the-store").rename(home / "store")
    surroundings = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "CHURN": str(home)}
    surroundings |= {"PYTHONPATH": str(RECIPES.parents[1]), "OMP_NUM_THREADS": "1"}
    first, second = (line.split(None, 5)[5] for line in lines if line[:1].isdigit())
    for command in (first, second, second):
        done = subprocess.run(["/bin/sh", "-c", command], cwd="/", env=surroundings, check=False)
        assert done.returncode == 0, (home / "weekly.out").read_text()
    logged = [json.loads(line) for line in (home / "store" / "weekly" / "log.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in logged if line["step"] == "run"] == ["started", "finished"]
    assert (home / "reports" / "2026-02-16" / "report.md").exists()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_units_of_systemd_are_valid(tmp_path):
    home = tmp_path / "churn"
    (home / ".venv" / "bin").mkdir(parents=True)
    program = home / ".venv" / "bin" / "churn-agent"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in ("churn-weekly.service", "churn-weekly.timer"):
        (tmp_path / name).write_text(command_of((RECIPES / name).read_text(), home))
    for name in ("churn-weekly.service", "churn-weekly.timer"):
        done = subprocess.run(
            [shutil.which("systemd-analyze"), "verify", "--user", tmp_path / name],
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path)},
        )
        of_ours = [line for line in done.stderr.splitlines() if "churn-weekly" in line]
        assert not of_ours, done.stderr


def test_tables_of_a_glob_are_read_one_by_one_and_mails_together(tmp_path):
    from churn_agent.weekly.syncing import _parts

    for name in ("b.csv", "a.csv.gz", "x.eml"):
        (tmp_path / name).touch()
    tables = CardSource(files=("*.csv*",), mapping="zendesk").within(tmp_path)
    assert [(part.files, part.mapping) for part in _parts(tables)] == [
        ((str(tmp_path / "a.csv.gz"),), "zendesk"),
        ((str(tmp_path / "b.csv"),), "zendesk"),
    ]
    for whole in (("*.csv*", "*.eml"), ("*.nothing",), ("b.csv",)):
        source = CardSource(files=whole).within(tmp_path)
        assert _parts(source) == [source]
