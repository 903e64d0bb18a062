"""Methods trained from the command line, kept with their info, and used."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.assessment import ChurnProbability, Reason
from churn_agent.domain.interactions import Label
from churn_agent.errors import DataError, InputError, StoreUnavailable
from churn_agent.history import book
from churn_agent.learning import stored
from churn_agent.learning.drift import spreads
from churn_agent.learning.methods import METHODS, score
from churn_agent.learning.stored import MethodInfo, StoredMethod
from churn_agent.measuring import metrics
from churn_agent.outcomes import training
from churn_agent.outcomes.samples import labelled_samples
from churn_agent.outcomes.training import train
from churn_agent.scoring import prior
from churn_agent.scoring.verdict import Verdict
from churn_agent.settings import Settings

from .test_methods import make_examples
from .test_states import traps


@pytest.fixture
def trained(tmp_path, book_folder):
    """An agent with the scripted model on a store with labels."""
    with ChurnAgent(Settings.load(store=tmp_path / "store", model="scripted")) as agent:
        agent.ingest([book_folder])
        yield agent


def reopened(agent, **settings):
    return ChurnAgent(Settings.load(store=agent.settings.store, model="scripted", **settings))


def test_train_then_assess_by_it(cli, tmp_path, book_folder):
    store = ("--store", tmp_path / "store")
    assert cli(*store, "ingest", book_folder).code == 0
    made = cli(*store, "train", "rfm", "--model", "scripted")
    assert made.code == 0, made.err
    assert "stored rfm-1: trained on 60 labels" in made.out
    customer = json.loads(cli(*store, "customers", "--json").out)[0]["customer_id"]
    record = json.loads(cli(*store, "assess", customer, "--model", "scripted", "--method", "rfm", "--json").out)
    assert record["provenance"]["method"] == record["churn_probability"]["method"] == "rfm-1"
    assert 0 < record["churn_probability"]["value"] < 1
    plain = json.loads(cli(*store, "assess", customer, "--model", "scripted", "--json").out)
    assert plain["provenance"]["method"] is None
    assert {r["concept"] for r in record["reasons"]} <= {r["concept"] for r in plain["reasons"]}
    weights = [abs(reason["contribution"] or 0) for reason in record["reasons"]]
    assert weights == sorted(weights, reverse=True)
    assert "rfm-1" in cli(*store, "train").out


@pytest.mark.slow
def test_a_trained_method_becomes_a_model_of_mlflow(cli, tmp_path, book_folder):
    store = ("--store", tmp_path / "store")
    cli(*store, "ingest", book_folder)
    made = cli(*store, "train", "rfm", "--model", "scripted", "--mlflow", tmp_path / "tracked")
    assert made.code == 0, made.err
    assert "logged as models:/" in made.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recency", "tfidf", "boosting", "readings", "prior"])
def test_what_is_kept_scores_as_what_was_trained(trained, name):
    first, second = train(trained, name), train(trained, name)
    assert (first.version, second.version) == (1, 2)
    assert first.labels_hash == second.labels_hash
    sample = labelled_samples(trained.store)[0]
    with reopened(trained, method=name) as newest, reopened(trained, method=first.name) as oldest:
        records = [agent.assess(sample.customer_id, as_of=sample.as_of) for agent in (newest, oldest)]
    assert [record.provenance.method for record in records] == [second.name, first.name]
    assert records[0].churn_probability.value == pytest.approx(records[1].churn_probability.value)


@pytest.mark.slow
def test_what_is_learned_from_is_read_by_the_mode_alone(trained):
    """Not by a method that knows the outcomes already."""
    train(trained, "boosting")
    before = train(trained, "readings")
    with reopened(trained, method="boosting") as agent:
        again = train(agent, "readings")
    assert (again.auroc, again.auroc_before) == (before.auroc, before.auroc_before)


@pytest.mark.slow
@pytest.mark.usefixtures("short_ladder")
def test_a_damaged_calibration_can_be_made_again_and_stands_in_nobodys_way(trained):
    info = train(trained, "calibrated")
    path = stored.path_of(trained.settings.store, info)
    path.write_bytes(b"broken")
    said = []
    sample = labelled_samples(trained.store)[0]
    with ChurnAgent(Settings.load(store=trained.settings.store, model="scripted"), notify=said.append) as agent:
        assert not agent.assess(sample.customer_id, as_of=sample.as_of).churn_probability.calibrated
        assert any("not calibrated" in each and "churn-agent calibrate" in each for each in said)
        assert train(agent, "calibrated").version == 2


@pytest.mark.slow
def test_customers_who_wrote_nothing_and_labels_without_history_are_no_obstacle(trained):
    with trained.history.begin() as connection:
        book.add_labels(connection, [Label("nobody", "2026-01-01", True, None, {})])
    trained.ingest(pd.DataFrame({"customer_id": ["silent"] * 2, "timestamp": ["2025-01-01", "2025-02-01"],
                                 "channel": ["order"] * 2, "text": ["", ""], "amount": [1.0, 2.0]}))  # fmt: skip
    info = train(trained, "embedding")
    assert info.left_out == 1
    with reopened(trained, method="embedding") as agent:
        number = agent.assess("silent").churn_probability
    assert 0 < number.value < 1


def test_customers_whom_somebody_tried_to_keep_are_not_learned_from(trained):
    first, second, third = labelled_samples(trained.store)[:3]
    horizon_days = trained.store.card.horizon_days
    within, after = (first.as_of + timedelta(days=days) for days in (3, horizon_days + 1))
    row = {"channel": "call", "text": "We called.", "direction": "outbound", "action": "retention_call"}
    trained.ingest(pd.DataFrame([{"customer_id": first.customer_id, "timestamp": str(within), **row},
                                 {"customer_id": second.customer_id, "timestamp": str(after), **row}]))  # fmt: skip
    with trained.history.begin() as connection:
        label = Label(third.customer_id, third.as_of.isoformat(), third.churned, None, {"treated": "yes"})
        book.add_labels(connection, [label])
    info = train(trained, "rfm")
    assert (info.n, info.treated) == (58, 2)


@pytest.mark.slow
@pytest.mark.usefixtures("short_ladder")
def test_a_calibrated_card_tells_of_customers_alike(cli, tmp_path, book_folder):
    store = ("--store", tmp_path / "store")
    cli(*store, "ingest", book_folder)
    with ChurnAgent(Settings.load(store=tmp_path / "store", model="scripted")) as agent:
        sample = max(labelled_samples(agent.store), key=lambda each: each.as_of)
        later = sample.as_of + timedelta(days=agent.store.card.horizon_days)
    made = cli(*store, "calibrate", "--by", "segment", "--model", "scripted")
    assert made.code == 0, made.err
    assert "adjustment" in made.out

    def facts(day):
        arguments = (*store, "assess", sample.customer_id, "--as-of", day, "--model", "scripted", "--json")
        return {fact["name"]: fact for fact in json.loads(cli(*arguments).out)["facts"]}

    assert "past customers whose words were most alike" in facts(later)["alike_left"]["text"]
    assert "alike_left" not in facts(sample.as_of)


def test_how_far_numbers_move_by_themselves_widens_intervals():
    class Sure:
        classes_ = (False, True)

        def predict_proba(self, examples):
            return np.full((len(examples), 2), 0.5)

        def interval(self, examples):
            return np.full(len(examples), 0.4), np.full(len(examples), 0.7)

    def number(spread):
        info = MethodInfo.model_construct(
            method="calibrated", n=10, churned=5, version=1, horizon_days=90, spread=spread
        )
        return StoredMethod(info, Sure()).numbers(make_examples(1), [None])[0].probability

    narrow, wide = number(0.0), number(0.5)
    assert (narrow.low, narrow.value, narrow.high) == (pytest.approx(0.4), pytest.approx(0.5), pytest.approx(0.7))
    assert wide.value == narrow.value
    assert wide.low == pytest.approx(expit(-np.hypot(np.log(1.5), metrics.REACH / 2)))
    assert wide.high == pytest.approx(expit(np.hypot(np.log(7 / 3), metrics.REACH / 2)))


@pytest.mark.slow
def test_the_spread_is_of_the_number_that_is_given(trained):
    """A rule on facts is not moved by less evidence or other words."""
    given = labelled_samples(trained.store)[:6]
    method = METHODS["recency"]
    seen = training.examples(trained, given)
    fitted = method.make(0).fit(seen, seen.labels)
    assert training._spread(trained, fitted, method, given, lambda: None) == 0
    wrote = np.mean([bool(trained.snapshot(each.customer_id, as_of=each.as_of).messages) for each in given])
    moved = training._spread(trained, Told(), method, given, lambda: None)
    assert wrote > 0
    assert moved == pytest.approx(np.sqrt(wrote * np.log(4) ** 2 / 3))


class Told:
    """Says .8 of who has one message more than these customers had, else .5."""

    classes_ = (False, True)

    def __init__(self):
        self.usual = None

    def predict_proba(self, examples):
        counts = examples.fact("interactions")
        self.usual = counts if self.usual is None else self.usual
        said = np.where(counts > self.usual, 0.8, 0.5)
        return np.column_stack([1 - said, said])


@pytest.mark.slow
@pytest.mark.usefixtures("short_ladder")
def test_a_segment_that_nobody_has_is_said(trained):
    with pytest.raises(DataError, match="no customer has an attribute 'planet'"):
        train(trained, "calibrated", segment="planet")


def test_labels_of_one_outcome_or_of_several_horizons_are_refused(trained):
    with trained.history.begin() as connection:
        book.add_labels(connection, [Label("x", "2026-01-01", True, 7, {})])
    with pytest.raises(DataError, match="different horizons"):
        train(trained, "rfm")
    with trained.history.begin() as connection:
        connection.exec_driver_sql("update labels set churned = 1, horizon_days = null")
    with pytest.raises(DataError, match="labels of both outcomes"):
        train(trained, "recency")


@pytest.mark.slow
def test_a_method_on_readings_is_refused_with_another_prompt(trained):
    train(trained, "readings")
    sample = labelled_samples(trained.store)[0]
    with (
        reopened(trained, method="readings", prompt="few_shot") as other,
        pytest.raises(InputError, match="readings by another model, prompt or weights"),
    ):
        other.assess(sample.customer_id, as_of=sample.as_of)


@pytest.mark.slow
def test_a_method_on_scores_is_refused_with_other_weights(trained, monkeypatch):
    train(trained, "readings")
    sample = labelled_samples(trained.store)[0]
    monkeypatch.setattr(prior, "RECENCY_WEIGHT", 0.4)
    with (
        reopened(trained, method="readings") as other,
        pytest.raises(InputError, match="readings by another model, prompt or weights"),
    ):
        other.assess(sample.customer_id, as_of=sample.as_of)


def test_a_changed_file_is_not_loaded(trained):
    info = train(trained, "rfm")
    path = stored.path_of(trained.settings.store, info)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(StoreUnavailable, match="was changed after training"):
        stored.load(trained.settings.store, "rfm")


def planted(store, info, data):
    """Puts another file in the place of a kept one, and makes its info agree."""
    path = stored.path_of(store, info)
    path.write_bytes(data)
    agreeing = info.model_copy(update={"sha256": hashlib.sha256(data).hexdigest()})
    path.with_suffix(".json").write_text(agreeing.model_dump_json(), encoding="utf-8")


def test_opening_a_store_runs_no_code(trained, tmp_path):
    store, left = trained.settings.store, tmp_path / "ran"
    info = train(trained, "rfm")
    for data in traps(left).values():
        planted(store, info, data)
        with pytest.raises(StoreUnavailable, match=r"cannot be used.*churn-agent train rfm"):
            stored.load(store, "rfm")
    assert not left.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("short_ladder")
def test_a_calibration_of_an_earlier_version_is_left_alone(cli, trained, tmp_path):
    """Its pickle beside a info that agrees is not opened, and customers are assessed without it."""
    store, left = trained.settings.store, tmp_path / "ran"
    info = train(trained, "calibrated")
    planted(store, info, traps(left)["pickle"])
    stored.path_of(store, info).rename(stored.path_of(store, info).with_suffix(".joblib"))
    result = cli(
        "--store", store, "assess", labelled_samples(trained.store)[0].customer_id, "--model", "scripted", "--json"
    )
    assert result.code == 0, result.err
    assert not result.json["churn_probability"]["calibrated"]
    assert "stored by an earlier version, in a file that could run code; run: churn-agent calibrate" in result.err
    assert not left.exists()
    assert train(trained, "calibrated").version == 2


def test_a_link_out_of_the_store_is_neither_read_nor_written_through(trained, tmp_path):
    store = trained.settings.store
    path = stored.path_of(store, train(trained, "rfm"))
    outside = tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(StoreUnavailable, match="is a link"):
        stored.load(store, "rfm")
    before = outside.read_bytes()
    next_path = path.with_name("rfm-2.safetensors")
    next_path.symlink_to(outside)
    train(trained, "recency")
    train(trained, "rfm")
    assert outside.read_bytes() == before
    assert not next_path.is_symlink()


def test_what_another_version_of_scikit_learn_kept_is_used(trained):
    store = trained.settings.store
    path = stored.path_of(store, train(trained, "rfm")).with_suffix(".json")
    path.write_text(path.read_text().replace(f'"{version("scikit-learn")}"', '"1.5.0"'), encoding="utf-8")
    loaded = stored.load(store, "rfm")
    assert loaded.info.scikit_learn == "1.5.0"
    assert np.isfinite(score(loaded.estimator, make_examples(5))).all()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("train", "magic"), 2, "no method 'magic'; available methods: prior"),
        (("train", "rfm"), 3, "no labels"),
        (("train", "rfm", "--labels", "nowhere.csv"), 3, "nowhere.csv"),
    ],
)
def test_what_cannot_be_trained_is_said(cli, arguments, code, said):
    result = cli(*arguments)
    assert result.code == code
    assert said in result.err


def test_an_unknown_method_is_said(cli, tmp_path, book_folder):
    store = ("--store", tmp_path / "store")
    cli(*store, "ingest", book_folder)
    customer = json.loads(cli(*store, "customers", "--json").out)[0]["customer_id"]
    result = cli(*store, "assess", customer, "--model", "scripted", "--method", "boosting")
    assert result.code == 2
    assert "no trained method 'boosting' in this store; available methods: none yet" in result.err


@pytest.mark.slow
@pytest.mark.usefixtures("short_ladder")
def test_calibrate_makes_the_score_a_probability_from_then_on(cli, tmp_path, book_folder):
    store = ("--store", tmp_path / "store")
    cli(*store, "ingest", book_folder)
    made = cli(*store, "calibrate", "--model", "scripted", "--plot", tmp_path / "c.svg")
    assert made.code == 0, made.err
    assert "stored calibrated-1: trained on 60 labels" in made.out
    assert "chosen: " in made.out
    assert "calibrated-1" in (tmp_path / "c.svg").read_text()
    assert "before" in made.out
    customer = json.loads(cli(*store, "customers", "--json").out)[0]["customer_id"]
    assess = (*store, "assess", customer, "--model", "scripted")
    number = json.loads(cli(*assess, "--json").out)["churn_probability"]
    assert number["calibrated"]
    assert number["method"] == "calibrated-1"
    assert number["low"] <= number["value"] <= number["high"]
    assert "Probability " in cli(*assess).out
    before = json.loads(cli(*assess, "--json", "--method", "none").out)["churn_probability"]
    assert not before["calibrated"]
    assert before["raw"] == number["raw"]
    other = cli(*assess, "--json", "--prompt", "few_shot")
    assert "not calibrated: calibrated-1 learned from readings by another model, prompt or weights" in other.err
    assert not json.loads(other.out)["churn_probability"]["calibrated"]


@pytest.mark.slow
@pytest.mark.usefixtures("short_ladder")
def test_a_known_base_rate_moves_the_probabilities(trained):
    train(trained, "calibrated")
    sample = labelled_samples(trained.store)[0]

    def value():
        with reopened(trained) as agent:
            return agent.assess(sample.customer_id, as_of=sample.as_of).churn_probability

    as_learned = value()
    with trained.history.begin() as connection:
        book.set_card(connection, trained.store.card.model_copy(update={"base_rate": 0.01}))
    rare = value()
    assert rare.base_rate == 0.01
    assert rare.value < as_learned.value
    assert rare.low < rare.value < rare.high


def test_reasons_are_weighed_by_what_they_do_to_the_number():
    """A method whose score is a known sum gives its parts back."""
    random = np.random.default_rng(0)
    recency, price = random.exponential(20, 400), (random.random(400) < 0.3).astype(float)
    labels = random.random(400) < expit(0.05 * (recency - 20) + 1.5 * price - 1)
    facts = [{"recency": r} for r in recency]
    readings = [{"price": p, "leaning": -0.9, "score": 0.0} for p in price]
    given = replace(
        make_examples(400), labels=labels, facts=facts, numbers=facts, attributes=[{}] * 400, readings=readings
    )
    estimator = METHODS["logistic_readings"].make(0).fit(given, labels)
    learned = {"method": "logistic_readings", "n": 400, "churned": int(labels.sum()), "facts": spreads(facts)}
    info = MethodInfo.model_construct(**learned, version=1, horizon_days=90)
    reasons = [
        Reason(statement="", polarity="risk", concept=concept, contribution=0.5) for concept in ("recency", "price")
    ]
    verdict = Verdict(ChurnProbability.model_construct(raw=0.5), tuple(reasons))
    busy_and_dear = replace(given.take(np.array([0])), facts=[{"recency": 60.0}], numbers=[{"recency": 60.0}],
                            readings=[{"price": 1.0, "leaning": -0.9, "score": 0.0}])  # fmt: skip
    [number] = StoredMethod(info, estimator).numbers(busy_and_dear, [verdict])
    assert number.contributions["price"] == pytest.approx(1.5, abs=0.5)
    assert number.contributions["recency"] > 0.5
    quiet = replace(busy_and_dear, facts=[{"recency": 1.0}], numbers=[{"recency": 1.0}])
    [number] = StoredMethod(info, estimator).numbers(quiet, [verdict])
    assert number.contributions["recency"] < -0.3
