import gc
import json
from datetime import date

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.budget import Budget, Prices, parse_budget
from churn_agent.batch.cascade import Top, parse_top
from churn_agent.batch.choosing import parse_part
from churn_agent.batch.comparing import compare
from churn_agent.batch.estimating import MESSAGE_SECONDS, MESSAGE_TOKENS, estimate
from churn_agent.batch.running import BatchSpec, failures_path, run_batch
from churn_agent.content.prompts import shipped_folder
from churn_agent.domain.assessment import Assessment, Fact
from churn_agent.errors import InputError
from churn_agent.history import records as stored
from churn_agent.history import runs
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


def open_agent(store, script=None, **settings):
    return ChurnAgent(Settings.load(store=store, prompt="direct", **settings), model=ScriptedModel(script))


def run(store, path, *, script=None, progress=lambda summary: None, **spec):
    with open_agent(store, script) as agent:
        return run_batch(agent, path, BatchSpec(as_of=DAY, **spec), progress=progress)


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


@pytest.mark.slow
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


@pytest.mark.parametrize("mode", ["read", "explain"])
@pytest.mark.parametrize("answer", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000])
def test_an_answer_that_nests_without_end_fails_one_customer_and_is_not_kept(store, tmp_path, answer, mode):
    path = tmp_path / "out.jsonl"
    script = {"generate": [{"contains": '"7 ', "answer": answer}]}
    for _ in range(2):
        with open_agent(store, script, mode=mode) as agent:
            summary = run_batch(agent, path, BatchSpec(as_of=DAY))
        assert summary.statuses["failed"] == 1
    failed = [each for each in records(path) if each["status"] == "failed"]
    assert [each["customer_id"] for each in failed] == ["c-07"]
    assert "schema" in failed[0]["status_reason"]
    with open_agent(store, mode=mode) as agent:
        assert run_batch(agent, path, BatchSpec(as_of=DAY)).statuses == {"assessed": 1}


