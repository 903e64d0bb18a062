import json

import numpy as np
import pytest
from scipy.special import expit, logit

from churn_agent.evals.checks.calibration import measure
from churn_agent.evals.runs.predictions import Prediction
from churn_agent.evals.sets.labelled import TOGETHER


def predictions(name, *, rate, sure=1.0, moved=0.0, n=1500, seed=0):
    """Of customers whose log-odds are said so many times surer than they are, and so far off."""
    random = np.random.default_rng(seed)
    true = random.normal(logit(rate), 1.5, n)
    churned = random.random(n) < expit(true)
    return [
        Prediction(
            set=name, method="m", customer_id=f"{i}", as_of="2026-01-01", split="test",
            churned=bool(left), churn_probability=float(said),
        )
        for i, (left, said) in enumerate(zip(churned, expit(sure * true + moved), strict=True))
    ]  # fmt: skip


def test_what_is_right_is_told_from_what_is_too_sure_and_from_what_is_too_high():
    [right] = measure(predictions("a", rate=0.3), ["m"])
    assert right.slope_low < 1 < right.slope_high
    assert right.intercept_low < 0 < right.intercept_high
    assert right.skill_low > 0
    [sure] = measure(predictions("a", rate=0.3, sure=3), ["m"])
    assert sure.slope == pytest.approx(right.slope / 3, rel=0.01)
    assert sure.skill < right.skill
    assert sure.brier > right.brier
    [high] = measure(predictions("a", rate=0.3, moved=2.0), ["m"])
    assert high.intercept == pytest.approx(right.intercept - 2, abs=0.01)
    assert all(said > seen for said, seen, _ in high.reliability)


def test_sets_together_are_held_against_the_base_rate_of_each():
    found = measure([*predictions("a", rate=0.1), *predictions("b", rate=0.9, seed=1)], ["m"])
    assert [each.set for each in found] == ["a", "b", TOGETHER]
    alone, other, together = found
    assert together.n == alone.n + other.n
    assert min(alone.skill, other.skill) < together.skill < max(alone.skill, other.skill)
    assert together.log_loss == pytest.approx((alone.log_loss + other.log_loss) / 2)


def test_it_is_told_and_drawn(cli, finished, tmp_path):
    plot = tmp_path / "curve.svg"
    told = cli("eval", "calibration", finished, "--method", "rfm", "--method", "prior", "--plot", plot)
    assert "rfm" in told.out
    assert "<svg" in plot.read_text(encoding="utf-8")
    rows = json.loads(cli("eval", "calibration", finished, "--method", "rfm", "--method", "prior", "--json").out)
    assert [row["method"] for row in rows] == ["rfm", "prior"]
    assert rows[1]["skill"] == pytest.approx(0, abs=0.01)
    refused = cli("eval", "calibration", finished)
    assert refused.code == 2
    assert "too few samples of 'calibrated' to measure calibration; its methods: " in refused.err
