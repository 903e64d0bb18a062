"""Questions in a terminal, through the real command behind a pseudo-terminal."""

import os
import pty
import re
import select
import sys
import time

import pytest

from tests.conftest import write_csv

ROWS = ["c-1,2026-02-01,user,hello", "c-1,2026-02-02,op,we will see", "c-1,2026-02-03,op2,well"]
HEADER = "customer_id,date,direction,text"


class Terminal:
    """A command behind a pseudo-terminal."""

    def __init__(self, *arguments):
        self.text = ""
        self._pid, self._file = pty.fork()
        if self._pid == 0:
            command = [sys.executable, "-m", "churn_agent", *map(str, arguments)]
            os.execve(sys.executable, command, os.environ | {"TERM": "xterm", "COLUMNS": "100"})  # noqa: S606

    def _read(self, seconds):
        ready, _, _ = select.select([self._file], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self._file, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, words, seconds=60):
        """Waits for words after those found before."""
        end = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < end, self.text
            assert self._read(1) or words in self.text, self.text
        before, _, self.text = self.text.partition(words)
        return before

    def say(self, words):
        os.write(self._file, f"{words}\n".encode())

    def end(self):
        """Waits for the end and returns the exit code."""
        while self._read(60):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def screen(text):
    """The text without what moves the cursor or clears a line."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


@pytest.mark.slow
def test_questions_are_asked_with_numbers_and_their_answers_stored(cli, tmp_path):
    terminal = Terminal("ingest", write_csv(tmp_path / "a.csv", *ROWS, header=HEADER))
    before = screen(terminal.expect("Answer (a number, or stop): "))
    assert before.endswith(
        "direction: 'user' (1 row)\n"
        "  unknown words: do they mean that the customer or the company speaks? "
        "If the column is about something else: columns: {direction: null}\n"
        "  1  customer\n  2  company\n  3  machine\n  4  other\n"
    )
    terminal.say("9")
    terminal.expect("'9' is none of the answers")
    terminal.expect("Answer (a number, or stop): ")
    terminal.say("1")
    assert "direction: 'op' (1 row)" in screen(terminal.expect("Answer (a number, or stop): "))
    terminal.say("company")
    terminal.expect("Answer (a number, or stop): ")
    terminal.say("2")
    assert terminal.end() == 0
    assert "3 interactions added" in screen(terminal.text)
    speakers = [each["speaker"] for each in cli("show", "c-1", "--as-of", "2026-02-28", "--json").json["interactions"]]
    assert speakers == ["customer", "company", "company"]


@pytest.mark.slow
def test_stop_stores_nothing_and_asks_nothing_more(cli, tmp_path):
    terminal = Terminal("ingest", write_csv(tmp_path / "a.csv", *ROWS, header=HEADER))
    terminal.expect("Answer (a number, or stop): ")
    terminal.say("stop")
    assert terminal.end() == 130
    assert "stopped; nothing was stored" in screen(terminal.text)
    assert "Answer" not in terminal.text
    assert cli("customers", "--json").json == []


@pytest.mark.slow
def test_yes_takes_what_the_data_suggest_and_asks_nothing(cli, tmp_path):
    mails = tmp_path / "mails"
    mails.mkdir()
    for n in range(6):
        them, us = f"ana{n}@home.example", "help@acme.example"
        one, other = (them, us) if n % 2 else (us, them)
        (mails / f"{n}.eml").write_text(
            f"From: {one}\nTo: {other}\nDate: Mon, {n + 1} Dec 2025 10:00:00 +0000\nMessage-ID: <{n}@x>\n"
            f"Subject: hello\n\nI have a question {n}.\n"
        )
    terminal = Terminal("ingest", mails, "--yes")
    assert terminal.end() == 0
    assert "Answer" not in screen(terminal.text)
    assert len(cli("customers", "--json").json) == 6
