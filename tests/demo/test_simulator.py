"""The demo company: varied words, and a churn that text and facts rank, neither of them perfectly."""

import csv

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from churn_agent.demo.simulator import AS_OF, showcase, simulate
from churn_agent.demo.writing import write_book
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.evidence import facts

DOMAINS = ("telecom", "ecommerce", "finance", "education")
RANGE = (0.6, 0.85)


@pytest.fixture(
    scope="module", params=[DOMAINS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in DOMAINS[1:])]
)
def book(request):
    return list(simulate(request.param, 1500, seed=7))


def auroc(model, rows, churned):
    return roc_auc_score(churned, cross_val_predict(model, rows, churned, cv=5, method="predict_proba")[:, 1])


def test_texts_are_varied(book):
    texts = [event.text for customer in book for event in customer.events]
    assert len(set(texts)) / len(texts) >= 0.8


def test_some_churn_and_most_stay(book):
    assert 0.1 < sum(customer.churned for customer in book) / len(book) < 0.5


def test_words_rank_churn_and_do_not_give_it_away(book):
    words = [" ".join(event.text for event in customer.events if event.direction) for customer in book]
    model = make_pipeline(TfidfVectorizer(min_df=3, ngram_range=(1, 2), sublinear_tf=True), LogisticRegression())
    assert RANGE[0] <= auroc(model, words, [customer.churned for customer in book]) <= RANGE[1]


def test_facts_rank_churn_and_do_not_give_it_away(book):
    found = []
    for customer in book:
        rows = [
            Interaction(str(n), customer.customer_id, e.at, e.channel, e.text, e.direction, e.author, e.amount)
            for n, e in enumerate(customer.events)
        ]
        found.append(facts.by_name(facts.compute(Snapshot(customer.customer_id, AS_OF, Card(), tuple(rows)))))
    names = sorted({name for each in found for name in each})
    columns = [[each.get(name, float("nan")) for name in names] for each in found]
    model = HistGradientBoostingClassifier(max_depth=3, learning_rate=0.05, max_iter=80)
    assert RANGE[0] <= auroc(model, columns, [customer.churned for customer in book]) <= RANGE[1]


def test_the_same_seed_gives_the_same_book_and_a_larger_one_begins_alike():
    first, again, larger = (list(simulate("finance", n, seed=3)) for n in (20, 20, 30))
    assert first == again == larger[:20]
    assert first != list(simulate("finance", 20, seed=4))


def test_a_book_is_written_as_files_that_anyone_could_bring(agent, tmp_path):
    write_book(tmp_path / "book", "telecom", 40)
    summary = agent.ingest([tmp_path / "book"])
    assert (summary.customers, summary.labels, summary.rejected) == (40, 40, 0)
    assert "SYNTHETIC" in agent.store.card.note
    with (tmp_path / "book" / "interactions.csv").open(encoding="utf-8") as file:
        assert max(row["timestamp"][:10] for row in csv.DictReader(file)) <= AS_OF.isoformat()


@pytest.mark.slow
def test_the_customer_who_is_shown_has_troubles_and_good_news_of_late(book):
    [shown] = [each for each in book if each.customer_id == showcase("telecom", book)]
    messages = [event for event in shown.events if event.theme]
    late = {event.theme for event in messages if (AS_OF - event.at.date()).days <= 90}
    assert 4 <= len(messages) <= 9
    assert len(late & {"angry", "fading", "price", "rival", "unresolved"}) >= 2
    assert late & {"growth", "praise", "solved"}