def test_a_limit_takes_the_first_customers_and_progress_counts_them(store, tmp_path):
    seen = []
    run(store, tmp_path / "out.jsonl", limit=3, progress=lambda done: seen.append((done.finished, done.customers)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_file_of_another_kind_or_date_is_refused_and_left_alone(store, tmp_path):
    path = tmp_path / "letters.jsonl"
    path.write_text("dear diary\n")
    with pytest.raises(InputError, match=r"letters\.jsonl:1 is not a record"):
        run(store, path)
    assert path.read_text() == "dear diary\n"
    run(store, tmp_path / "out.jsonl")
    with (
        ChurnAgent(Settings.load(store=store, prompt="direct"), model=ScriptedModel()) as agent,
        pytest.raises(InputError, match="another date, model, prompt or method"),
    ):
        run_batch(agent, tmp_path / "out.jsonl", BatchSpec(as_of=date(2026, 2, 28)))


FAILS = {"generate": [{"contains": '"7 ', "error": "broke"}, {"contains": '"9 ', "error": "broke"}]}


def test_failures_stand_in_a_file_of_their_own_and_can_be_done_alone(store, tmp_path):
    path = tmp_path / "out.jsonl"
    run(store, path, script=FAILS)
    told = records(failures_path(path))
    assert [each["customer_id"] for each in told] == ["c-07", "c-09"]
    assert {each["reason"] for each in told} == {"broke"}
    again = run(store, path, script={"generate": FAILS["generate"][1:]}, only_failed=True)
    assert (again.customers, again.statuses) == (2, {"assessed": 1, "failed": 1})
    assert [each["customer_id"] for each in records(failures_path(path))] == ["c-09"]
    assert len(records(path)) == CUSTOMERS
    run(store, path)
    assert not failures_path(path).exists()
    assert [each["customer_id"] for each in records(path)] == [f"c-{n:02}" for n in range(CUSTOMERS)]


def test_a_condition_chooses_by_attributes(store, tmp_path):
    with open_agent(store) as agent:
        rows = [f"c-{n:02},{'smb' if n % 2 else 'big'},{n * 100}" for n in range(10)]
        agent.ingest([], customers=write_csv(tmp_path / "c.csv", *rows, header="customer_id,segment,value"))
    found = run(store, tmp_path / "out.jsonl", where="segment = smb and value > 300")
    assert found.customers == 3
    assert [each["customer_id"] for each in records(tmp_path / "out.jsonl")] == ["c-05", "c-07", "c-09"]
    with pytest.raises(InputError, match="unknown name 'colour'"):
        run(store, tmp_path / "other.jsonl", where="colour = red")


def test_only_new_is_who_did_something_since(store, tmp_path):
    with open_agent(store) as agent:
        run_batch(agent, tmp_path / "a.jsonl", BatchSpec(as_of=date(2026, 2, 14)))
    before = len(records(tmp_path / "a.jsonl"))
    path = tmp_path / "b.jsonl"
    found = run(store, path, only_new=True)
    assert found.customers == CUSTOMERS - before
    assert run(store, path, only_new=True).already_done == found.customers


def test_a_cascade_gives_numbers_to_the_top_alone_and_resumes(store, tmp_path):
    def cascade(path, **more):
        with ChurnAgent(Settings.load(store=store), model=ScriptedModel()) as agent:
            return run_batch(agent, path, BatchSpec(as_of=DAY, top=Top(share=0.15), **more))

    whole = cascade(tmp_path / "whole.jsonl")
    assert whole.statuses == {"screened": CUSTOMERS - 3, "assessed": 3}
    assert whole.screenings == whole.to_screen == 20 + 10 + 5
    found = records(tmp_path / "whole.jsonl")
    assert [each["screening"] is None for each in found] == [True] * 3 + [False] * 17
    assert {each["status"] for each in found[3:]} == {"abstained"}
    assert all(each["churn_probability"] is None and each["facts"] for each in found[3:])
    screened = [each["screening"] for each in found[3:]]
    assert screened == sorted(screened, reverse=True)
    data = (tmp_path / "whole.jsonl").read_bytes()
    (tmp_path / "cut.jsonl").write_bytes(data[: len(data) // 2])
    cascade(tmp_path / "cut.jsonl")
    strip = [[without_cost(each) for each in records(tmp_path / name)] for name in ("whole.jsonl", "cut.jsonl")]
    assert strip[0] == strip[1]


def test_in_another_mode_a_cascade_resumes_with_the_records_of_its_screening(store, tmp_path):
    def cascade(path, **settings):
        with ChurnAgent(Settings.load(store=store, mode="ask", **settings), model=ScriptedModel()) as agent:
            return run_batch(agent, path, BatchSpec(as_of=DAY, top=Top(count=3)))

    path = tmp_path / "out.jsonl"
    done = cascade(path)
    found = records(path)
    assert {each["provenance"]["prompt"] for each in found[:3]} == {"ask/lettered@1"}
    assert {each["provenance"]["prompt"] for each in found[3:]} == {"read/words@4"}
    with open_agent(store) as agent:
        spec = runs.find(agent.history, done.run_id).spec
    assert (spec["screening_prompt"], spec["screening_prompt_hash"]) == (
        "read/words@4",
        found[-1]["provenance"]["prompt_hash"],
    )
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    assert cascade(path).already_done == CUSTOMERS - 2
    own = tmp_path / "prompts" / "read"
    own.mkdir(parents=True)
    text = (shipped_folder() / "read" / "words.yaml").read_text(encoding="utf-8")
    (own / "words.yaml").write_text(text.replace("version: 4", "version: 5", 1), encoding="utf-8")
    with pytest.raises(InputError, match=r"out\.jsonl:4 is for another"):
        cascade(path, prompts_dir=own.parent)


def test_a_record_of_a_screening_names_no_method_and_a_batch_by_a_method_resumes(store, tmp_path, monkeypatch):
    monkeypatch.setattr(ChurnAgent, "method", "calibrated-1")
    path = tmp_path / "out.jsonl"
    with ChurnAgent(Settings.load(store=store), model=ScriptedModel()) as agent:
        run_batch(agent, path, BatchSpec(as_of=DAY, top=Top(count=3)))
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert {each["provenance"]["method"] for each in lines} == {None}
        for each in lines[:3]:  # as the method would have given them
            each["provenance"]["method"] = "calibrated-1"
        path.write_text("".join(json.dumps(each) + "\n" for each in lines))
        assert run_batch(agent, path, BatchSpec(as_of=DAY, top=Top(count=3))).already_done == CUSTOMERS


def test_records_by_other_weights_of_the_same_name_are_not_gone_on_with(store, tmp_path):
    path = tmp_path / "out.jsonl"
    run(store, path, limit=2)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for each in lines:
        each["provenance"]["model_sha256"] = "aaaa"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    with pytest.raises(InputError, match=r"out\.jsonl:1 is for another"):
        run(store, path, limit=2)


def test_a_spent_budget_stops_and_the_next_call_goes_on(store, tmp_path):
    path = tmp_path / "out.jsonl"
    with open_agent(store, prompt_price=1e6) as agent:
        dear = run_batch(agent, tmp_path / "b.jsonl", BatchSpec(as_of=DAY, budget=Budget(money=1.0)))
    assert 0 < dear.left < CUSTOMERS
    first = run(store, path, budget=Budget(seconds=0))
    assert (first.statuses.total(), first.left) == (1, CUSTOMERS - 1)
    second = run(store, path)
    assert (second.already_done, second.left) == (1, 0)


@pytest.mark.parametrize("spec", [{"budget": Budget(seconds=0)}, {"limit": 8}, {"limit": 8, "only_failed": True}])
def test_failed_customers_that_are_not_tried_again_stay_in_the_file(store, tmp_path, spec):
    path = tmp_path / "out.jsonl"
    run(store, path, script=FAILS)
    done = run(store, path, **spec)
    statuses = {each["customer_id"]: each["status"] for each in records(path)}
    assert len(records(path)) == len(statuses) == CUSTOMERS
    assert [id_ for id_, status in statuses.items() if status == "failed"] == ["c-09"]
    assert [each["customer_id"] for each in records(failures_path(path))] == ["c-09"]
    with open_agent(store) as agent:
        summary = runs.find(agent.history, done.run_id).summary
    assert summary["customers"] == CUSTOMERS
    assert summary["failed"] == 1
    assert run(store, path).statuses == {"assessed": 1}
    assert not failures_path(path).exists()


def test_a_screened_customer_who_rises_to_the_top_stays_in_the_file_until_assessed(store, tmp_path):
    path = tmp_path / "out.jsonl"
    with ChurnAgent(Settings.load(store=store), model=ScriptedModel()) as agent:
        run_batch(agent, path, BatchSpec(as_of=DAY, top=Top(count=2)))
        run_batch(agent, path, BatchSpec(as_of=DAY, top=Top(count=6), budget=Budget(seconds=0)))
    ids = [each["customer_id"] for each in records(path)]
    assert len(ids) == len(set(ids)) == CUSTOMERS


def test_every_run_is_in_the_log(store, tmp_path):
    done = run(store, tmp_path / "out.jsonl", script=FAILS)
    run(store, tmp_path / "other.jsonl", limit=2, where=None)
    with open_agent(store) as agent:
        newest, first = runs.all_runs(agent.history)
        assert runs.find(agent.history, done.run_id[:6]) == first
        assert runs.find(agent.history, "latest") == newest
        assert first.summary == {"customers": CUSTOMERS, "left": 0, "assessed": CUSTOMERS - 2, "failed": 2}
        assert first.spec["as_of"] == "2026-03-01"
        assert len(list(stored.of_run(agent.history, first.id))) == CUSTOMERS
        with pytest.raises(InputError, match="no run 'zz'"):
            runs.find(agent.history, "zz")


def test_two_runs_are_held_against_each_other(store, tmp_path):
    with open_agent(store) as agent:
        early = run_batch(agent, tmp_path / "a.jsonl", BatchSpec(as_of=date(2026, 2, 20)))
        late = run_batch(agent, tmp_path / "b.jsonl", BatchSpec(as_of=date(2027, 2, 20)))
        found = compare(agent.store, early.run_id, late.run_id)
    assert found.spec["as_of"] == ("2026-02-20", "2027-02-20")
    assert found.both == early.customers
    assert len(found.only_second) == late.customers - early.customers
    assert all(each.band != each.band_before for each in found.moved)


def test_a_budget_of_money_counts_the_screening_of_those_on_top(store, tmp_path):
    spec = BatchSpec(as_of=DAY, top=Top(count=CUSTOMERS), budget=Budget(money=1.0))
    # All are on top, so that nobody else is screened; the first assessments find everything paid.
    with ChurnAgent(Settings.load(store=store, prompt_price=1e6), model=ScriptedModel()) as agent:
        assert run_batch(agent, tmp_path / "out.jsonl", spec).left == CUSTOMERS - 1


def test_an_estimate_is_judged_by_earlier_assessments_and_does_nothing(store, tmp_path):
    path = tmp_path / "out.jsonl"
    with open_agent(store, prompt_price=2.0) as agent:
        run_batch(agent, path, BatchSpec(as_of=DAY, limit=5))
        known = estimate(agent, path, BatchSpec(as_of=DAY))
        each = [r["provenance"]["prompt_tokens"] + r["provenance"]["output_tokens"] for r in records(path)]
        assert (known.already_done, known.in_full, known.based_on, known.messages) == (5, 15, 5, None)
        assert known.tokens == pytest.approx(15 * sum(each) / 5)
        assert known.money > 0
        top = estimate(agent, path, BatchSpec(as_of=DAY, top=Top(count=2)))
        assert (top.in_full, top.tokens) == (2, pytest.approx((2 + 15 / 4) * sum(each) / 5))


def test_an_estimate_is_not_judged_by_what_a_screening_had_paid(store, tmp_path):
    spec = BatchSpec(as_of=DAY, top=Top(count=3))
    with ChurnAgent(Settings.load(store=store), model=ScriptedModel()) as agent:
        run_batch(agent, tmp_path / "out.jsonl", spec)
        assert all(each["provenance"]["cached_answers"] for each in records(tmp_path / "out.jsonl")[:3])
        assert estimate(agent, tmp_path / "other.jsonl", BatchSpec(as_of=DAY)).messages == CUSTOMERS


def test_an_estimate_without_earlier_assessments_states_a_rate_and_runs_nothing(store, tmp_path, monkeypatch):
    def ask(*_):
        raise AssertionError("the model was asked")

    monkeypatch.setattr(ScriptedModel, "generate", ask)
    monkeypatch.setattr(ScriptedModel, "score_labels", ask)
    path = tmp_path / "out.jsonl"
    with open_agent(store, prompt_price=2.0) as agent:
        found = estimate(agent, path, BatchSpec(as_of=DAY))
        assert (found.customers, found.already_done, found.based_on, found.messages) == (CUSTOMERS, 0, 0, CUSTOMERS)
        assert (found.tokens, found.seconds) == (CUSTOMERS * MESSAGE_TOKENS, CUSTOMERS * MESSAGE_SECONDS)
        assert found.money == pytest.approx(2.0 * found.tokens / 1e6)
        assert not path.exists()
        assert not stored.newest(agent.history, 1)
        half = estimate(agent, path, BatchSpec(as_of=DAY, top=Top(count=5)))
        assert half.messages == 5 + CUSTOMERS / 4


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("45m", 2700), ("1.5h", 5400), ("1d", 86400)])
def test_budgets_of_time(text, seconds):
    assert parse_budget(text, Prices()) == Budget(seconds=seconds)


def test_budgets_of_money_need_prices():
    assert parse_budget("$5", Prices(prompt=1)) == Budget(money=5)
    with pytest.raises(InputError, match="needs prices"):
        parse_budget("$5", Prices())
    for text in ("soon", "$", "$x", "5$"):
        with pytest.raises(InputError, match=r"cannot use the budget: .* is not a.* \$5"):
            parse_budget(text, Prices(prompt=1))


@pytest.mark.parametrize("text", ["0", "0%", "101%", "x", "-3", "1.5"])
def test_what_is_no_top_is_refused(text):
    with pytest.raises(InputError, match="not a number of customers"):
        parse_top(text)


def test_tops():
    assert [parse_top(text).of(25) for text in ("20", "30", "10%", "100%", "0.1%")] == [20, 25, 3, 25, 1]


def test_parts_of_a_book_are_all_of_it_and_never_overlap(store, tmp_path):
    found = [run(store, tmp_path / f"{n}.jsonl", part=parse_part(f"{n}/3")) for n in (1, 2, 3)]
    ids = [each["customer_id"] for n in (1, 2, 3) for each in records(tmp_path / f"{n}.jsonl")]
    assert sorted(ids) == [f"c-{n:02}" for n in range(CUSTOMERS)]
    assert all(each.customers > 0 for each in found)
    for text in ("0/2", "3/2", "x", "1/0"):
        with pytest.raises(InputError, match="not a part of a book"):
            parse_part(text)


def test_a_file_that_ends_in_somebodys_words_is_left_alone(store, tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("buy milk")
    with pytest.raises(InputError, match=r"note\.txt:1 is not a record"):
        run(store, path)
    assert path.read_text() == "buy milk"
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match=r"note\.txt:1 is not a record"):
        run(store, path)


def test_line_ends_of_unicode_end_no_record(tmp_path):
    with open_agent(tmp_path / "odd") as agent:
        agent.ingest([write_csv(tmp_path / "odd.csv", "c-1,2026-02-01,chat,one\u2028two\x85three")])
        path = tmp_path / "out.jsonl"
        run_batch(agent, path, BatchSpec(as_of=DAY))
        assert run_batch(agent, path, BatchSpec(as_of=DAY)).already_done == 1


def test_a_file_that_cannot_be_written_is_told_of_before_anything_is_paid(store, tmp_path):
    class Unpaid(ScriptedModel):
        def score_labels(self, requests):
            raise AssertionError("something was asked")

    with (
        ChurnAgent(Settings.load(store=store), model=Unpaid()) as agent,
        pytest.raises(InputError, match="cannot write"),
    ):
        run_batch(agent, tmp_path / "nowhere" / "out.jsonl", BatchSpec(as_of=DAY, top=Top(count=3)))


def test_of_a_cascade_who_failed_is_done_again_as_deep_as_they_rank(store, tmp_path):
    def cascade(script=None, **more):
        with ChurnAgent(Settings.load(store=store), model=ScriptedModel(script)) as agent:
            return run_batch(agent, tmp_path / "out.jsonl", BatchSpec(as_of=DAY, top=Top(count=4), **more))

    cascade()
    whole = records(tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    broken = {whole[0]["customer_id"], whole[1]["customer_id"]}
    failed = [json.dumps(json.loads(line) | {"status": "failed"}) if n < 2 else line for n, line in enumerate(lines)]
    (tmp_path / "out.jsonl").write_text("\n".join(failed) + "\n", encoding="utf-8")
    again = cascade(only_failed=True)
    assert (again.customers, again.statuses) == (len(broken), {"assessed": 2})
    assert [without_cost(each) for each in records(tmp_path / "out.jsonl")] == [without_cost(each) for each in whole]
    with open_agent(store) as agent:
        assert runs.find(agent.history, again.run_id).summary["customers"] == CUSTOMERS


def test_who_could_not_be_screened_failed(store, tmp_path):
    script = {"score": [{"contains": '"7 ', "error": "broke"}]}
    with ChurnAgent(Settings.load(store=store), model=ScriptedModel(script)) as agent:
        found = run_batch(agent, tmp_path / "out.jsonl", BatchSpec(as_of=DAY, top=Top(count=2)))
    assert found.statuses == {"failed": 1, "screened": CUSTOMERS - 3, "assessed": 2}
    assert [each["customer_id"] for each in records(failures_path(tmp_path / "out.jsonl"))] == ["c-07"]


def test_who_failed_last_time_is_new(store, tmp_path):
    fails = {"generate": [{"contains": '"7 ', "error": "broke"}]}
    with open_agent(store, fails) as agent:
        run_batch(agent, tmp_path / "a.jsonl", BatchSpec(as_of=date(2026, 2, 27)))
    assert run(store, tmp_path / "b.jsonl", only_new=True).customers == 1


def kept_in_memory():
    gc.collect()
    return sum(isinstance(each, Assessment | Fact) for each in gc.get_objects())


@pytest.mark.slow
@pytest.mark.parametrize(("n", "top"), [(120, None), (80, Top(count=25))])
def test_memory_does_not_grow_with_customers(tmp_path, n, top):
    rows = [f"c-{i:03},2026-02-{i % 27 + 1:02},chat,{i} messages" for i in range(n)]
    counts = {}

    def count(summary):
        if summary.finished in (n // 2, n) and summary.finished not in counts:
            counts[summary.finished] = kept_in_memory() - before

    with ChurnAgent(Settings.load(store=tmp_path / "store"), model=ScriptedModel()) as agent:
        agent.ingest([write_csv(tmp_path / "a.csv", *rows)])
        spec = BatchSpec(as_of=DAY, top=top)
        before = kept_in_memory()
        run_batch(agent, tmp_path / "out.jsonl", spec, progress=count)
        facts = len(records(tmp_path / "out.jsonl")[0]["facts"])
        blocks = 2 * 8 * (facts + 1)  # of the model: assessments, and what their customers were assessed before
        assert sorted(counts) == [n // 2, n]
        assert max(counts.values()) <= blocks
        counts.clear()
        assert run_batch(agent, tmp_path / "out.jsonl", spec, progress=count).already_done == n
        assert max(counts.values(), default=0) <= blocks


def test_a_file_that_somebody_changes_meanwhile_is_not_mixed_up(store, tmp_path):
    path = tmp_path / "out.jsonl"

    def meddle(summary):
        if summary.finished == CUSTOMERS:
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(lines[5:]))

    with pytest.raises(InputError, match="was changed while it was being written"):
        run(store, path, progress=meddle)
    assert run(store, path).finished == CUSTOMERS
    assert [each["customer_id"] for each in records(path)] == [f"c-{n:02}" for n in range(CUSTOMERS)]
