"""Outcomes as other systems write them."""

import json

import pytest

from churn_agent.history import book
from tests.field.books import lines, put

DAY = "2025-01-31"


@pytest.fixture
def chats(tmp_path):
    words = (
        "All well with the boiler",
        "I want to end my contract",
        "How do I read the meter",
        "Too dear and I am angry",
    )
    rows = [
        f"k{n},2025-01-{(n + week * 7) % 28 + 1:02},chat,inbound,{words[(n * 7 + week) % 4]}"
        for n in range(40)
        for week in range(1, 4)
    ]
    return put(tmp_path / "t.csv", lines("customer_id,created_at,channel,direction,text", *rows))


def outcomes(tmp_path, *rows, header="customer_id,as_of,churned"):
    return put(tmp_path / "labels.csv", lines(header, *rows))


# 60
def test_a_horizon_written_as_a_float_is_that_many_days(agent, chats, tmp_path):
    rows = [f"k{n},{DAY},{n % 2},30.0" for n in range(6)]
    agent.ingest(chats, labels=outcomes(tmp_path, *rows, header="customer_id,as_of,churned,horizon_days"))
    assert book.label_horizons(agent.history) == {30}


def test_a_horizon_that_is_not_a_number_of_days_is_refused_by_row(agent, chats, tmp_path):
    rows = [f"k1,{DAY},1,30.5", f"k2,{DAY},0,30"]
    summary = agent.ingest(chats, labels=outcomes(tmp_path, *rows, header="customer_id,as_of,churned,horizon_days"))
    assert (summary.labels, summary.rejected) == (1, 1)
    assert "30.5" in str(summary.first_rejected[0]["reason"])


# 59
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([f"k{n},{DAY},1" for n in range(40)], "needs labels of both outcomes"),
        ([f"k{n},{DAY},{n % 2}" for n in range(3)], "use more samples"),
        ([f"X{n},{DAY},{n % 2}" for n in range(40)], "'X0' at 2025-01-31"),
        ([f"k{n},2024-01-31,{n % 2}" for n in range(40)], "none of the 40 labels"),
        ([f"k{n},{DAY} 09:30:00,{n % 2}" for n in range(40)], "has a time of day"),
    ],
    ids=["one class", "three", "other customers", "before all history", "times of day"],
)
def test_labels_that_cannot_teach_are_refused_with_the_first_reason(cli, chats, tmp_path, rows, reason):
    assert cli("ingest", chats).code == 0
    refused = cli("train", "logistic", "--labels", outcomes(tmp_path, *rows))
    assert refused.code == 3
    assert reason in refused.err
    assert "Traceback" not in refused.err


def test_outcomes_in_words_are_outcomes(agent, chats, tmp_path):
    rows = [f"k{n},{DAY},{('Retained', 'Churned')[n % 2]}" for n in range(40)]
    assert agent.ingest(chats, labels=outcomes(tmp_path, *rows)).labels == 40
    assert set(book.outcomes(agent.history).values()) == {True, False}


# 61
def test_columns_that_tell_the_outcome_alone_are_named_at_training(cli, chats, tmp_path):
    attributes = [
        f"k{n},{('Stays', 'Left')[n % 2]},{20 + n % 9 + 50 * (n % 2)},{('2025-02-12' if n % 2 else '')},{n % 3}"
        for n in range(40)
    ]
    people = put(tmp_path / "people.csv", lines("customer_id,account_status,risk_score,ended_on,plan", *attributes))
    assert cli("ingest", chats, "--customers", people).code == 0
    labels = outcomes(tmp_path, *[f"k{n},{DAY},{n % 2}" for n in range(40)])
    trained = cli("train", "boosting", "--labels", labels)
    said = trained.out + trained.err
    assert "account_status" in said
    assert "risk_score" in said


# 71
def test_the_event_of_derived_labels_is_named_as_in_the_data(cli, tmp_path):
    rows = [f"k{n},2025-0{month}-05,Order,12,o" for n in range(3) for month in (1, 2, 6)]
    cli("ingest", put(tmp_path / "t.csv", lines("customer_id,created_at,channel,amount,text", *rows)))
    refused = cli("labels", "derive", "--event", "order", "--none-for", "60d", "--as-of", "2025-03-31")
    assert refused.code == 2
    assert "available channels: Order" in refused.err


# 86
def test_a_field_written_after_the_day_is_no_feature_of_it(cli, tmp_path):
    conversations, labels = [], []
    for n in range(60):
        begin = 1735732800 + n % 20 * 86400
        stays = n % 2 == 0
        later = 1741000000 + n if stays else begin + 7200
        author = {"type": "user", "name": "Kim"}
        parts = [
            {
                "part_type": "comment",
                "body": f"<p>Any news of {n % 7}?</p>",
                "created_at": begin + 3600,
                "author": author,
            }
        ]
        if stays:
            parts.append({"part_type": "comment", "body": "<p>One more</p>", "created_at": later, "author": author})
        conversations.append({
            "id": str(n), "created_at": begin, "updated_at": later, "state": "closed",
            "source": {"body": "<p>Good day</p>", "author": author}, "contacts": {"contacts": [{"id": f"k{n}"}]},
            "conversation_parts": {"conversation_parts": parts},
        })  # fmt: skip
        labels.append(f"k{n},{DAY},{int(not stays)}")
    export = put(tmp_path / "intercom.json", {"conversations": conversations})
    assert cli("ingest", export, "--mapping", "intercom").code == 0
    shown = cli("show", "k0", "--as-of", DAY, "--json")
    assert "updated_at" not in shown.out
    trained = cli("train", "boosting", "--labels", outcomes(tmp_path, *labels), "--json")
    assert trained.code == 0, trained.err
    assert json.loads(trained.out)["auroc"] < 0.8
