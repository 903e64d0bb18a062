"""`tasks`: the commands, their exit codes, and what goes to which stream."""

import pytest

from tests.followup.conftest import assessed_once, store  # noqa: F401 - fixtures


@pytest.fixture
def run(cli, store):  # noqa: F811
    def call(*arguments):
        return cli("--store", store, "tasks", *arguments)

    return call


def test_an_item_from_its_opening_to_its_closing(run, tmp_path):
    assert "to open some from the latest batch: churn-agent tasks update" in run("list").err
    assert "opened:" in run("update", "--dry-run").out
    assert run("list", "--json").json == []
    assert "opened:" in run("update").out
    assert run("update").out == "nothing has changed\n"
    [first, *_] = run("list", "--json").json
    assert (first["customer_id"], first["state"], first["risk"]) == ("c-1", "open", "high")
    assert "They have given notice." in run("list").out
    number = first["number"]
    assert "working, due 2026-03-03, Ana" in run("set", number, "--state", "working").out
    assert "0 cleared" in run("export", "--dry-run").out
    assert "written to" in run("export", "-o", tmp_path / "t.csv").out
    assert run("export", "--dry-run", "--json").json["new"] == 0
    done = run("set", number, "--state", "saved", "--code", "renewed", "--note", "two years", "--by", "Eva")
    assert done.out.startswith(f"risk item {number} of c-1: saved (renewed)")
    shown = run("show", number)
    assert "I will cancel my contract" in shown.out
    assert "a person: state working -> saved (renewed) two years" in shown.out
    assert "Eva" not in shown.out
    assert [entry["what"] for entry in run("show", number, "--json").json["log"]] == ["opened", "state", "state"]
    assert "c-1" not in run("list", "--customer", "c-1").out
    assert "saved" in run("list", "--all").out
    assert [item["number"] for item in run("list", "--state", "saved", "--json").json] == [number]
    late = run("list", "--overdue", "--json").json  # all are due in spring 2026
    assert [item["number"] for item in late] == [item["number"] for item in run("list", "--json").json]
    assert run("figures", "--json").json["groups"][0]["states"]["saved"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "99"], 2, "there is no risk item 99; to list them: churn-agent tasks list"),
        (["set", "99", "--state", "working"], 2, "there is no risk item 99"),
        (["set", "1"], 2, "nothing to change"),
        (["set", "1", "--state", "lost"], 2, "a code is needed for 'lost'; use one of"),
        (["export"], 2, "name the file with -o"),
        (["export", "-o", "a.csv", "--all", "--changes"], 2, "either --changes or --all"),
        (["update", "nosuchrun"], 2, "no run 'nosuchrun'"),
        (["figures", "--by", "owner"], 2, "figures for each account manager are off"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(run, arguments, code, said):
    run("update")
    done = run(*arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_an_import_with_a_bad_row_exits_with_5_and_takes_the_others(run, tmp_path):
    run("update")
    file = tmp_path / "back.csv"
    file.write_text("number,state,code\n1,lost,price\n77,lost,price\n")
    done = run("import", file)
    assert (done.code, done.out) == (5, "2 rows read, 1 risk item changed\n")
    assert f"{file}:3: no risk item has the key '77'; the row was left out" in done.err
    file.write_text("number,state\n1,Completed\n")
    assert run("import", file, "--json").json["undecided"] == []


def test_own_rules_replace_the_shipped_ones_and_a_bad_one_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_PROMPTS_DIR", str(tmp_path))
    text = """version: 1
rules: [{id: big, says: They pay a lot., when: value >= 100 and attribute.owner = ana}]
due_days: {high: 1, medium: 1, low: 1}
codes: {override: [x], saved: [x], lost: [x], accepted: [x], false alarm: [x]}
"""
    (tmp_path / "tasks.yaml").write_text(text)
    run("update")
    assert {item["customer_id"] for item in run("list", "--json").json} == {"c-1", "c-2", "c-3"}
    (tmp_path / "tasks.yaml").write_text(text.replace("value >=", "valeu >="))
    done = run("update")
    assert done.code == 3
    assert "unknown name 'valeu'" in done.err
    (tmp_path / "tasks.yaml").write_text(text.replace("false alarm: [x]", ""))
    assert "'false alarm' is missing" in run("update").err
