"""Columns that were written when the outcome was known."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from churn_agent.evidence.facts import compute
from churn_agent.learning import leaks
from churn_agent.learning.examples import prepare
from churn_agent.outcomes import training
from tests.conftest import interaction, snapshot, write_csv
from tests.learning.test_methods import make_examples

MARCH = int(datetime(2026, 3, 4, tzinfo=UTC).timestamp())


def with_columns(examples, *, numbers=None, words=None):
    """The samples, with columns computed from their labels."""
    return replace(
        examples,
        numbers=[
            {**row, **(numbers(i, bool(label)) if numbers else {})}
            for i, (row, label) in enumerate(zip(examples.numbers, examples.labels, strict=True))
        ],
        attributes=[words(i, bool(label)) if words else {} for i, label in enumerate(examples.labels)],
    )


@pytest.mark.parametrize(
    "column",
    [
        lambda i, churned: {"attribute churn_score": 70 + i % 9 if churned else i % 9},
        lambda i, churned: {"attribute days_left": -i % 9 if churned else 20 + i % 9},
        lambda i, churned: {"attribute tenure_end": 3.0} if churned else {},
        lambda i, churned: {} if churned else {"attribute next_bill": float(i)},
        lambda i, churned: {"chat effort mean": 9.0 + i if churned else 1.0},
    ],
)
def test_a_number_that_tells_the_outcome_alone_is_named(column):
    given = with_columns(make_examples(), numbers=column)
    [name] = {name for i in (0, 1) for churned in (True, False) for name in column(i, churned)}
    assert leaks.telling(given) == [name]


def test_a_word_that_tells_the_outcome_alone_is_named():
    given = with_columns(make_examples(), words=lambda i, churned: {"segment": "gone" if churned else "here"})
    assert leaks.telling(given) == ["attribute segment"]


def test_columns_of_chance_are_not_named():
    chance = np.random.default_rng(3)
    given = with_columns(
        make_examples(),
        numbers=lambda i, churned: {"attribute nps": float(chance.integers(10))},
        words=lambda i, churned: {"plan": "abc"[i % 3], "name": f"customer {i}"},
    )
    assert leaks.telling(given) == []


def test_facts_are_no_leaks():
    given = make_examples()
    facts = [{"recency": 90.0 if churned else 1.0} for churned in given.labels]
    assert leaks.telling(replace(given, facts=facts, numbers=facts, attributes=[{}] * len(given))) == []


def test_a_few_labels_prove_nothing():
    given = with_columns(make_examples(), words=lambda i, churned: {"segment": "gone" if churned else "here"})
    few = given.take(np.r_[np.flatnonzero(given.labels)[:4], np.flatnonzero(~given.labels)[:4]])
    assert leaks.telling(few) == []


def test_attributes_named_like_an_outcome_are_named():
    given = with_columns(
        make_examples(),
        numbers=lambda i, churned: {"attribute churn_value": 1.0, "attribute tenure": 3.0},
        words=lambda i, churned: {"date_left": "x", "plan": "y", "leftover": "z"},
    )
    assert leaks.named_like_an_outcome(given) == ["attribute churn_value", "attribute date_left"]


@pytest.mark.parametrize(
    "metadata",
    [{"updated_at": str(MARCH)}, {"opened": str(MARCH * 1000)}, {"state_code": "7"}, {"total_count": "99"}],
)
def test_no_feature_comes_from_a_field_that_was_written_later(metadata):
    plain, planted = (
        prepare([True], [snapshot(interaction(1, days_ago=5, metadata={"clicks": "3"} | more))])
        for more in ({}, metadata)
    )
    assert plain.numbers == planted.numbers
    assert plain.numbers[0]["chat clicks mean"] == 3.0


def test_the_state_of_an_export_is_not_learned(agent, tmp_path):
    """Conversations as exported in March; customers who stayed wrote again then, which the record shows since."""
    chance, conversations, labels = np.random.default_rng(2), [], []
    for i in range(40):
        begun, stays = 1767600000 + int(chance.integers(20)) * 86400, i % 2 == 0
        conversations.append(
            {
                "id": str(i),
                "created_at": begun,
                "updated_at": MARCH if stays else begun + 7200,
                "state": "open" if stays else "closed",
                "statistics": {"count_reopens": 3 if stays else 0},
                "source": {
                    "body": f"<p>Hello, this is number {i} of {chance.random()}</p>",
                    "author": {"type": "user", "name": "A"},
                },
                "contacts": {"contacts": [{"id": f"c{i}"}]},
                "conversation_parts": {"conversation_parts": []},
            }
        )
        labels.append(f"c{i},2026-01-31,{int(not stays)}")
    (tmp_path / "intercom.json").write_text(json.dumps({"conversations": conversations}))
    write_csv(tmp_path / "labels.csv", *labels, header="customer_id,as_of,churned")
    agent.ingest([tmp_path / "intercom.json"], mapping="intercom", labels=tmp_path / "labels.csv")
    info = training.train(agent, "logistic")
    assert info.auroc < 0.9
    assert info.telling == ()
    [row] = agent.snapshot("c0", as_of="2026-01-31").interactions
    assert not {"updated_at", "state", "statistics.count_reopens"} & set(row.metadata)
    assert compute(agent.snapshot("c0", as_of="2026-01-31"))


def test_training_names_what_tells_the_outcome(cli, tmp_path):
    rows = [f"c{i},2026-01-{i % 27 + 1:02},chat,hello {i % 5}" for i in range(40)]
    attributes = [f"c{i},{'Churned' if i % 2 else 'Stayed'},{50 + i if i % 2 else i % 5},a" for i in range(40)]
    labels = [f"c{i},2026-01-31,{i % 2}" for i in range(40)]
    write_csv(tmp_path / "c.csv", *attributes, header="customer_id,customer_status,churn_score,plan")
    write_csv(tmp_path / "l.csv", *labels, header="customer_id,as_of,churned")
    cli("ingest", write_csv(tmp_path / "t.csv", *rows), "--customers", tmp_path / "c.csv")
    trained = cli("train", "logistic", "--labels", tmp_path / "l.csv", "--model", "scripted", "--json")
    assert trained.code == 0
    assert trained.json["telling"] == ["attribute churn_score", "attribute customer_status"]
    assert trained.json["named_like_an_outcome"] == ["attribute churn_score"]
    assert (
        "tells the outcome alone (AUROC of 0.98 or more): attribute churn_score, attribute customer_status"
        in trained.err
    )
    assert "on held-out customers is rarely true" in trained.err


@pytest.mark.parametrize("as_of", ["label", "import"])
def test_a_trained_method_says_if_attributes_are_of_the_dates_of_labels(cli, tmp_path, as_of):
    rows = [f"c{i},2026-01-{i % 27 + 1:02},chat,hello {i % 5}" for i in range(40)]
    labels = [f"c{i},2026-01-31,{i // 2 % 2}" for i in range(40)]
    write_csv(tmp_path / "l.csv", *labels, header="customer_id,as_of,churned")
    (tmp_path / "card.yaml").write_text(f"company: Acme\nattributes_as_of: {as_of}\n")
    cli("ingest", write_csv(tmp_path / "t.csv", *rows), "--card", tmp_path / "card.yaml")
    trained = cli("train", "rfm", "--labels", tmp_path / "l.csv", "--model", "scripted")
    assert trained.code == 0
    assert ("attributes as of the label's date" in trained.out) is (as_of == "label")


def test_the_reason_for_refused_labels_is_said(cli, tmp_path):
    cli("ingest", write_csv(tmp_path / "t.csv", "c1,2026-01-01,chat,hello"))
    write_csv(tmp_path / "l.csv", "c1,2026-01-31,Moved", header="customer_id,as_of,churned")
    for command in (["calibrate", "--labels"], ["train", "logistic", "--labels"], ["outcomes", "import"]):
        done = cli(*command, tmp_path / "l.csv", *(["--model", "scripted"] if command[0] != "outcomes" else []))
        assert "the first (line 2) because churned is 'Moved'; it must be 1 or 0" in done.err, command
