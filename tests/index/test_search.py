from datetime import date

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.settings import Settings
from tests.conftest import write_csv
from tests.index.letters import Letters

ROWS = [
    "c-1,2026-01-01,chat,abc abc",
    "c-2,2026-02-01,chat,abc abc",
    "c-2,2026-02-05,chat,abc abc",
    "c-3,2026-02-10,email,abd",
    "c-4,2026-02-11,email,zzz",
    "c-4,2026-02-12,order,abc abc abc",
]


@pytest.fixture
def book(agent, tmp_path):
    agent.store.__dict__["embedder"] = Letters()
    agent.ingest(write_csv(tmp_path / "a.csv", *ROWS))
    agent.store.index()
    return agent


def found(hits):
    return [(hit.interaction.customer_id, hit.interaction.occurred_at.day) for hit in hits]


def test_the_nearest_in_meaning_come_first_each_customer_once_a_text(book):
    hits = book.store.search("abc abc", limit=3)
    assert found(hits) == [("c-2", 5), ("c-1", 1), ("c-3", 10)]
    assert hits[0].similarity == pytest.approx(1, abs=1e-5)


def test_since_leaves_out_what_is_older(book):
    assert found(book.store.search("abc", since=date(2026, 2, 5), limit=2)) == [("c-2", 5), ("c-3", 10)]


def test_what_is_not_indexed_is_counted(book, tmp_path):
    assert book.store.not_indexed() == 0
    book.ingest(write_csv(tmp_path / "b.csv", "c-9,2026-02-20,chat,new one"))
    assert book.store.not_indexed() == 1
    assert "c-9" not in {customer for customer, _ in found(book.store.search("new one"))}


def test_an_old_rare_hit_is_found_behind_many_new_ones(book, tmp_path):
    book.ingest(write_csv(tmp_path / "b.csv", *[f"d-{n},2026-02-01,chat,abc {'c' * (n % 9)}{n}" for n in range(200)]))
    book.ingest(write_csv(tmp_path / "c.csv", "e-1,2026-02-28,chat,qqqq"))
    book.store.index()
    assert found(book.store.search("abc", since=date(2026, 2, 28), limit=1)) == [("e-1", 28)]


@pytest.mark.model
def test_german_and_english_words_of_one_meaning_are_found(tmp_path, scripted, embedder_folder):
    rows = ["c-1,2026-01-01,chat,The internet is down again", "c-2,2026-01-01,chat,Thank you for the flowers"]
    with ChurnAgent(Settings.load(store=tmp_path / "s", embedder=str(embedder_folder)), model=scripted) as agent:
        agent.ingest(write_csv(tmp_path / "a.csv", *rows))
        agent.store.index()
        assert found(agent.store.search("my connection does not work", limit=1)) == [("c-1", 1)]
