"""Sets made from a store, two prompts compared in one command, and the count of trials."""

import csv
import json
from datetime import date

import pytest

from churn_agent.domain.interactions import Label
from churn_agent.errors import InputError
from churn_agent.evals.runs.scoreboard import _found_and_gold
from churn_agent.evals.sets.labelled import find_set
from churn_agent.evals.sets.making import make_set
from churn_agent.history import book, corrections, interactions
from churn_agent.settings import Settings
from tests.conftest import write_csv

LEAVES = "I will cancel my contract"
AS_OF = date(2026, 2, 1)
AFTER = "this was written after the outcome"


@pytest.fixture
def filled(agent, tmp_path):
    """Twelve customers with outcomes, four of whom leave; one has no history until the date."""
    rows = []
    for n in range(12):
        rows.append(f"c-{n:02},2026-01-10,chat,{LEAVES if n < 4 else 'A question'} {n}")
        rows.append(f"c-{n:02},2026-03-10,chat,{AFTER}")
    rows.append("c-99,2026-03-10,chat,too late")
    owners = [f"c-{n:02},smb" for n in range(12)]
    agent.ingest(
        write_csv(tmp_path / "rows.csv", *rows),
        customers=write_csv(
            tmp_path / "customers.csv",
            *(f"{row},2026-01-01" for row in owners),
            header="customer_id,segment,known_from",
        ),
    )
    with agent.history.begin() as connection:
        labels = [Label(f"c-{n:02}", AS_OF.isoformat(), n < 4, 30) for n in range(12)]
        book.add_labels(connection, [*labels, Label("c-99", AS_OF.isoformat(), False, 30)])
    return agent


def correct(agent, customer_id, signal, *, shown, approved):
    [first, *_] = interactions.of_customer(agent.history, customer_id, until=agent.store.card.end_of_day(AS_OF))
    with agent.history.begin() as connection:
        corrections.put(connection, first.id, signal, shown=shown, by="Ana")
    number = agent.store.corrections_in_force()[-1].number
    if approved:
        with agent.history.begin() as connection:
            corrections.approve(connection, number, by="Ben")


def test_a_set_has_the_outcomes_and_nothing_later(filled, tmp_path):
    made = make_set(filled.store, tmp_path / "mine")
    assert (made.samples, made.churned, made.without_history) == (12, 4, 1)
    assert not any(AFTER in path.read_text(encoding="utf-8") for path in made.folder.iterdir())
    labelled = find_set(str(made.folder), near=tmp_path)
    with labelled.open(tmp_path / "set-store", Settings.load()) as agent:
        samples = labelled.samples(agent)
        assert [(s.customer_id, s.as_of, s.churned) for s in samples] == [
            (f"c-{n:02}", AS_OF, n < 4) for n in range(12)
        ]
        for sample in samples:
            ours, theirs = (each.store.snapshot(sample.customer_id, as_of=AS_OF) for each in (agent, filled))
            assert [row.text for row in ours.messages] == [row.text for row in theirs.messages]
            assert ours.attributes["segment"] == "smb"


def test_approved_corrections_are_gold_and_only_judged_signals_count(filled, tmp_path):
    correct(filled, "c-00", "leaving_announced", shown=True, approved=True)
    correct(filled, "c-05", "price", shown=False, approved=True)
    correct(filled, "c-06", "price", shown=True, approved=False)
    made = make_set(filled.store, tmp_path / "mine")
    assert (made.corrections, made.not_approved) == (2, 1)
    labelled = find_set(str(made.folder), near=tmp_path)
    assert labelled.gold() == {"c-00": {"leaving_announced": ("2026-01-10T00:00",)}}
    assert set(labelled.judged()) == {"c-00", "c-05"}


