"""What is learned on some sets, tried on others."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from churn_agent.evals.checks.transferring import from_others
from churn_agent.learning.examples import Examples
from churn_agent.measuring import metrics


def scored(n, seed, *, rate, sure):
    """Samples whose score is so many times surer than it should be."""
    random = np.random.default_rng(seed)
    true = random.normal(logit(rate), 1.0, n)
    labels = random.random(n) < expit(true)
    facts = [{"recency": 30.0, "active_days": 2.0}] * n
    readings = [{"score": float(sure * each), "leaning": 0.0} for each in true]
    ids = [f"{seed}-{i}" for i in range(n)]
    return Examples(
        ids, [None] * n, labels, np.arange(n), facts, true, facts, [{}] * n, [[3]] * n, [""] * n, None, None, readings
    )


def test_a_calibration_of_other_sets_helps_where_scores_are_as_far_off():
    sets = {
        name: scored(800, seed, rate=rate, sure=6) for name, seed, rate in (("a", 1, 0.2), ("b", 2, 0.4), ("c", 3, 0.6))
    }
    found = {each.set: each for each in from_others(sets)}
    assert set(found) == {"a", "b", "c", "all"}
    assert found["all"].n == 2400
    assert found["all"].log_loss < found["all"].log_loss_uncalibrated
    assert found["all"].conclusion.judgement == "better"
    # The one that it is tried on is not learned from: without it nothing else changes.
    alone = from_others({"a": sets["a"], "b": replace(sets["b"], labels=~sets["b"].labels)})
    assert next(each for each in alone if each.set == "a").log_loss > found["a"].log_loss


def test_samples_of_two_sets_stay_apart():
    both = scored(10, 1, rate=0.5, sure=1).and_(scored(5, 2, rate=0.5, sure=1))
    assert len(both) == 15
    assert len(np.unique(both.groups)) == 15
    assert len(both.readings) == len(both.facts) == len(both.texts) == 15


def test_from_the_command_line(cli, book_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHURN_AGENT_MODEL", "scripted")
    (tmp_path / "other").symlink_to(book_folder)
    found = json.loads(cli("eval", "transfer", book_folder, "--method", "rfm", "--json").out)
    assert [(each["trained_on"], each["tested_on"], each["method"]) for each in found] == [("book", "book", "rfm")]
    assert 0 <= found[0]["low"] <= found[0]["auroc"] <= found[0]["high"] <= 1
    assert cli("eval", "transfer", book_folder, "--calibration").code == 2


def test_the_loss_is_that_of_scikit_learn():
    from sklearn.metrics import log_loss

    sets = {"a": scored(100, 1, rate=0.3, sure=2), "b": scored(100, 2, rate=0.3, sure=2)}
    a = from_others(sets)[0]
    rate = sets["a"].labels.mean()
    plain = [expit(logit(rate) + 0.5 * (row["score"] + 0.8)) for row in sets["a"].readings]
    assert a.log_loss_uncalibrated == pytest.approx(log_loss(sets["a"].labels, plain))
    assert metrics.log_loss(sets["a"].labels, np.array(plain)) == pytest.approx(a.log_loss_uncalibrated)
