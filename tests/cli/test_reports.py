import json

import pytest

from tests.reports.portfolio.conftest import LEAVES, assessed_once, quoting, store  # noqa: F401


@pytest.fixture
def on(cli, store):  # noqa: F811
    return lambda *arguments: cli("--store", store, *arguments)


def test_reports_for_all_and_for_each_owner(on, tmp_path):
    result = on("report", "-o", tmp_path / "b.csv", "-o", tmp_path / "b.md", "--per-owner")
    assert result.code == 0, result.err
    assert {path.name for path in tmp_path.glob("b*")} >= {"b.csv", "b.md", "b-ana.csv", "b-ben.csv", "b-ana.md"}
    assert "c-5" not in (tmp_path / "b-ana.csv").read_text()


@pytest.fixture
def since(on, tmp_path):
    """Writes the report of the newest run, compared with the first, by a model."""
    newest, first = on("runs", "list", "--json").json
    page = tmp_path / "b.html"
    return lambda model: on("report", newest["id"][:8], "--since", first["id"][:8], "-o", page, "--model", model)


def test_since_an_earlier_run_cards_say_what_changed(since, tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps(quoting(LEAVES)))
    result = since(f"scripted:{script}")
    assert result.code == 0, result.err
    assert "Since 2026-01-15" in (tmp_path / "b.html").read_text()
    assert " texts to " not in result.err  # a line for every customer that is judged again


def test_what_changed_is_not_explained_by_another_model(since, tmp_path):
    result = since("scripted")  # under the same name, with other answers
    assert result.code == 2
    assert "c-1 at 2026-03-01 cannot be assessed again in the same way" in result.err.splitlines()[-1]
    assert not (tmp_path / "b.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "-o", "b.docx"), "ends in .html"),
        (("report", "nothing", "-o", "b.csv"), "no run 'nothing'"),
        (
            ("report", "--owner", "Zoe", "-o", "b.csv"),
            "no customer of this run has the owner 'Zoe'; choose from Ana, Ben",
        ),
    ],
)
def test_what_cannot_be_reported_is_said(on, arguments, said):
    result = on(*arguments)
    assert result.code == 2
    assert said in result.err.splitlines()[-1]


def test_feedback_comes_back_once(on, tmp_path):
    line = {
        "run_id": None,
        "customer_id": "c-1",
        "as_of": "2026-03-01",
        "verdict": "agree",
        "decision": None,
        "note": "x",
    }
    (tmp_path / "f.jsonl").write_text(json.dumps(line) + "\n")
    assert on("feedback", "import", tmp_path / "f.jsonl", "--json").json == {
        "read": 1,
        "added": 1,
        "corrections": 0,
        "not_stored": 0,
    }
    assert on("feedback", "import", tmp_path / "f.jsonl").out == "0 judgements added, 1 already stored\n"
    (tmp_path / "g.jsonl").write_text(json.dumps(line) + "\n" + json.dumps(line | {"verdict": "maybe"}))
    result = on("feedback", "import", tmp_path / "g.jsonl")
    assert result.code == 3
    assert "g.jsonl:2: verdict" in result.err
