"""Test books: their import, the figures by book and variation, and `eval run` on a suite of them."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from churn_agent.errors import InputError
from churn_agent.evals.checks import books
from churn_agent.evals.sets.books import find_book
from churn_agent.evals.sets.labelled import shipped_folder
from churn_agent.ingest.importing import ImportSummary
from churn_agent.settings import Settings
from churn_agent.store.store import Store

BOOK = """
card: {company: Lindsay Gym, domain: gyms}
as_of: 2026-05-20
capacity: 1
imports:
  - {files: [mails.csv], mapping: mails.yaml}
  - {customers: crm.csv}
"""
TRUTH = [
    {"id": "a", "call": "yes", "must": ["price"], "may": []},
    {"id": "b", "call": "no", "may": []},
    {"id": "c", "call": "no", "left": True, "may": []},
]


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHURN_AGENT_MODEL", "scripted")
    folder = tmp_path / "gym"
    folder.mkdir()
    (folder / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / "mails.yaml").write_text("defaults: {speaker: customer, channel: email}\n", encoding="utf-8")
    mails = ["customer_id,occurred_at,text", *(f"{c},2026-05-1{n} 10:00,Hello from {c}" for n, c in enumerate("abc"))]
    (folder / "mails.csv").write_text("\n".join(mails) + "\n", encoding="utf-8")
    (folder / "crm.csv").write_text("customer_id,name\na,Ann\nb,Ben\nc,Cyd\n", encoding="utf-8")
    (folder / "truth.jsonl").write_text("\n".join(map(json.dumps, TRUTH)) + "\n", encoding="utf-8")
    path = tmp_path / "suite.yaml"
    path.write_text(
        "books: [gym]\nvariations:\n  default: {}\n  base rate: {card: {base_rate: 0.2}}\n", encoding="utf-8"
    )
    return path


def test_every_card_of_a_book_is_checked_under_every_variation(suite: Path, tmp_path: Path) -> None:
    def run() -> list[books.BookResult]:
        return books.check_books(suite, settings=Settings.load(), out=tmp_path / "run", stores=tmp_path / "stores")

    results = run()
    assert [(one.book, one.variation, len(one.checks)) for one in results] == [
        ("gym", "default", 3),
        ("gym", "base rate", 3),
    ]
    assert results[0].checks[0].missing == ("price",)
    rates = [one.checks[0].record.churn_probability for one in results]
    assert [rate.base_rate for rate in rates if rate] == [None, 0.2]
    lines = [json.loads(line) for line in (tmp_path / "run" / books.CARDS).read_text(encoding="utf-8").splitlines()]
    assert [line["record"]["customer_id"] for line in lines] == ["a", "b", "c"] * 2
    assert "does not name price" in (tmp_path / "run" / "gym-default.md").read_text(encoding="utf-8")
    assert len(list((tmp_path / "stores").iterdir())) == 1
    again = run()
    assert [[(c.wrong, c.score) for c in one.checks] for one in again] == [
        [(c.wrong, c.score) for c in one.checks] for one in results
    ]


def test_an_import_that_was_stopped_is_finished_at_the_next_opening(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, ingest = find_book("gym", near=suite.parent), Store.ingest

    def stopped(self: Store, *args: Any, customers: object = None, **options: Any) -> ImportSummary:
        if customers:
            raise KeyboardInterrupt
        return ingest(self, *args, **options)

    monkeypatch.setattr(Store, "ingest", stopped)
    with pytest.raises(KeyboardInterrupt):
        book.open(tmp_path / "stores", Settings.load())
    monkeypatch.setattr(Store, "ingest", ingest)
    with book.open(tmp_path / "stores", Settings.load()) as agent:
        assert agent.snapshot("a").attributes["name"] == "Ann"


def test_eval_run_prints_a_row_for_each_book_and_variation(suite: Path, cli: Callable[..., Any]) -> None:
    result = cli("eval", "run", suite)
    assert result.code == 0
    assert "base rate" in result.out
    [first, second] = cli("eval", "run", suite, "--json").json
    assert first["figures"]["n"] == 3
    assert second["variation"] == "base rate"
    assert cli("eval", "run", suite, "--limit", "4").code == 2


def test_a_book_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no test book 'none'"):
        find_book("none", near=tmp_path)


@pytest.mark.parametrize(
    ("name", "of_channels", "measurements", "labels"),
    [
        ("telecom", {"ticket": 167, "email": 225, "chat": 202, "call": 49 + 3, "invoice": 1360}, 3178, 7),
        ("shop", {"ticket": 122, "email": 293, "chat": 125, "call": 23 + 7, "review": 30 + 2, "order": 2201}, 2201, 6),
    ],
)
def test_open_books_come_in_whole(
    name: str, of_channels: dict[str, int], measurements: int, labels: int, tmp_path: Path
) -> None:
    """Every row of every file: with the words of customers in notes of calls, and the answers to reviews."""
    book = find_book(name, near=tmp_path)
    with book.open(tmp_path, Settings.load()) as agent:
        came = [one.summary for one in agent.store.imports()]
        ids = [each.customer_id for each in agent.store.customers()]
        snapshots = [agent.snapshot(each, as_of=book.description.as_of) for each in ids]
    stored = Counter(each.channel for snapshot in snapshots for each in snapshot.interactions)
    assert len(ids) == 60
    assert not any(summary["rejected"] or summary["replaced"] for summary in came)
    assert stored == of_channels
    assert sum(summary["measurements"] for summary in came) == measurements
    assert sum(summary["labels"] for summary in came) == labels


def test_frozen_books_are_as_they_were_written() -> None:
    folder = shipped_folder() / "datasets" / "books"
    listed = [line.split(maxsplit=1) for line in (folder / "FROZEN.sha256").read_text(encoding="utf-8").splitlines()]
    assert len(listed) > 30
    for digest, name in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
