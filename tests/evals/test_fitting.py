"""Thresholds measured for a model on labelled messages."""

import itertools
import json
from contextlib import closing
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from churn_agent.content import fitted_thresholds
from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.confirm import Reading
from churn_agent.elicitation.second_reader.messages import GoldMessage
from churn_agent.errors import DataError, InputError
from churn_agent.evals.checks import fitting
from churn_agent.history import corrections, snapshots
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from churn_agent.store.store import Store
from tests.conftest import write_csv
from tests.elicitation.made_up import MadeUp

PROMPT, TAXONOMY = load_prompt("read", "words"), load_taxonomy()
SAMPLE = fitting.sample()
FEW = SAMPLE[:8] + SAMPLE[-12:]


class Small(MadeUp):
    """A made-up model that passes for a language model, and counts what it is asked."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    @property
    def info(self):
        return replace(super().info, id="small", stand_in=False, sha256="1" * 64)

    def score_labels(self, requests):
        for request in requests:
            self.asked += 1
            yield from super().score_labels([request])


def test_the_sample_is_of_all_labelled_messages():
    assert [sum(each.set == name for each in SAMPLE) for name in fitting.SETS] == [377, 178]
    assert sum(len(each.signals or ()) for each in SAMPLE) > 300
    assert sum(bool(each.leaves) for each in SAMPLE) == 69
    for _, same in itertools.groupby(sorted(SAMPLE, key=lambda each: each.text), key=lambda each: each.text):
        assert len({each.half for each in same}) == 1


@pytest.mark.parametrize(
    ("values", "wanted", "expected"),
    [
        ([9, 8, 7, 6, 5, 4, 3, 2], [1, 1, 1, 1, 1, 0, 0, 0], 4),  # five of six
        ([9, 8, 7, 6, 5, 4, 3, 2], [1, 1, 1, 1, 0, 0, 0, 0], 5),  # four of five
        ([9, 8, 7, 6, 5, 5, 3, 2], [1, 1, 1, 1, 0, 0, 0, 0], 9),  # equal values are on one side
        ([9, 8, 7, 6, 5, 4, 3, 2], [0, 0, 1, 0, 1, 0, 1, 1], 9),  # never
        ([], [], 0),
    ],
)
def test_a_boundary_is_where_four_in_five_beyond_it_are_wanted(values, wanted, expected):
    assert fitting.boundary(np.array(values, dtype=float), np.array(wanted, dtype=bool)) == expected


def test_thresholds_follow_the_rule():
    measured = fitting.fit(Small(), PROMPT, TAXONOMY, FEW)
    values = measured.values
    assert values.proposed in fitting.PROPOSED
    assert values.confirmed in fitting.CONFIRMED
    assert values.staying_leaning <= values.neutral_leaning <= values.leaving_leaning
    kept = {"silent", "hinting", "closes", "less_sure", "rival_share", "most_a_sentence"}
    assert values.model_dump(include=kept) == PROMPT.thresholds.model_dump(include=kept)
    assert values.neutral_leaning != PROMPT.thresholds.neutral_leaning
    assert (measured.prompt_hash, measured.sha256) == (PROMPT.content_hash, "1" * 64)
    assert [(each.name, each.n) for each in measured.measured_on.sets] == [("hard_cases", 8), ("switching", 12)]


def test_prompts_without_thresholds_and_foreign_signals_are_refused():
    with pytest.raises(InputError, match="read/direct@1 has no thresholds to fit"):
        fitting.fit(Small(), load_prompt("read", "direct"), TAXONOMY, FEW)
    with pytest.raises(InputError, match=r"none of the messages .* shows a signal of your signals\.yaml"):
        fitting.fit(Small(), PROMPT, TAXONOMY, [each for each in FEW if each.signals is None])


def test_a_model_whose_answers_cannot_be_used_gets_no_thresholds():
    broken = ScriptedModel({"score": [{"contains": "", "error": "it broke"}]})
    with pytest.raises(DataError, match="are unusable; no thresholds were stored"):
        fitting.fit(broken, PROMPT, TAXONOMY, FEW)


@pytest.fixture
def model(monkeypatch, tmp_path):
    """What the command opens, on a small sample."""
    small = Small()
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(fitting, "open_model", lambda settings, notify: small)
    monkeypatch.setattr(fitting, "sample", lambda: FEW)
    return small


def test_the_command_keeps_thresholds_and_asks_nothing_twice(cli, model, tmp_path):
    first = cli("models", "fit", "small", "--prompt", "read/words", "--json")
    assert first.code == 0
    document = json.loads(first.out)
    assert document["fit"]["figures"].keys() == document["default"]["figures"].keys()
    prompt = fitted_thresholds.for_model(PROMPT, model.info, tmp_path / "models")
    assert prompt.fitted
    assert prompt.thresholds.model_dump() == document["fit"]["values"]
    asked = model.asked
    again = cli("models", "fit", "small", "--prompt", "read/words")
    assert (again.code, model.asked) == (0, asked > 0 and asked)
    assert "precision of signals" in again.out
    assert "qwen2.5-coder-1.5b-instruct (default)" in again.out


def test_an_interrupted_fit_goes_on_where_it_was(cli, model):
    answer = model.score_labels

    def break_off(requests):
        for request in requests:
            if model.asked > 40:
                raise KeyboardInterrupt
            yield from answer([request])

    model.score_labels = break_off
    assert cli("models", "fit", "small", "--prompt", "read/words").code != 0
    before, model.score_labels = model.asked, answer
    assert cli("models", "fit", "small", "--prompt", "read/words").code == 0
    whole, resumed = model.asked, model.asked - before
    assert 0 < resumed < whole - 30


def test_the_list_says_which_models_are_fitted(cli, model):
    rows = {row["name"]: row["fitted"] for row in json.loads(cli("models", "list", "--json").out)}
    assert rows["qwen2.5-coder-1.5b-instruct"] is True
    assert rows["qwen2.5-coder-0.5b-instruct"] is False
    assert rows["multilingual-e5-small-q4"] is None
    assert "not fitted" in cli("models", "list").out


def corrections_of(store, n):
    """A store with as many corrected messages."""
    rows = [f"c-{i},2026-02-01,chat,the zebra line {i} is down again" for i in range(n)]
    with closing(Store(Settings(store=store))) as opened:
        opened.ingest(write_csv(store.parent / "z.csv", *rows))
        with opened.history.begin() as connection:
            for row in range(n):
                message = snapshots.take(opened.history, f"c-{row}", as_of=date(2026, 2, 2)).messages[0]
                corrections.put(connection, message.id, "price", shown=False)


def test_corrections_are_used_only_on_request_and_from_thirty_on(cli, model, tmp_path):
    store = tmp_path / "store"
    corrections_of(store, 29)
    few = cli("models", "fit", "small", "--prompt", "read/words", "--with-corrections")
    assert few.code == 3
    assert "29 corrected messages are too few to learn from: at least 30 are needed" in few.err
    corrections_of(store, 30)
    plain = cli("models", "fit", "small", "--prompt", "read/words", "--json").json["fit"]
    assert [each["name"] for each in plain["measured_on"]["sets"]] == ["hard_cases", "switching"]
    fitted = cli("models", "fit", "small", "--prompt", "read/words", "--with-corrections", "--json")
    assert fitted.json["fit"]["measured_on"]["sets"][-1] == {"name": "corrections", "n": 30}
    assert fitted.json["fit"]["measured_on"]["command"].endswith("--with-corrections")


def test_of_a_corrected_message_only_what_people_judged_counts():
    [message] = fitting.corrected([GoldMessage(text="far too dear", judged=["praise"])])
    fitting_ = fitting._Fitting.__new__(fitting._Fitting)
    fitting_._taxonomy = TAXONOMY
    reading = Reading("Acme", message.text, strengths={"price": 0.9, "praise": 0.9})
    assert fitting_._counted(message, reading) == fitting._Counts(right=0, read=1, wanted=0)
