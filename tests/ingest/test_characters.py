"""Half of a character in any source: replaced in texts, refused in ids, and never a traceback."""

import json

import pandas
import pytest

from churn_agent.errors import InputError

ROWS = [
    {"customer_id": "c-1", "date": "2026-03-01", "text": "I leave \ud83d", "author": "An\udc00n", "plan": "x\ud800"},
    {"customer_id": "c\ud800", "date": "2026-03-02", "text": "two", "author": "Bo", "plan": "y"},
    {"customer_id": "c-2", "date": "2026-03-03", "text": "an emoji: \U0001f600", "author": "Cy", "plan": "z"},
]


@pytest.mark.parametrize("kind", ["json", "jsonl", "frame", "slack-like nested"])
def test_texts_keep_the_rest_and_ids_are_refused(agent, tmp_path, kind):
    if kind == "frame":
        source = pandas.DataFrame(ROWS, dtype=object)
    else:
        source = tmp_path / f"a.{'jsonl' if kind == 'jsonl' else 'json'}"
        lines = "\n".join(map(json.dumps, ROWS))
        source.write_text(lines if kind == "jsonl" else json.dumps({"items": ROWS} if "nested" in kind else ROWS))
    summary = agent.ingest(source, unknown_is="customer")
    assert (summary.added, summary.rejected) == (2, 1)
    assert "damaged character" in summary.first_rejected[0]["reason"]
    [row] = agent.snapshot("c-1").interactions
    assert (row.text, row.author, row.metadata["plan"]) == ("I leave \ufffd", "An\ufffdn", "x\ufffd")
    assert agent.snapshot("c-2").interactions[0].text == "an emoji: \U0001f600"


def test_files_about_customers_follow_the_same_rule(agent, tmp_path):
    agent.ingest(pandas.DataFrame(ROWS[2:]), unknown_is="customer")
    files = {
        "customers": [{"customer_id": "c-2", "plan": "a\ud800"}, {"customer_id": "\ud800", "plan": "b"}],
        "labels": [
            {"customer_id": id_, "as_of": "2026-03-01", "churned": "1", "why": "\ud800"} for id_ in ("c-2", "\ud800")
        ],
        "measurements": [
            {"customer_id": id_, "date": "2026-03-01", "metric": "l\ud800", "value": 3} for id_ in ("c-2", "\ud800")
        ],
        "aliases": [{"old": "x", "new": "c-2"}, {"old": "\ud800", "new": "c-2"}],
    }
    for kind, rows in files.items():
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps(rows))
        summary = agent.ingest([], **{kind: path})
        assert (getattr(summary, kind), summary.rejected) == (1, 1), kind


@pytest.mark.parametrize("command", [("show",), ("forget", "--yes"), ("assess",), ("aliases", "merge", "a")])
def test_an_id_with_half_of_a_character_is_refused_in_one_line(cli, tmp_path, command, monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_MODEL", "scripted")
    (tmp_path / "a.json").write_text(json.dumps(ROWS[2:]))
    cli("ingest", tmp_path / "a.json", "--unknown-is", "customer")
    result = cli(*command, "c\udcff")
    assert (result.code, result.out) == (2, "")
    assert "half of a character" in result.err.splitlines()[-1]


@pytest.mark.parametrize("id_", [[2], [], ["c-1"]])
def test_lists_are_not_ids(agent, id_):
    rows = [{"customer_id": of, "date": "2026-03-01", "text": "hi"} for of in ("[ACME] 7", "{}", json.dumps(id_))]
    summary = agent.ingest(pandas.DataFrame(rows), unknown_is="customer")
    assert (summary.added, summary.rejected) == (2, 1)
    assert "is a list" in summary.first_rejected[0]["reason"]


def test_a_number_beyond_the_database_is_reported_in_one_line(agent):
    from sqlalchemy import select

    from churn_agent.history.tables import interactions

    with pytest.raises(InputError, match="too large"), agent.history.connect() as connection:
        connection.execute(select(interactions).where(interactions.c.position == 10**30))
