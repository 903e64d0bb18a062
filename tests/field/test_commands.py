"""Some of the situations through the installed command, as its users meet them."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.field.books import lines, mail, mailbox, put

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
HEADER = "customer_id,created_at,channel,direction,text"


@pytest.fixture
def run(tmp_path):
    """Runs the command in a folder of its own, with a store of its own; checks that it ends without a traceback."""

    def call(*arguments, code=0, before=(), **environment):
        done = subprocess.run(
            [*before, sys.executable, "-m", "churn_agent", *map(str, arguments)],
            capture_output=True, check=False, cwd=tmp_path, encoding="utf-8", stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


# 02
def test_ids_that_a_spreadsheet_has_rounded_are_refused(run, tmp_path):
    put(tmp_path / "t.csv", lines("customer_id,created_at,text", "4.80013E+11,2025-03-01,I want to leave"))
    assert "4.80013E+11" in run("ingest", "t.csv", code=3).stderr


# 10
def test_a_request_to_unsubscribe_is_evidence(run, tmp_path):
    text = "Unsubscribe me from the tariff and close my account, I go."
    put(tmp_path / "t.csv", lines(HEADER, f'k1,2025-03-01,email,inbound,"Hello,\n{text}\nKind regards\nKim"'))
    run("ingest", "t.csv")
    assert text in run("evidence", "k1").stdout


# 13
def test_a_mailbox_is_not_read_before_its_owner_is_confirmed(run, tmp_path):
    mails = (
        mail("kim@gmail.com", "cosyshop@gmail.com", "I want to leave."),
        mail("cosyshop@gmail.com", "kim@gmail.com", "Why?"),
        mail("ro@far.example", "cosyshop@gmail.com", "Do you ship?"),
    )
    mailbox(tmp_path / "in.mbox", *mails)
    refused = run("ingest", "in.mbox", code=3).stderr
    assert "cosyshop@gmail.com" in refused
    assert "--own" in refused
    run("ingest", "in.mbox", "--own", "cosyshop@gmail.com")
    assert [line.split("\t")[0] for line in run("customers").stdout.splitlines()] == ["kim@gmail.com", "ro@far.example"]


# 33
def test_a_call_whose_people_are_unknown_says_what_to_type(run, tmp_path):
    cue = "00:00:0{}.000 --> 00:00:0{}.000"
    call = lines("WEBVTT", "", cue.format(1, 3), "Nora: You want to leave?", "", cue.format(3, 5), "Jan: Yes, I do.")
    put(tmp_path / "k1_2025-03-02.vtt", call)
    assert "staff:" in run("ingest", "k1_2025-03-02.vtt").stderr
    run("ingest", "k1_2025-03-02.vtt", "--own", "Nora")
    [shown] = [line for line in run("evidence", "k1").stdout.splitlines() if "Yes, I do." in line]
    assert "'You want to leave?' – Yes, I do." in shown  # our question is the context of a bare answer


# 36
def test_a_date_of_nothing_breaks_no_command(run, tmp_path):
    put(tmp_path / "t.csv", lines(HEADER, "k1,2025-03-01,chat,inbound,Hi", "k1,9999-12-31,chat,inbound,End"))
    run("ingest", "t.csv")
    run("show", "k1")
    run("batch", "--model", "scripted")


# 47
def test_a_database_with_a_sign_in_its_name_is_not_written_to(run, tmp_path):
    with sqlite3.connect(tmp_path / "x#2.db") as connection:
        connection.execute("create table interactions (customer_id, created_at, text)")
        connection.execute("insert into interactions values ('k1', '2025-03-01', 'good day')")
    connection.close()
    run("ingest", "x#2.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "x#2.db"]


# 48
def test_a_read_only_store_can_be_looked_at(run, tmp_path):
    before = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override"]
    if before and not shutil.which("setpriv"):
        pytest.skip("root can write anywhere, and there is no setpriv to change that")
    put(tmp_path / "t.csv", lines(HEADER, "k1,2025-03-01,chat,inbound,Hi"))
    run("ingest", "t.csv")
    store = tmp_path / "store"
    for path in (*store.rglob("*"), store):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert run("customers", before=before).stdout.startswith("k1\t")
    finally:
        for path in (store, *store.rglob("*")):
            path.chmod(0o755)


# 66
def test_next_weeks_export_is_counted_as_an_update(run, tmp_path):
    for week, status in (("1", "open"), ("2", "solved")):
        row = f"c-7,k1,2025-03-01,chat,inbound,Hi,{status}"
        put(tmp_path / f"week{week}.csv", lines(f"comment_id,{HEADER},status", row))
    run("ingest", "week1.csv")
    assert "0 interactions added, 1 already stored (1 with new values)" in run("ingest", "week2.csv").stdout


# 76
def test_without_a_network_weights_are_reported_missing_in_one_line(run, tmp_path):
    done = run("index", code=4, CHURN_AGENT_MODELS_DIR=str(tmp_path / "none"), HTTPS_PROXY="http://127.0.0.1:9")
    assert "models pull" in done.stderr


# cp1252 output
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_terminal_without_unicode_shows_what_it_can(run, tmp_path, encoding):
    put(tmp_path / "t.csv", lines(HEADER, "MÜ-1,2025-03-01,chat,inbound,Ich kündige 😡 \u202eabc"))
    run("ingest", "t.csv")
    done = subprocess.run(
        [sys.executable, "-m", "churn_agent", "show", "MÜ-1"], capture_output=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0
    assert b"Ich k" in done.stdout
