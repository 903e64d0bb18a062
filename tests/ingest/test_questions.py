import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from churn_agent.files import strict_yaml
from churn_agent.history import interactions
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.questions import NeedsAnswer, Question
from churn_agent.ingest.speakers import speaker_of, unknown_words
from churn_agent.ingest.written import write_mapping
from tests.conftest import write_csv


def refused(agent, path, **options):
    with pytest.raises(NeedsAnswer) as caught:
        agent.ingest([path], **options)
    return str(caught.value).splitlines()


def test_words_of_one_column_are_one_question_with_one_line(agent, tmp_path):
    rows = ["c-1,2026-02-01,user,a", "c-1,2026-02-02,user,b", "c-1,2026-02-03,op,c"]
    head, about, _, line, _ = refused(
        agent, write_csv(tmp_path / "a.csv", *rows, header="customer_id,date,direction,text")
    )
    assert head == f"{tmp_path / 'a.csv'}: an answer is needed; nothing was stored"
    assert about == "  direction: 'user' (2 rows), 'op' (1 row)"
    assert (
        line == "    values: {direction: {user: customer, op: customer}}   (each may also be company, machine, other)"
    )


def test_the_lines_of_a_refusal_answer_it(agent, tmp_path):
    rows = [f"c-{n},01/02/2026,{'user' if n % 2 else 'op'},a,1.234" for n in range(6)]
    path = write_csv(tmp_path / "a.csv", *rows, header="customer_id,date,direction,text,amount")
    lines = [line.partition("   (")[0].strip() for line in refused(agent, path) if line.startswith("    ")]
    answers = {line.partition(":")[0]: line for line in lines if line.startswith(("values", "day_first", "decimal"))}
    assert len(answers) == 3
    (tmp_path / "m.yaml").write_text("\n".join(answers.values()))
    assert agent.ingest([path], mapping=tmp_path / "m.yaml").added == 6


@pytest.mark.parametrize("field", ["direction", "speaker"])
def test_words_that_json_has_as_numbers_are_asked_about_answered_and_written_like_others(agent, tmp_path, field):
    path, mapping = tmp_path / "a.json", tmp_path / "m.yaml"
    words = [3, 4.5, "agent"]
    path.write_text(
        json.dumps([{"customer_id": 1, "date": "2026-02-01", "text": f"a {word}", field: word} for word in words])
    )
    line = next(line for line in refused(agent, path) if "values:" in line).partition("   (")[0]
    mapping.write_text(line)
    by_mapping = agent.ingest([path], mapping=mapping)
    answered = agent.ingest([path], ask=lambda question: question.options[0])
    write_mapping(tmp_path / "w.yaml", answered.mapping, answered.sources, answered.guesses)
    written = strict_yaml.load(tmp_path / "w.yaml", ColumnMapping)
    assert by_mapping.mapping["values"] == answered.mapping["values"] == written.values
    assert written.values[field] == {"3": "customer", "4.5": "customer"}
    of_customer = interactions.of_customer(agent.history, "1", until=datetime(2100, 1, 1, tzinfo=UTC))
    assert sorted((row.text, row.speaker) for row in of_customer) == [
        ("a 3", "customer"),
        ("a 4.5", "customer"),
        ("a agent", "company"),
    ]


def test_many_words_are_few_questions():
    counts = Counter({f"word {n}": 50 - n for n in range(40)})
    questions = unknown_words("speaker", counts, {"word 0": "customer"})
    assert len(questions) == 10
    assert questions[0].about == "speaker: 'word 1' (49 rows)"
    assert questions[-1].about.startswith("speaker: 30 other words (765 rows), such as 'word 10', 'word 11'")
    assert set(questions[-1].answer("company")["values"]["speaker"]) == {f"word {n}" for n in range(10, 40)}


def test_the_message_about_many_words_fits_a_screen(agent, tmp_path):
    rows = [f"c-{n},2026-02-01,a role called {n},a" for n in range(200)]
    lines = refused(agent, write_csv(tmp_path / "a.csv", *rows, header="customer_id,date,direction,text"))
    assert len(lines) <= 6
    assert max(map(len, lines)) < 600
    mapping = next(line for line in lines if "values:" in line).partition("   (")[0]
    (tmp_path / "m.yaml").write_text(mapping)
    assert strict_yaml.load(tmp_path / "m.yaml", ColumnMapping).values["direction"]["a role called 0"] == "customer"


def test_the_command_prints_the_block_and_exits_with_3(cli, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-02-01,user,a", header="customer_id,date,direction,text")
    result = cli("ingest", path)
    assert result.code == 3
    assert "a.csv: an answer is needed; nothing was stored\n  direction: 'user' (1 row)\n" in result.err
    assert "(or company, machine, other)" in result.err
    assert cli("customers", "--json").json == []


BOTH = ["c-1,01/02/2026,user,a"]
"""A row with two questions that the data do not answer."""


def test_yes_asks_what_the_data_do_not_suggest(agent, tmp_path):
    asked = []

    def ask(question):
        asked.append(question.about)
        return question.options[0]

    path = write_csv(tmp_path / "a.csv", *BOTH, header="customer_id,date,direction,text")
    assert agent.ingest([path], yes=True, ask=ask).added == 1
    assert len(asked) == 2
    mails = tmp_path / "a.mbox"
    mails.write_text(
        "".join(
            f"From x Mon Feb  2 10:00:00 2026\nFrom: {name}@{name}.example\nTo: help@acme.example\nDelivered-To: help@acme.example\n"
            f"Date: Mon, 2 Feb 2026 10:00:00 +0000\nMessage-ID: <{name}>\n\nIt is down.\n\n"
            for name in ("ana", "bo", "cy")
        )
    )
    asked.clear()
    assert agent.ingest([mails], yes=True, ask=ask).added == 3
    assert asked == []


def test_a_refusal_says_what_yes_answers(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", *BOTH, header="customer_id,date,direction,text")
    for options in ({}, {"yes": True}):
        assert refused(agent, path, **options)[-1].endswith("The data suggest no answer that --yes could take.")
    question = Question(
        "own addresses", "why", ("a@b.example", "c@d.example"), lambda own: {"own": [own]}, "a@b.example"
    )
    other = Question("direction: 'user'", "why", ("customer",), lambda own: {"values": {"direction": {"user": own}}})
    assert str(NeedsAnswer("x", [question])).endswith(" --yes takes: own addresses is a@b.example.")
    assert str(NeedsAnswer("x", [question, other])).endswith("is a@b.example; it does not answer the others.")


@pytest.mark.parametrize(
    ("word", "speaker"),
    [
        ("outbound-api", "company"),
        ("Outbound reply", "company"),
        ("Incoming Call", "customer"),
        ("eingehender Anruf", None),
        ("sent to agent", None),
        ("user", None),
    ],
)
def test_a_direction_says_who_speaks_also_with_words_behind_it(word, speaker):
    assert speaker_of(word) == speaker
