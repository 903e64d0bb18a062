"""Expected performance: right where probabilities are, and silent where calibration has not held."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from churn_agent.outcomes import expected
from churn_agent.outcomes.expected import _Evidence, _expected_auroc, _judged, _observed, estimate


def world(seed, n=600, *, slope=1.0, shift=0.0):
    """Probabilities, and outcomes that follow them, or do not."""
    random = np.random.default_rng(seed)
    scores = random.beta(1.2, 6, n)
    truth = 1 / (1 + np.exp(-(shift + slope * np.log(scores / (1 - scores)))))
    return scores, random.random(n) < truth


def evidence(seed, **more):
    scores, labels = world(seed, 800, **more)
    return _Evidence(labels, scores, None, "outcomes of earlier forecasts")


def test_the_expected_auroc_is_the_mean_over_many_outcomes():
    random = np.random.default_rng(1)
    scores = np.round(random.beta(1.2, 6, 120), 2)  # with ties
    flagged = scores > 0.3
    drawn = [_observed(random.random(120) < scores, scores, flagged) for _ in range(3000)]
    assert _expected_auroc(scores) == pytest.approx(np.nanmean([each["auroc"] for each in drawn]), abs=0.005)


def test_intervals_contain_what_is_observed_about_as_often_as_they_say():
    hits, worlds = dict.fromkeys(expected.FIGURES, 0), 40
    for seed in range(worlds):
        verdict, curves = _judged(evidence(1000 + seed), calibrated=True)
        if verdict.verdict != "has held":
            worlds -= 1
            continue
        scores, labels = world(seed)
        flagged = scores > 0.3
        observed = _observed(labels, scores, flagged)
        for name, interval in estimate(scores, flagged, curves).items():
            hits[name] += interval.low <= observed[name] <= interval.high
    assert worlds >= 30  # calibration is rejected by chance now and then
    assert all(n >= 0.85 * worlds for n in hits.values()), (hits, worlds)


def test_calibration_that_does_not_hold_gives_no_figures():
    for more in ({"slope": 0.4}, {"shift": 1.0}):
        verdict, curves = _judged(evidence(3, **more), calibrated=True)
        assert verdict.verdict == "has not held"
        assert len(curves) == 0
        assert "is ideal" in verdict.reason


@pytest.mark.parametrize("n", [30, 99])
def test_few_outcomes_cannot_tell_and_say_how_many_would(n):
    scores, labels = world(5, n)
    verdict, _ = _judged(_Evidence(labels, scores, None, "customers held out of the training"), calibrated=True)
    assert verdict.verdict == "cannot tell"
    assert "would tell" in verdict.reason
    assert _judged(None, calibrated=True)[0].verdict == "cannot tell"
    assert "no customer of the run" in _judged(None, calibrated=False)[0].reason


def test_an_empty_high_band_has_no_precision():
    scores, _ = world(6, 50)
    figures = estimate(scores, np.zeros(50, dtype=bool), np.array([[0.0, 1.0]]))
    assert set(figures) == {"leave", "auroc", "brier"}
    assert figures["leave"].low <= scores.sum() <= figures["leave"].high


def test_bins_of_the_training_are_evidence_without_outcomes(agent, monkeypatch):
    monkeypatch.setattr(expected.ledger, "forecasts", lambda store: [])
    info = SimpleNamespace(reliability=((0.05, 0.05, 100), (0.2, 0.21, 100), (0.6, 0.6, 100)))
    found = expected._evidence(agent.store, "calibrated-1", info)
    assert (len(found.labels), int(found.labels.sum())) == (300, 86)
    verdict, curves = _judged(found, calibrated=True)
    assert verdict.verdict == "has held", verdict.reason
    assert "held out of the training" in verdict.reason
    assert len(curves) > 100


def test_a_run_without_calibration_says_so_on_the_command_line(cli, tmp_path):
    from tests.lookback.small_book import SCRIPT, make

    with make(tmp_path / "book"):
        pass
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    store = ("--store", tmp_path / "book" / "store")
    model = ("--model", f"scripted:{tmp_path / 'script.json'}", "--mode", "read", "--prompt", "direct")
    assert cli(*store, "batch", "--as-of", "2026-02-05", *model).code == 0
    done = cli(*store, "ledger", "expected")
    assert done.code == 0, done.err
    assert "calibration cannot tell: no customer of the run has a calibrated probability" in done.out
    assert cli(*store, "ledger", "expected", "--json").json["figures"] == {}