def test_what_was_found_and_never_judged_is_neither_right_nor_wrong():
    from types import SimpleNamespace

    prediction = SimpleNamespace(found={"price": ("t1",), "competitor": ("t1",)})
    complete = SimpleNamespace(gold={"price": ("t1",)}, judged=None)
    judged = SimpleNamespace(gold={"price": ("t1",)}, judged={"price": ("t1", "t2")})
    assert len(_found_and_gold(prediction, complete)[0]) == 2
    assert _found_and_gold(prediction, judged) == ({("price", "t1")}, {("price", "t1")})


def test_a_store_with_too_few_outcomes_or_a_folder_in_use_is_refused(agent, filled, tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "x").touch()
    with pytest.raises(InputError, match="not empty"):
        make_set(filled.store, tmp_path / "used")
    with filled.history.begin() as connection:
        connection.execute(book.labels.delete().where(book.labels.c.churned))
    with pytest.raises(InputError, match="0 outcomes of customers who left"):
        make_set(filled.store, tmp_path / "mine")


@pytest.fixture
def prompts(tmp_path, monkeypatch):
    """Two prompts of mode ask, one of which the scripted model cannot follow."""
    folder = tmp_path / "prompts"
    (folder / "ask").mkdir(parents=True)
    for name, words in (("clear", "Read with care."), ("muddled", "MUDDLED")):
        (folder / "ask" / f"{name}.yaml").write_text(
            f"version: 1\ntries: a test\nsystem: You judge.\nuser: |\n  {words}\n  $evidence\nquestions:\n- id: leave\n"
            '  text: "Will they leave?"\n  churn: ["Yes"]\n  stay: ["No"]\n'
        )
    yes, no = ({"leave": {"Yes": a, "No": b}} for a, b in ((-0.1, -3.0), (-3.0, -0.1)))
    script = [{"contains": "MUDDLED", "answer": no}, {"contains": LEAVES, "answer": yes}, {"answer": no}]
    (tmp_path / "script.json").write_text(json.dumps({"score": script}))
    monkeypatch.setenv("CHURN_AGENT_MODEL", f"scripted:{tmp_path / 'script.json'}")
    monkeypatch.setenv("CHURN_AGENT_PROMPTS_DIR", str(folder))
    return folder


def test_two_prompts_are_compared_in_one_command_and_trials_add_up(cli, filled, prompts, tmp_path):
    made = make_set(filled.store, tmp_path / "mine")
    call = ("eval", "compare", "ask/muddled", "clear", "--set", made.folder)
    done = cli(*call, "--markdown", "comment.md")
    assert done.code == 1, done.out + done.err  # the first prompt is worse
    assert "worse" in done.out
    assert "mine: 2 ways" in done.err
    comment = (tmp_path / "comment.md").read_text()
    assert "### churn-agent: failed" in comment
    assert "2 ways" in comment
    assert "mine: 2 ways" in cli(*call).err  # the same trials again are none
    prompt = prompts / "ask" / "clear.yaml"
    prompt.write_text(prompt.read_text().replace("with care", "with great care"))
    assert "mine: 3 ways" in cli("eval", "compare", "clear", "muddled", "--set", made.folder).err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clear", "--set", "x"), "name both and one --set"),
        (("clear", "muddled"), "name both and one --set"),
        (("clear", "nothing", "--set", "x"), "no prompt 'nothing'"),
        (("clear", "ask/clear", "--set", "x"), "both prompts are the same"),
    ],
)
def test_a_wrong_call_is_one_line(cli, prompts, arguments, words):
    done = cli("eval", "compare", *arguments)
    assert done.code == 2
    assert words in done.err


def test_a_set_of_the_command_line_is_said_with_what_was_left_out(cli, filled, tmp_path):
    correct(filled, "c-06", "price", shown=True, approved=False)
    done = cli("--store", tmp_path / "store", "eval", "set", "new", "mine", "--json")
    assert done.code == 0, done.err
    assert (done.json["samples"], done.json["not_approved"]) == (12, 1)
    with (tmp_path / "mine" / "labels.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
