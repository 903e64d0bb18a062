import io
import json
from datetime import date

import pytest

from churn_agent.history import book, corrections
from churn_agent.history.database import open_database
from tests.conftest import write_csv

ROWS = [
    *[f"c-{n},2026-01-{10 + n},order,tea" for n in range(4)],
    "c-0,2026-02-20,order,tea",
    "c-2,2026-01-30,order,tea",
    "c-1,2026-01-20,chat,I will leave you if this is not fixed.",
    "c-9,2026-05-01,chat,the last word",
]
CARD = "company: Acme\nhorizon_days: 60\nchurn_means: orders nothing\n"


@pytest.fixture
def filled(cli, tmp_path):
    (tmp_path / "card.yaml").write_text(CARD)
    cli("ingest", write_csv(tmp_path / "a.csv", *ROWS), "--card", tmp_path / "card.yaml")
    return cli


@pytest.fixture
def answers(monkeypatch):
    def give(*lines):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return give


def engine(tmp_path):
    return open_database(tmp_path / "store")


def test_labels_are_derived_stored_and_counted(filled, tmp_path):
    derive = ("labels", "derive", "--event", "order", "--none-for", "60d", "--as-of")
    assert filled(*derive, "2026-01-31,2026-02-28", "--dry-run").code == 0
    assert book.outcomes(engine(tmp_path)) == {}
    result = filled(*derive, "2026-01-31,2026-02-28", "--json")
    assert result.json == [
        {"as_of": "2026-01-31", "customers": 4, "churned": 3},
        {"as_of": "2026-02-28", "customers": 4, "churned": 4},
    ]
    assert len(book.outcomes(engine(tmp_path))) == 8


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--event", "order", "--none-for", "60d", "--as-of", "2026-04-01"], 2, "after 2026-04-01 end on"),
        (["--event", "orders", "--none-for", "60d", "--as-of", "2026-01-31"], 2, "no interaction has the channel"),
        (["--event", "order", "--none-for", "long", "--as-of", "2026-01-31"], 2, "not a duration such as"),
        (["--event", "order", "--none-for", "60d", "--as-of", "soon"], 2, "is not a date"),
    ],
)
def test_what_cannot_be_derived_is_one_line(filled, arguments, code, said):
    result = filled("labels", "derive", *arguments)
    assert result.code == code
    assert said in result.err


def test_a_person_labels_outcomes_the_unsure_ones_first(filled, tmp_path, answers):
    for customer, prompt in (("c-2", "direct"), ("c-1", "direct")):
        filled("assess", customer, "--as-of", "2026-02-01", "--model", "scripted", "--prompt", prompt)
    answers("y", "moved away", "n", "s", "q")
    result = filled("label", "--as-of", "2026-02-01")
    assert result.code == 0
    assert "2 answers stored" in result.out
    known = book.labelled(engine(tmp_path), date(2026, 2, 1))
    assert sorted(known.values()) == [False, True]
    assert set(known) == {"c-1", "c-2"}  # they have scores; the others are asked about after them
    answers("q")
    assert "Customer c-1" not in filled("label", "--as-of", "2026-02-01").out


def test_outcomes_need_a_day_whose_horizon_is_over(filled):
    assert filled("label").code == 2
    result = filled("label", "--as-of", "2026-04-20")
    assert "are not over" in result.err


def test_a_person_judges_signals(filled, tmp_path, answers):
    assert "no questions" in filled("label", "--what", "signals").err
    found = {"quote": "I will leave you if this is not fixed", "signal": "leaving_considered"}
    script = {"generate": [{"contains": "leave", "answer": {"signals": [found]}}]}
    (tmp_path / "s.json").write_text(json.dumps(script))
    model = f"scripted:{tmp_path / 's.json'}"
    filled("assess", "c-1", "--as-of", "2026-02-01", "--model", model, "--prompt", "direct")
    answers("y")
    result = filled("label", "--what", "signals")
    assert "I will leave you" in result.out
    assert "Does it show that the customer" in result.out
    assert len(corrections.all_corrections(engine(tmp_path))) == 1
    assert "no questions" in filled("label", "--what", "signals").err
