"""Text that nests without end, at every place where JSON, YAML or TOML of others is parsed, is the place's own error."""

import gzip
import json
from functools import partial

import httpx
import pytest

from churn_agent.content import conditions
from churn_agent.domain.snapshot import Card
from churn_agent.errors import (
    DataError,
    FileFormatError,
    InputError,
    InvalidAnswer,
    ModelCallError,
    StoreUnavailable,
)
from churn_agent.evals.runs.log import LOG, find_log
from churn_agent.evals.runs.predictions import PREDICTIONS, read_predictions
from churn_agent.evals.runs.shipping import Run
from churn_agent.evals.sets.converting.messages import reviewers
from churn_agent.files import strict_json, strict_yaml
from churn_agent.history import answers
from churn_agent.history.database import open_database
from churn_agent.index.vectors import Index
from churn_agent.learning import stored
from churn_agent.models.completion import to_completion, to_output
from churn_agent.models.gguf import tuning
from churn_agent.models.scripted import ScriptedModel
from churn_agent.models.xllamacpp import XllamacppModel
from churn_agent.settings import Settings
from churn_agent.store.places.files import _drop_lines, _is_of

ENDLESS = {
    "lists": "[" * 100_000,
    "closed lists": "[" * 100_000 + "]" * 100_000,
    "objects": '{"a":' * 100_000,
    "deeper than is read": "[" * 5000 + "]" * 5000,
    "just too deep": "[" * 101 + "]" * 101,
}


def test_what_real_documents_hold_is_parsed():
    deep = "[" * strict_json.MOST_LEVELS + "]" * strict_json.MOST_LEVELS
    assert json.dumps(strict_json.parse(deep)) == deep
    assert strict_json.parse(b'{"a": [1, "\xc3\xbc", null]}') == {"a": [1, "ü", None]}
    wide = [{"a": {"b": [n]}} for n in range(1000)]
    assert strict_json.parse(json.dumps(wide)) == wide
    assert strict_json.parse('[1e3, 1.0, 7, NaN, "007"]', numbers=str) == ["1e3", "1.0", "7", "NaN", "007"]


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_what_nests_without_end_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"nested more than 100 levels"):
        strict_json.parse(text)


@pytest.mark.parametrize("text", ["", "{", "nothing", b"\xff\xfe\xfd", "9" * 5000, '"\n"'])
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - Python's own messages
        strict_json.parse(text)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def in_blocks(text):
    """YAML as deep as the text, or as deep as can be looked through in a moment."""
    return "".join(f"{' ' * level}a:\n" for level in range(min(text.count("["), 1000)))


def of_a_script(folder, text, _):
    ScriptedModel.open(write(folder / "s.json", text))


def of_a_document(folder, text, agent):
    agent.ingest(write(folder / "a.json", text))


def of_a_record_in_a_document(folder, text, agent):
    agent.ingest(write(folder / "a.json", f'[{{"customer_id": "c", "metadata": {text}}}]'))


def of_a_mapping(folder, text, agent):
    agent.ingest(write(folder / "a.csv", "a,b\n1,2\n"), mapping=write(folder / "m.yaml", in_blocks(text)))


def of_a_card(folder, text, _):
    strict_yaml.load(write(folder / "card.yaml", in_blocks(text)), Card)


def of_settings(folder, text, _):
    write(folder / "churn-agent.toml", f"model = {text}")
    Settings.load()


def of_a_condition(_, text, __):
    conditions.parse("not " * min(text.count("["), 3000) + "a = 1")


def of_a_fetched_set(folder, text, _):
    path = folder / "reviews.json.gz"
    path.write_bytes(gzip.compress(f"{text}\n".encode()))
    list(reviewers({"https://x.example": path}))


def of_a_run(folder, text, _):
    write(folder / PREDICTIONS, "")
    write(folder / LOG, text)
    Run.read(folder)


def of_a_run_that_is_gone_on_with(folder, text, _):
    write(folder / LOG, text)
    find_log(folder)


def of_a_prediction(folder, text, _):
    write(folder / PREDICTIONS, f"{text}\n")
    read_predictions(folder)


def of_a_kept_method(folder, text, _):
    write(folder / "methods" / "rfm-1.json", text)
    stored.stored_methods(folder)


def of_the_store(folder, text, _):
    engine = open_database(folder)
    answers.keep(engine, "k", 1)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE answers SET answer = ?", (text,))
    answers.find(engine, ["k"])


def of_an_api(_, text, __):
    to_completion(text.encode())


def of_an_answer(_, text, __):
    answer = {"choices": [{"finish_reason": "stop", "message": {"content": text}}]}
    to_output("1", to_completion(json.dumps(answer).encode()))


def of_xllamacpp(_, text, __):
    model = object.__new__(XllamacppModel)  # its own server, but for what it answers
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text=text))
    model._client = httpx.Client(transport=transport, base_url="http://127.0.0.1")
    model._call("GET", "/")


PLACES = {
    of_a_script: FileFormatError,
    of_a_document: DataError,
    of_a_record_in_a_document: DataError,
    of_a_mapping: FileFormatError,
    of_a_card: FileFormatError,
    of_settings: InputError,
    of_a_condition: InputError,
    of_a_fetched_set: FileFormatError,
    of_a_run: InputError,
    of_a_run_that_is_gone_on_with: InputError,
    of_a_prediction: InputError,
    of_a_kept_method: StoreUnavailable,
    of_the_store: StoreUnavailable,
    of_an_api: InvalidAnswer,
    of_an_answer: InvalidAnswer,
    of_xllamacpp: ModelCallError,
}


@pytest.mark.parametrize("text", [ENDLESS["lists"], ENDLESS["deeper than is read"]], ids=["open", "closed"])
@pytest.mark.parametrize(("place", "error"), PLACES.items(), ids=[place.__name__ for place in PLACES])
def test_a_place_that_parses_has_its_own_error(tmp_path, agent, place, error, text):
    with pytest.raises(error) as caught:
        place(tmp_path, text, agent)
    assert len(str(caught.value)) < 500


def test_a_line_that_nests_without_end_is_one_rejected_row(tmp_path, agent):
    good = json.dumps({"customer_id": "c", "timestamp": "2026-02-01", "text": "hello"})
    path = write(tmp_path / "a.jsonl", f"{ENDLESS['lists']}\n{good}\n{ENDLESS['closed lists']}\n")
    summary = agent.ingest(path)
    assert (summary.added, summary.rejected) == (1, 2)


def test_files_that_can_be_made_again_are_as_if_not_there(tmp_path, monkeypatch):
    for text in ENDLESS.values():
        write(tmp_path / "index" / "index.json", text)
        assert Index(tmp_path).manifest is None
        write(tmp_path / "tuning.json", text)
        monkeypatch.setattr(tuning, "user_config_path", lambda _: tmp_path)
        assert tuning.load_tuning("model") is None
        tuning.store_tuning("model", tuning.Tuning(threads=3))
        assert tuning.load_tuning("model") == tuning.Tuning(threads=3)


def test_forgetting_takes_out_damaged_lines_that_name_the_customer(tmp_path):
    nested, other = ENDLESS["objects"], '{"customer_id": "c-2"}'
    path = write(tmp_path / "b.jsonl", f'{{"customer_id": "c-1"}}\n{nested}"c-1"\n{nested}\n[]\n{other}\n')
    belongs = lambda record, customer_id: record.get("customer_id") == customer_id  # noqa: E731
    _drop_lines(path, partial(_is_of, ids=["c-1"], belongs=belongs))
    assert path.read_text() == f"{nested}\n[]\n{other}\n"
