"""`corrections`: made, listed, shown, approved, undone and exported by commands."""

import json

import pytest

from churn_agent.store.store import Store
from tests.conftest import write_csv
from tests.index.letters import Letters

DEAR, DEARER = "it is far too dear for us", "it is far too dear - for us"
ADD = ("corrections", "add", "c-1", "price", "--containing", "too DEAR", "--not-shown", "--by", "Ana")


@pytest.fixture
def book(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(Store, "embedder", Letters())
    assert (
        cli(
            "ingest", write_csv(tmp_path / "a.csv", f"c-1,2026-02-01,chat,{DEAR}", f"c-2,2026-02-01,chat,{DEARER}")
        ).code
        == 0
    )
    assert cli("index").code == 0
    return cli


def test_a_correction_from_its_making_to_its_undoing(book, tmp_path):
    assert "no corrections; to make some" in book("corrections", "list").err
    assert book(*ADD).out == "correction 1 stored: a message of c-1 does not show price, by Ana\n"
    assert book(*ADD).out.startswith("correction 1 was already stored")
    [listed] = book("corrections", "list", "--json").json
    assert (listed["number"], listed["customer_id"], listed["shown"], listed["text"]) == (1, "c-1", False, DEAR)
    assert "this customer" in book("corrections", "list").out
    assert book("corrections", "list", "--customer", "c-2", "--json").json == []
    shown = book("corrections", "show", 1)
    assert "like it, by other customers: 1 message of 1 customer" in shown.out
    assert DEARER in shown.out
    assert [hit["customer_id"] for hit in book("corrections", "show", 1, "--json").json["reaches"]] == ["c-2"]
    assert "now holds for all customers" in book("corrections", "approve", 1, "--by", "Lead").out
    assert "all customers (approved by Lead, " in book("corrections", "list").out
    assert book("corrections", "export", "-o", tmp_path / "c.jsonl").out.startswith("1 cases written to")
    case = json.loads((tmp_path / "c.jsonl").read_text())
    assert (case["text"], case["never"]) == (DEAR, ["price"])
    assert book("corrections", "export", "-o", tmp_path / "m.jsonl", "--as", "messages").code == 0
    assert json.loads((tmp_path / "m.jsonl").read_text())["judged"] == ["price"]
    assert book("corrections", "undo", 1).out.startswith("correction 1 undone")
    assert book("corrections", "list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["add", "c-1", "price", "--shown"], 2, "Give either --message ID or --containing WORDS"),
        (["add", "c-1", "price", "--containing", "dear"], 2, "Give either --shown or --not-shown"),
        (["add", "c-1", "prize", "--containing", "dear", "--shown"], 2, "there is no signal 'prize'; there are:"),
        (["add", "c-1", "price", "--message", "7", "--shown"], 2, "has no message with the id '7'"),
        (["add", "c-9", "price", "--message", "7", "--shown"], 2, "c-9"),
        (["approve", "9"], 2, "there is no correction 9; to list them: churn-agent corrections list"),
        (["undo", "9"], 2, "there is no correction 9"),
        (["show", "9"], 2, "there is no correction 9"),
    ],
)
def test_mistakes_are_one_line_each(book, arguments, code, said):
    result = book("corrections", *arguments)
    assert result.code == code, result.err
    assert said in result.err
