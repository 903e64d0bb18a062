"""Metrics against independent implementations and published facts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Costs, Decisions, Placements
from tests.conftest import examples


def book(n=200, seed=0, strength=1.0, rounded=None):
    """Scores that tell something of the outcome."""
    random = np.random.default_rng(seed)
    labels = random.random(n) < 0.35
    scores = stats.norm.cdf(random.normal(size=n) + strength * labels - 0.5)
    return labels, np.round(scores, rounded) if rounded else scores


some_books = st.builds(
    book, st.integers(30, 120), st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 2.0]), st.sampled_from([None, 1])
)


@settings(max_examples=examples(60))
@given(some_books)
def test_ranking_agrees_with_scikit_learn(drawn):
    labels, scores = drawn
    if labels.all() or not labels.any():
        return
    assert metrics.auroc(labels, scores).value == pytest.approx(sk.roc_auc_score(labels, scores))
    assert metrics.average_precision(labels, scores) == pytest.approx(sk.average_precision_score(labels, scores))


def test_the_variance_of_auroc_is_that_of_delong_written_out():
    labels, scores = book(80, rounded=1)
    above, below = scores[labels], scores[~labels]
    won = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    expected = won.mean(axis=1).var(ddof=1) / len(above) + won.mean(axis=0).var(ddof=1) / len(below)
    assert Placements.of(labels, scores).variance == pytest.approx(expected)


def test_the_interval_of_auroc_covers_as_often_as_it_says():
    truth = stats.norm.cdf(1 / math.sqrt(2))
    covered = 0
    for seed in range(400):
        found = metrics.auroc(*book(150, seed=seed))
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_samples_of_the_same_customers_widen_the_interval():
    labels, scores = book(100)
    twice = np.tile(labels, 2), np.tile(scores, 2)
    groups = np.tile(np.arange(100), 2)
    alone, clustered = metrics.auroc(*twice), metrics.auroc(*twice, groups)
    once = metrics.auroc(labels, scores)
    assert alone.high - alone.low < 0.8 * (clustered.high - clustered.low)
    assert clustered.standard_error == pytest.approx(once.standard_error, rel=0.03)


def test_a_ranking_without_a_mistake_is_not_certain():
    """Twenty of twenty placed right: the exact lower bound of Clopper and Pearson on one side."""
    labels = np.repeat([True, False], [20, 80])
    found = metrics.auroc(labels, labels.astype(float))
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(stats.beta.ppf(0.025, 20, 1))
    assert metrics.auroc(labels, 1 - labels.astype(float)).high == pytest.approx(1 - found.low)


def test_one_customer_who_churned_often_has_no_interval():
    labels = np.repeat([True, False], [5, 20])
    groups = np.append(np.zeros(5), np.arange(1, 21)).astype(int)
    found = metrics.auroc(labels, np.linspace(0, 1, 25), groups)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_one_class_has_no_ranking():
    assert math.isnan(metrics.auroc(np.ones(5, dtype=bool), np.linspace(0, 1, 5)).value)


@settings(max_examples=examples(60))
@given(some_books)
def test_probabilities_agree_with_scikit_learn(drawn):
    labels, scores = drawn
    if labels.all() or not labels.any():
        return
    held = np.clip(scores, 1e-6, 1 - 1e-6)
    assert metrics.brier(labels, scores) == pytest.approx(sk.brier_score_loss(labels, scores))
    assert metrics.log_loss(labels, scores) == pytest.approx(sk.log_loss(labels, held))


@settings(max_examples=examples(40))
@given(some_books)
def test_the_parts_of_brier_add_up_and_none_is_negative(drawn):
    labels, scores = drawn
    parts = metrics.brier_parts(labels, scores)
    assert parts.miscalibration - parts.discrimination + parts.uncertainty == pytest.approx(
        metrics.brier(labels, scores)
    )
    assert parts.miscalibration >= -1e-9
    assert parts.discrimination >= -1e-9


def test_the_parts_of_brier_are_those_of_murphy_where_scores_are_few_and_in_order():
    """With isotonic observed rates the bins of the CORP decomposition are the values of the score (Murphy 1973)."""
    scores = np.repeat([0.1, 0.4, 0.8], [40, 30, 30])
    labels = np.concatenate([np.arange(40) < 8, np.arange(30) < 12, np.arange(30) < 21])
    rates, sizes = np.array([0.2, 0.4, 0.7]), np.array([40, 30, 30])
    parts = metrics.brier_parts(labels, scores)
    assert parts.miscalibration == pytest.approx((sizes * (np.array([0.1, 0.4, 0.8]) - rates) ** 2).sum() / 100)
    assert parts.discrimination == pytest.approx((sizes * (rates - 0.41) ** 2).sum() / 100)
    assert parts.uncertainty == pytest.approx(0.41 * 0.59)


def test_calibration_error_is_that_of_bins_counted_by_hand():
    scores = np.array([0.1, 0.1, 0.2, 0.2, 0.8, 0.8, 0.9, 0.9])
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0], dtype=bool)
    by_hand = (4 * abs(0.15 - 0.25) + 4 * abs(0.85 - 0.75)) / 8
    assert metrics.expected_calibration_error(labels, scores, bins=2) == pytest.approx(by_hand)


@pytest.mark.slow
def test_perfect_probabilities_stay_within_the_null_band_nineteen_times_of_twenty():
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        scores = random.beta(2, 3, size=150)
        labels = random.random(150) < scores
        perfect = metrics.calibration_error_of_the_perfect(scores, draws=200)
        inside += perfect.low <= metrics.expected_calibration_error(labels, scores) <= perfect.high
    assert inside >= 180


def test_calibration_slope_and_intercept_undo_what_was_done_to_the_scores():
    random = np.random.default_rng(1)
    log_odds = random.normal(size=20_000)
    labels = random.random(20_000) < 1 / (1 + np.exp(-log_odds))
    overconfident = 1 / (1 + np.exp(-2 * log_odds))
    assert metrics.calibration_slope(labels, overconfident) == pytest.approx(0.5, abs=0.03)
    shifted = 1 / (1 + np.exp(-(log_odds - 0.7)))
    assert metrics.calibration_intercept(labels, shifted) == pytest.approx(0.7, abs=0.05)


def test_calibration_slope_agrees_with_a_likelihood_maximised_directly():
    labels, scores = book(300)
    x = np.log(scores / (1 - scores))

    def loss(ab):
        p = 1 / (1 + np.exp(-(ab[0] + ab[1] * x)))
        return -np.log(np.where(labels, p, 1 - p)).sum()

    assert metrics.calibration_slope(labels, scores) == pytest.approx(optimize.minimize(loss, [0, 1]).x[1], abs=1e-3)


def test_calibration_intercept_agrees_with_a_likelihood_maximised_directly():
    labels, scores = book(300)
    x = np.log(scores / (1 - scores))

    def loss(a):
        return np.logaddexp(0, x + a).sum() - (x + a)[labels].sum()

    found = optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8})
    assert metrics.calibration_intercept(labels, scores) == pytest.approx(found.x, abs=1e-5)


@pytest.mark.parametrize("bins", [1, 5, 10])
def test_reliability_agrees_with_scikit_learn_where_no_scores_are_tied(bins):
    labels, scores = book(200)
    scores = scores + np.arange(200) * 1e-9
    said, happened, sizes = zip(*metrics.reliability(labels, scores, bins), strict=True)
    theirs = calibration_curve(labels, scores, n_bins=bins, strategy="quantile")
    np.testing.assert_allclose((happened, said), theirs)
    assert sizes == (200 // bins,) * bins


def test_reliability_says_how_many_samples_a_rate_comes_from_also_where_scores_are_tied():
    labels, scores = book(103)
    points = metrics.reliability(labels, np.round(scores), 10)
    assert [n for _, _, n in points] == [11] * 3 + [10] * 7
    assert sum(rate * n for _, rate, n in points) == pytest.approx(labels.sum())
    assert len(calibration_curve(labels, np.round(scores), n_bins=10, strategy="quantile")[0]) < 10


def test_decisions_agree_with_scikit_learn():
    labels, scores = book(150)
    found, predicted = Decisions.at(labels, scores, 0.4), scores >= 0.4
    assert [[found.spared, found.bothered], [found.missed, found.caught]] == sk.confusion_matrix(
        labels, predicted
    ).tolist()
    assert found.accuracy == pytest.approx(sk.accuracy_score(labels, predicted))
    assert found.precision == pytest.approx(sk.precision_score(labels, predicted))
    assert found.recall == pytest.approx(sk.recall_score(labels, predicted))
    assert found.f1 == pytest.approx(sk.f1_score(labels, predicted))


def test_the_best_threshold_has_the_highest_f1_of_all():
    labels, scores = book(150)
    best = Decisions.at(labels, scores, metrics.best_threshold(labels, scores)).f1
    assert best == pytest.approx(max(Decisions.at(labels, scores, t).f1 for t in np.linspace(0, 1, 2001)), abs=1e-6)


def test_lift_of_perfect_scores_is_what_the_base_rate_allows_and_of_equal_ones_is_one():
    labels = np.array([True] * 20 + [False] * 80)
    assert metrics.lift(labels, labels.astype(float)) == pytest.approx(5)
    assert metrics.lift(labels, np.full(100, 0.3)) == pytest.approx(1)


def test_lift_and_gain_are_counted_one_by_one():
    labels, scores = book(150)
    best_first = sorted(zip(scores, labels, strict=True), reverse=True)
    caught = [sum(churned for _, churned in best_first[:n]) / labels.sum() for n in range(151)]
    assert metrics.lift(labels, scores, 0.2) == pytest.approx(caught[30] / 0.2)
    assert metrics.gain_curve(labels, scores, 150)[1] == pytest.approx(caught)


def test_the_gain_curve_runs_from_nobody_to_everybody():
    shares, caught = metrics.gain_curve(*book(100))
    assert (shares[0], caught[0], shares[-1], caught[-1]) == (0, 0, 1, 1)
    assert (np.diff(caught) >= -1e-12).all()


def test_profit_is_counted_by_hand():
    labels = np.array([True, False, True, False, False, False, False, False, False, False])
    scores = np.array([0.9, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    costs = Costs(value=100, offer=10, contact=1, accepted=0.5)
    assert metrics.profit_at_capacity(labels, scores, costs, capacity=0.2) == pytest.approx((45 - 10 - 2) / 10)


def test_expected_maximum_profit_is_that_of_the_best_share_when_acceptance_is_certain_enough():
    labels, scores = book(400, strength=2)
    costs = Costs(value=200, offer=10, contact=1, accepted=0.3)
    at_best = max(metrics.profit_at_capacity(labels, scores, costs, share) for share in np.linspace(0, 1, 401))
    assert metrics.expected_maximum_profit(labels, scores, costs) == pytest.approx(at_best, rel=0.05)


def test_risk_grows_as_the_unsure_are_decided_too():
    coverage, risk = metrics.risk_coverage(*book(2000, strength=2), threshold=0.5)
    assert coverage[-1] == 1
    assert risk[400] < risk[-1]


def test_the_area_under_risk_and_coverage_is_counted_by_hand():
    labels = np.array([True, False, False, True])
    scores = np.array([0.9, 0.2, 0.6, 0.45])  # from surest on: right, right, wrong, wrong
    expected = (0 + 0 + 1 / 3 + 2 / 4) / 4
    assert metrics.area_under_risk_coverage(labels, scores, 0.5) == pytest.approx(expected)


def test_a_bootstrapped_ratio_covers_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        wholes = random.integers(0, 5, 120)
        found = metrics.ratio(random.binomial(wholes, 0.6).astype(float), wholes.astype(float), draws=300)
        covered += found.low <= 0.6 <= found.high
    assert 0.9 <= covered / 200 <= 0.99


def test_a_share_has_the_published_interval():
    """Clopper and Pearson (1934) for 4 of 20, as R's binom.test gives it."""
    found = metrics.share(4, 20)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0573, 0.4366), abs=5e-5)


def test_a_bootstrap_over_customers_draws_them_whole():
    groups = np.repeat(np.arange(10), 3)
    for rows in metrics.resamples(30, groups, 20, seed=0):
        assert all((groups[rows] == group).sum() % 3 == 0 for group in range(10))
