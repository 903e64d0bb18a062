"""Forecasts against outcomes."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.assessment import Assessment, ChurnProbability, LeftOut, Provenance
from churn_agent.domain.interactions import Label
from churn_agent.errors import UnknownCustomer
from churn_agent.history import assignments, book, records
from churn_agent.history.assignments import Assignment
from churn_agent.history.feedback import Feedback, add, all_feedback
from churn_agent.outcomes.ledger import compare, forecasts, judgements, score
from churn_agent.settings import Settings
from tests.conftest import write_csv

JAN, FEB = date(2026, 1, 31), date(2026, 2, 28)
HORIZON = 30


def record(customer, day, value, *, calibrated=True, method="calibrated-1", band=None):
    return Assessment(
        status="assessed", status_reason=None, customer_id=customer, as_of=day,
        churn_probability=ChurnProbability(
            value=value, low=None, high=None, raw=value, method=method or "prior", calibrated=calibrated,
            base_rate=0.3, horizon_days=HORIZON,
        ),
        band=band or ("high" if value > 0.5 else "low"), reasons=(), actions=(), facts=(), left_out=LeftOut(),
        provenance=Provenance(
            churn_agent="0", model_id="m", model_sha256=None, mode="read", prompt="read/words@1", prompt_hash="h",
            embedder=None, evidence_ids=(), prompt_tokens=0, output_tokens=0, cached_answers=0, seconds=0, seed=0,
            method=method,
        ),
    )  # fmt: skip


@pytest.fixture
def agent(tmp_path):
    """Forty customers, forecast in January and February; what came of January is known, February is not over."""
    rows = [f"c-{n:02},2026-01-{n % 28 + 1:02},chat,hello" for n in range(40)]
    with ChurnAgent(Settings.load(store=tmp_path / "store", model="scripted")) as opened:
        opened.ingest([write_csv(tmp_path / "a.csv", *rows, "c-00,2026-03-10,chat,hello")])
        random = np.random.default_rng(0)
        for n in range(40):
            value = float(random.uniform(0.05, 0.95))
            records.add(opened.history, record(f"c-{n:02}", JAN, value))
            records.add(opened.history, record(f"c-{n:02}", FEB, 0.5))
            label(opened, f"c-{n:02}", JAN, bool(random.random() < value))
        yield opened


def label(agent, customer, day, churned, **metadata):
    with agent.history.begin() as connection:
        book.add_labels(connection, [Label(customer, day.isoformat(), churned, HORIZON, metadata)])


def told(agent, customer=None):
    return forecasts(agent.store, customer, today=date(2026, 3, 10))


def test_a_forecast_is_judged_once_its_outcome_is_known(agent):
    found = told(agent)
    assert len(found) == 80
    january = [each for each in found if each.assessment.as_of == JAN]
    assert all(each.over and each.churned is not None for each in january)
    assert not any(each.over or each.churned is not None for each in found if each.assessment.as_of == FEB)
    [standing] = score(found)
    labels = np.array([each.churned for each in january])
    values = np.array([each.number for each in january])
    assert (standing.n, standing.churned) == (40, labels.mean())
    assert standing.brier.value == pytest.approx(np.mean((values - labels) ** 2))
    assert standing.skill == pytest.approx(1 - standing.brier.value / (labels.mean() * (1 - labels.mean())))
    assert standing.auroc.value > 0.7
    assert standing.expected == pytest.approx(values.mean())


def test_what_was_said_again_counts_once_and_scores_claim_no_probability(agent):
    first = told(agent, "c-00")[0].number
    records.add(agent.history, record("c-00", JAN, 0.11))
    assert len(told(agent)) == 80
    assert [each.number for each in told(agent, "c-00")] == [first, 0.5]  # who knows the outcome cannot better it
    for n in range(40):
        records.add(agent.history, record(f"c-{n:02}", JAN, n / 40, calibrated=False, method=None))
    by_method = {each.group: each for each in score(told(agent), "method")}
    assert by_method["read (uncalibrated)"].brier is None
    assert by_method["read (uncalibrated)"].expected is None
    assert by_method["calibrated-1"].brier is not None


def test_an_upgrade_does_not_count_a_forecast_twice(agent):
    today = datetime.now(UTC).date()
    for value, version, prompt_hash in ((0.2, 3, "old"), (0.3, 4, "new")):
        earlier = record("c-00", today, value)
        provenance = earlier.provenance.model_copy(
            update={"prompt": f"read/words@{version}", "prompt_hash": prompt_hash, "churn_agent": str(version)}
        )
        records.add(agent.history, earlier.model_copy(update={"provenance": provenance}))
    ahead = [each for each in told(agent, "c-00") if not each.back_test]
    assert [each.number for each in ahead] == [0.3]
    assert len(told(agent)) == 81
    other = earlier.provenance.model_copy(update={"prompt": "read/few_shot@1"})
    records.add(agent.history, earlier.model_copy(update={"provenance": other}))
    assert len(told(agent)) == 82  # another prompt can be compared with it


def test_methods_are_held_against_each_other_on_the_same_customers(agent):
    truth = {each.assessment.customer_id: each.churned for each in told(agent) if each.churned is not None}
    for customer, churned in truth.items():
        records.add(agent.history, record(customer, JAN, 0.95 if churned else 0.05, method="perfect-1"))
    [found] = compare(told(agent), "method")
    assert (found.first, found.second, found.paired) == ("calibrated-1", "perfect-1", True)
    assert found.conclusion.difference.value < 0
    assert found.conclusion.difference.n == 40


def test_methods_on_customers_of_their_own_are_held_against_each_other_too(agent):
    """As after `batch --part 1/2` with one method and `--part 2/2` with the other."""
    for n in range(60, 100):
        records.add(agent.history, record(f"c-{n}", JAN, 0.9 if n % 2 else 0.1, method="perfect-1"))
        label(agent, f"c-{n}", JAN, bool(n % 2))
    [found] = compare(told(agent), "method")
    assert not found.paired
    assert found.conclusion.difference.n == 80
    own = {each.group: each.auroc for each in score(told(agent), "method")}
    assert found.conclusion.difference.value == pytest.approx(own["calibrated-1"].value - own["perfect-1"].value)
    assert found.conclusion.difference.low < found.conclusion.difference.value < found.conclusion.difference.high


def test_what_is_known_early_or_looks_ahead_by_another_time_is_not_judged(agent):
    label(agent, "c-05", FEB, True)  # left already; nobody knows yet who of the others will
    with agent.history.begin() as connection:
        book.add_labels(connection, [Label("c-06", JAN.isoformat(), True, 7, {})])
    [standing] = score(told(agent))
    assert standing.n == 39


def test_forecasts_made_when_all_was_over_are_called_back_tests(agent):
    assert all(each.back_test for each in told(agent) if each.assessment.as_of == JAN)
    assert [each.group for each in score(told(agent), "made")] == ["back-test"]
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    records.add(agent.history, record("c-00", tomorrow, 0.4))
    assert [each.back_test for each in told(agent, "c-00")] == [True, True, False]


def test_who_was_left_alone_is_told_apart(agent):
    found = [Assignment("r", f"c-{n:02}", JAN, "control", True) for n in range(20)]
    assignments.replace(agent.history, "r", found)
    assert {each.group: each.n for each in score(told(agent), "treated")} == {"held out": 20, "not treated": 20}


def test_who_is_forgotten_leaves_a_number_a_date_and_an_outcome(agent, cli):
    before = score(told(agent))
    with agent.history.connect() as connection:
        texts = "select count(*) from interactions where customer_id = 'c-07'"
        assert connection.exec_driver_sql(texts).scalar() == 1
    batch = agent.settings.store / "batches" / "b.jsonl"
    batch.parent.mkdir()
    batch.write_bytes(b'{"customer_id":"c-07"}\n{"customer_id":"c-08"}\n{"customer_id":"c-0')
    agent.store.forget("c-07")
    assert batch.read_bytes() == b'{"customer_id":"c-08"}\n'
    after = score(told(agent))
    assert after[0].n == 40
    assert after[0].brier.value == pytest.approx(before[0].brier.value)
    assert told(agent, "c-07") == []
    with pytest.raises(UnknownCustomer):
        agent.snapshot("c-07")
    with agent.history.connect() as connection:
        for table in ("interactions", "customers", "labels", "records", "feedback", "assignments"):
            rows = connection.exec_driver_sql(f"select * from {table}").all()  # noqa: S608
            assert "c-07" not in str(rows), table
    assert b"c-07" not in (agent.settings.store / "history.db").read_bytes()


def test_treated_customers_are_told_apart(agent, tmp_path):
    when = JAN + timedelta(days=5)
    path = tmp_path / "t.csv"
    path.write_text(
        "customer_id,timestamp,channel,direction,text,action\n"
        + f"c-01,{when},call,outbound,we called,retention_call\n"
    )
    agent.ingest([path])
    label(agent, "c-02", JAN, True, treated="yes")
    found = {each.assessment.customer_id: each for each in told(agent) if each.assessment.as_of == JAN}
    assert {id_ for id_, each in found.items() if each.treated} == {"c-01", "c-02"}
    assert [each.group for each in score(found.values(), "treated")] == ["not treated"]


def test_managers_are_judged_on_the_same_customers(agent):
    for customer, churned in (("c-50", True), ("c-51", True), ("c-52", False)):
        records.add(agent.history, record(customer, JAN, 0.9))
        label(agent, customer, JAN, churned)
    add(
        agent.history,
        [Feedback(customer_id=c, as_of=JAN, verdict=v) for c, v in
         (("c-50", "disagree"), ("c-50", "agree"), ("c-51", "disagree"), ("c-52", "disagree"), ("c-00", "already known"))],
    )  # fmt: skip
    found = judgements(told(agent), all_feedback(agent.history))
    assert (found.n, found.right, found.tool_right) == (3, 2, 2)
    assert (found.disagreed, found.right_when_disagreeing) == (2, 1)


def test_from_the_command_line(cli, tmp_path):
    rows = [f"c-{n:02},2026-01-{n % 28 + 1:02},chat,hello {n}" for n in range(14)]
    rows += [f"c-{n:02},2025-12-{n % 28 + 1:02},order,tea" for n in range(14)] + ["c-00,2026-05-10,chat,hello"]
    store = ("--store", tmp_path / "store")
    cli(*store, "ingest", write_csv(tmp_path / "a.csv", *rows))
    for day in ("2026-01-31", "2026-04-30"):
        assert cli(*store, "batch", "--as-of", day, "--model", "scripted").code == 0
    outcomes = [f"c-{n:02},2026-01-31,{n % 2}" for n in range(14)]
    made = cli(
        *store, "outcomes", "import", write_csv(tmp_path / "o.csv", *outcomes, header="customer_id,as_of,churned")
    )
    assert made.out == "14 outcomes imported, 0 rows rejected\n"
    scored = cli(*store, "ledger", "score")
    assert scored.out.startswith("28 forecasts; 0 are not over yet, 14 are over without a known outcome")
    [standing] = cli(*store, "ledger", "score", "--by", "month", "--json").json["standings"]
    assert (standing["group"], standing["n"], standing["churned"]) == ("2026-01", 14, 0.5)
    shown = cli(*store, "ledger", "show", "c-01", "--model", "scripted")
    assert "churned" in shown.out
    assert "time passed" in shown.out
    later = cli(*store, "ledger", "show", "c-01", "--model", "scripted", "--json").json[1]
    assert later["moved_by"]["time passed"] > 0
    assert cli(*store, "ledger", "show", "nobody", "--model", "scripted").code == 2
    script = tmp_path / "script.json"
    script.write_text('{"generate": [{"contains": "", "error": "broke"}]}')
    other = ("ledger", "show", "c-01", "--model", f"scripted:{script}")
    assert [each["moved_by"] for each in cli(*store, *other, "--json").json] == [{}, None]
    told = cli(*store, *other)
    assert told.code == 0
    assert "unknown" in told.out
    assert "not explained: c-01 at 2026-04-30 cannot be assessed again in the same way" in told.err


def test_other_weights_under_the_same_name_are_other_means(agent):
    first = record("c-00", JAN, 0.11, method="m-1")
    how = first.provenance.model_copy(update={"model_sha256": "aaaa"})
    records.add(agent.history, first)
    records.add(agent.history, first.model_copy(update={"provenance": how}))
    assert len([each for each in told(agent, "c-00") if each.number == 0.11]) == 2
