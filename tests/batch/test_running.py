import json
from datetime import date

import pytest

from churn_agent.agent import ChurnAgent
from churn_agent.batch.running import run_batch
from churn_agent.errors import InputError
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.conftest import write_csv

DAY = date(2026, 3, 1)
CUSTOMERS = 20


@pytest.fixture
def store(tmp_path):
    rows = [f"c-{n:02},2026-02-{n % 27 + 1:02},chat,{n} messages" for n in range(CUSTOMERS)]
    with ChurnAgent(Settings.load(store=tmp_path / "store"), model=ScriptedModel()) as agent:
        agent.ingest([write_csv(tmp_path / "a.csv", *rows)])
    return tmp_path / "store"


def run(store, path, *, script=None, **more):
    with ChurnAgent(Settings.load(store=store, prompt="direct"), model=ScriptedModel(script)) as agent:
        return run_batch(agent, path, as_of=DAY, **more)


def records(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def without_cost(record):
    for name in ("seconds", "cached_answers", "prompt_tokens", "output_tokens"):
        del record["provenance"][name]
    return record


def test_one_record_a_line_sorted_by_customer(store, tmp_path):
    summary = run(store, tmp_path / "out.jsonl")
    assert summary.statuses == {"assessed": CUSTOMERS}
    assert [each["customer_id"] for each in records(tmp_path / "out.jsonl")] == [f"c-{n:02}" for n in range(CUSTOMERS)]


def test_a_batch_cut_off_anywhere_ends_as_an_uninterrupted_one(store, tmp_path):
    run(store, tmp_path / "whole.jsonl")
    whole = [without_cost(each) for each in records(tmp_path / "whole.jsonl")]
    data = (tmp_path / "whole.jsonl").read_bytes()
    for cut in range(0, len(data), len(data) // 13):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(data[:cut])
        summary = run(store, path)
        assert summary.already_done == data[:cut].count(b"\n")
        assert [without_cost(each) for each in records(path)] == whole


def test_what_failed_is_done_again_and_the_rest_is_not(store, tmp_path):
    path = tmp_path / "out.jsonl"
    first = run(store, path, script={"generate": [{"contains": '"7 ', "error": "broke"}]})
    assert first.statuses == {"assessed": CUSTOMERS - 1, "failed": 1}
    second = run(store, path)
    assert (second.already_done, second.statuses) == (CUSTOMERS - 1, {"assessed": 1})
    assert {each["status"] for each in records(path)} == {"assessed"}


def test_a_limit_takes_the_first_customers_and_progress_counts_them(store, tmp_path):
    seen = []
    run(store, tmp_path / "out.jsonl", limit=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_file_of_another_kind_or_date_is_refused_and_left_alone(store, tmp_path):
    path = tmp_path / "letters.jsonl"
    path.write_text("dear diary\n")
    with pytest.raises(InputError, match=r"letters\.jsonl:1 is no record"):
        run(store, path)
    assert path.read_text() == "dear diary\n"
    run(store, tmp_path / "out.jsonl")
    with (
        ChurnAgent(Settings.load(store=store, prompt="direct"), model=ScriptedModel()) as agent,
        pytest.raises(InputError, match="another date, model, prompt or method"),
    ):
        run_batch(agent, tmp_path / "out.jsonl", as_of=date(2026, 2, 28))
