"""Verdicts: right as often as they say, by simulation."""

from statistics import mean

import numpy as np
import pytest
from scipy import stats

from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Difference


def rivals(n, seed, better_by=0.0):
    """Two scores with noise of their own about the same signal; the first one's signal may be stronger."""
    random = np.random.default_rng(seed)
    labels = random.random(n) < 0.4
    common = random.normal(size=n)
    first = common + random.normal(size=n) + (1 + better_by) * labels
    second = common + random.normal(size=n) + labels
    return labels, stats.norm.cdf(first), stats.norm.cdf(second)


def judged(metric, labels, first, second):
    return comparing.judge([comparing.difference(metric, labels, first, second)])[0].judgement


def test_equally_good_rivals_are_told_apart_as_rarely_as_the_level_says():
    alarms = [judged("auroc", *rivals(200, seed)) in ("better", "worse") for seed in range(1000)]
    assert 0.035 <= mean(alarms) <= 0.065


@pytest.mark.slow
def test_means_over_sets_of_equally_good_rivals_are_told_apart_as_rarely():
    def alarm(seed):
        of_sets = [comparing.difference("auroc", *rivals(n, 3 * seed + k)) for k, n in enumerate((60, 150, 300))]
        return comparing.judge([comparing.pooled(of_sets)])[0].judgement in ("better", "worse")

    assert 0.035 <= mean(alarm(seed) for seed in range(1000)) <= 0.065


def test_a_known_effect_is_found_at_the_power_that_was_promised():
    errors = [comparing.difference("auroc", *rivals(200, seed)).standard_error for seed in range(50)]
    large = rivals(200_000, 7, better_by=0.6)
    truth = metrics.auroc(large[0], large[1]).value - metrics.auroc(large[0], large[2]).value
    needed = Difference("auroc", truth, 0, 0, 0, mean(errors), 200).samples_to_find(truth)
    found = [judged("auroc", *rivals(needed, seed, better_by=0.6)) == "better" for seed in range(400)]
    assert 0.74 <= mean(found) <= 0.87


def test_the_difference_of_aurocs_has_the_error_of_a_bootstrap():
    labels, first, second = rivals(300, 3)
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(1500):
        rows = random.integers(0, 300, 300)
        drawn.append(metrics.auroc(labels[rows], first[rows]).value - metrics.auroc(labels[rows], second[rows]).value)
    found = comparing.difference("auroc", labels, first, second)
    assert found.standard_error == pytest.approx(np.std(drawn), rel=0.08)
    assert found.value == pytest.approx(metrics.auroc(labels, first).value - metrics.auroc(labels, second).value)


def test_mcnemar_is_the_exact_binomial_test_of_those_decided_differently():
    labels = np.ones(30, dtype=bool)
    first = np.array([1.0] * 20 + [0.0] * 10)
    second = np.array([1.0] * 8 + [0.0] * 12 + [1.0] * 3 + [0.0] * 7)
    found = comparing.difference("accuracy", labels, first, second)
    assert found.p == pytest.approx(stats.binomtest(12, 15, 0.5).pvalue)
    assert found.value == pytest.approx(9 / 30)


def test_decisions_on_the_same_customers_again_are_no_more_evidence():
    """Five samples a customer, all decided alike: as many false alarms as the level says."""
    alarms = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        labels, first, second = (np.repeat(random.random(60) < 0.5, 5) for _ in range(3))
        groups = np.repeat(np.arange(60), 5)
        found = comparing.difference("accuracy", labels, first * 1.0, second * 1.0, groups)
        alarms += found.p < 0.05
    assert 0.02 <= alarms / 400 <= 0.08


@pytest.mark.parametrize("metric", ["brier", "log_loss", "profit"])
def test_bootstrapped_differences_of_equals_are_no_difference(metric):
    labels, first, _ = rivals(100, 0)
    found = comparing.difference(metric, labels, first, first)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_better_means_lower_where_low_is_good():
    labels, first, _ = rivals(300, 0)
    sure = np.where(labels, 0.9, 0.1)
    assert judged("brier", labels, sure, first) == "better"
    assert judged("brier", labels, first, sure) == "worse"


def test_holm_is_that_of_the_published_example():
    # Holm (1979) as worked out in the documentation of R's p.adjust: c(0.01, 0.02, 0.03, 0.04).
    assert comparing.holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert comparing.holm([]) == []


def test_a_small_certain_difference_is_equivalence_and_a_wide_one_cannot_be_told():
    narrow = Difference("auroc", 0.002, -0.004, 0.008, 0.5, 0.003, 5000)
    wide = Difference("auroc", 0.03, -0.05, 0.11, 0.5, 0.04, 100)
    equivalent, unknown = comparing.judge([narrow, wide])
    assert equivalent.judgement == "equivalent"
    assert unknown.judgement == "cannot tell"
    assert "needs about 1,396 samples" in unknown.text


def test_a_difference_of_nothing_that_must_be_nothing_needs_no_number_of_samples():
    alike = Difference("auroc", 0.0, 0.0, 0.0, 1.0, 0.0, 100)
    [conclusion] = comparing.judge([alike], delta=0.0)
    assert "no number of samples" in conclusion.text


def test_more_comparisons_ask_for_more():
    close = Difference("auroc", 0.05, 0.01, 0.09, 0.03, 0.023, 300)
    assert comparing.judge([close])[0].judgement == "better"
    assert comparing.judge([close] * 2)[0].judgement == "cannot tell"


def test_who_is_ranked_most_differently_comes_first():
    first, second = np.array([0.1, 0.5, 0.9, 0.95]), np.array([0.9, 0.5, 0.1, 0.95])
    assert set(comparing.most_disagreed(first, second, 2)) == {0, 2}
