"""Probabilities from labels: what is chosen, and whether numbers and intervals keep their word."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from churn_agent.learning import ladder as ladders
from churn_agent.learning.estimators import ShrunkLogistic
from churn_agent.learning.ladder import Ladder
from churn_agent.learning.methods import METHODS, score
from churn_agent.measuring import metrics
from churn_agent.scoring.bands import HIGH_ODDS

from .test_methods import make_examples


def with_scores(log_odds, labels, recency=None):
    """Examples whose readings say `log_odds`, and in which nothing else tells (but recency, if given)."""
    n = len(labels)
    recency = np.full(n, 10.0) if recency is None else recency
    facts = [{"recency": float(r), "active_days": 5.0, "interactions": 9.0} for r in recency]
    return replace(
        make_examples(n), labels=labels, facts=facts, numbers=facts, attributes=[{}] * n, texts=[""] * n, vectors=None,
        readings=[{"score": float(x), "leaning": float(x)} for x in log_odds],
    )  # fmt: skip


def test_few_labels_bend_the_score_and_no_more():
    """A score that happens to part 24 samples without a mistake is not believed to be sure."""
    labels = np.arange(24) < 5
    ladder = Ladder().fit(with_scores(np.where(labels, 3.0, -3.0), labels), labels)
    assert set(ladder.losses_) == {"platt", "platt_recency_frequency"}
    told = ladder.predict_proba(with_scores(np.array([-3.0, 3.0]), np.array([False, True])))[:, 1]
    assert 0.005 < told[0] < 0.15
    assert 0.4 < told[1] < 0.97


@pytest.mark.slow
def test_many_labels_try_all_that_the_examples_have():
    given = make_examples(320)
    ladder = Ladder().fit(given, given.labels)
    assert {"logistic_readings", "boosting", "embedding", "tfidf", "platt"} <= set(ladder.losses_)
    few = make_examples(100)
    without = Ladder(with_readings=False).fit(few, few.labels)
    assert not any(METHODS[name].reads for name in without.losses_)


@pytest.mark.slow
def test_a_language_model_that_is_worse_is_left_out_and_one_that_is_better_leads():
    random = np.random.default_rng(2)
    truth = random.normal(size=150) * 3
    labels = random.random(150) < expit(truth)
    noise = random.normal(size=150)
    cheap = Ladder().fit(with_scores(noise, labels, recency=np.exp(truth + 3)), labels)
    assert not any(METHODS[name].reads for name in cheap.chosen_)
    assert "is better than the best method with a language model" in cheap.says_
    model = Ladder().fit(with_scores(truth, labels, recency=np.exp(noise + 3)), labels)
    assert model.chosen_ == ["platt"]
    assert "no other order is clearly better" in model.says_
    told = score(model, with_scores(truth, labels, recency=np.exp(noise + 3)))
    assert np.corrcoef(metrics.log_odds(told), truth)[0, 1] > 0.95


def test_where_it_cannot_be_told_the_best_of_both_kinds_are_used(monkeypatch):
    """They rank better than the score, which is one of several as good."""
    monkeypatch.setattr(ladders, "RUNGS", ladders.RUNGS[:3])
    random = np.random.default_rng(3)
    truth = random.normal(size=400) * 4
    labels = random.random(400) < expit(truth)
    either = [truth + random.normal(size=400) * 4 for _ in range(2)]
    ladder = Ladder().fit(with_scores(either[0], labels, recency=np.exp(either[1] / 2 + 3)), labels)
    assert sorted(METHODS[name].reads for name in ladder.chosen_) == [False, False, True, True]
    assert "do not clearly differ" in ladder.says_


def test_few_texts_shared_by_many_are_not_turned_round():
    """Words that no fold saw rank strangers the wrong way round; that must not teach to believe the opposite."""
    leaving = ["I am looking at other providers", "How do I cancel it", "My contract will not be renewed"]
    staying = ["Thanks, it works again", "Can I add a second card", "Where do I find the bill"]
    of_rows = np.arange(42) % 6
    labels = of_rows < 3
    given = replace(
        with_scores(np.zeros(42), labels), texts=[(leaving + staying)[each] for each in of_rows], groups=of_rows
    )
    ladder = Ladder(with_readings=False).fit(given, labels)
    assert "tfidf" in ladder.chosen_
    told = score(ladder, given)
    assert told[labels].min() > told[~labels].max() - 0.01


@pytest.mark.parametrize("recency", [None, np.where(np.arange(12) < 4, 90.0, 3.0)])
def test_few_labels_do_not_turn_the_score_round(recency):
    """Twelve customers, of whom by chance those of low scores left, and those who had been idle or not."""
    labels = np.arange(12) < 4
    scores = np.where(labels, -2.0, 2.0) + np.linspace(-1, 1, 12)
    given = with_scores(scores, labels, recency)
    ladder = Ladder().fit(given, labels)
    assert ladder.chosen_ == ["platt"]
    assert "no other order is clearly better" in ladder.says_
    told = score(ladder, given)
    assert (np.diff(told[np.argsort(scores)]) > 0).all()
    assert abs(told.mean() - 1 / 3) < 0.1


def test_an_order_that_surely_ranks_better_takes_the_place_of_the_scores():
    random = np.random.default_rng(6)
    truth = random.normal(size=120) * 3
    labels = random.random(120) < expit(truth)
    given = with_scores(-truth + random.normal(size=120), labels, recency=np.exp(truth + 3))
    ladder = Ladder().fit(given, labels)
    assert "compared with the score" in ladder.says_
    assert metrics.auroc(labels, score(ladder, given)).value > 0.8


@pytest.mark.slow
def test_probabilities_are_calibrated_on_strangers():
    slopes, intercepts = [], []
    for draw in range(4):
        random = np.random.default_rng(draw)
        x = random.normal(size=2400) * 2
        labels = random.random(2400) < expit(0.6 * x - 1)
        given, rest = with_scores(3 * x + 2, labels), np.arange(400, 2400)
        told = score(Ladder().fit(given.take(np.arange(400)), labels[:400]), given.take(rest))
        slopes.append(metrics.calibration_slope(labels[rest], told))
        intercepts.append(metrics.calibration_intercept(labels[rest], told))
    assert np.mean(slopes) == pytest.approx(1, abs=0.15)
    assert np.mean(intercepts) == pytest.approx(0, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("n", [60])
def test_intervals_cover_the_true_rate_at_least_as_often_as_they_say(n):
    """Over 30 trainings, at scores from low to high."""
    held = []
    at = np.linspace(-3, 3, 7)
    true_rate = expit(0.8 * at - 0.5)
    for draw in range(30):
        random = np.random.default_rng(draw)
        x = random.normal(size=n) * 1.5
        labels = random.random(n) < expit(0.8 * x - 0.5)
        low, high = Ladder(seed=draw).fit(with_scores(x, labels), labels).interval(with_scores(at, at > 0))
        held.append((low <= true_rate) & (true_rate <= high))
    assert 0.86 <= np.mean(held) <= 0.99


def test_a_shrunk_curve_stays_near_its_prior_with_few_labels_and_leaves_it_with_many():
    random = np.random.default_rng(5)
    x = random.normal(size=2000)
    labels = random.random(2000) < expit(1.5 * x)
    few, many = (ShrunkLogistic(0.5, 0.25).fit(x[:n, None], labels[:n]) for n in (8, 2000))
    assert abs(few.slopes_[0] - 0.5) < 0.35
    assert many.slopes_[0] == pytest.approx(1.5, abs=0.25)
    assert many.predict_proba(np.array([[0.0]]))[0, 1] == pytest.approx(0.5, abs=0.05)


@pytest.mark.slow
def test_segments_are_moved_as_far_as_their_labels_carry():
    random = np.random.default_rng(4)
    x = random.normal(size=180)
    segments = np.where(np.arange(180) % 2 == 0, "shop", "web")
    labels = random.random(180) < expit(x + np.where(segments == "shop", 0.7, -0.7))
    given = replace(with_scores(x, labels), attributes=[{"channel": str(each)} for each in segments])
    ladder = Ladder(segment="channel").fit(given, labels)
    assert ladder.offsets_["shop"][0] > 0.3
    assert ladder.offsets_["web"][0] < -0.1
    plain = Ladder().fit(given, labels)
    at = np.array([0, 1])
    moved, level = (each.predict_proba(given.take(at))[:, 1] for each in (ladder, plain))
    assert moved[0] > level[0]
    assert moved[1] < level[1]
    low, high = ladder.interval(given.take(at))
    assert (low < moved).all()
    assert (moved < high).all()
    rows = np.flatnonzero(segments == "web")
    few = Ladder(segment="channel").fit(given.take(rows), labels[rows])
    unseen = few.predict_proba(given.take(at[:1]))[0, 1]
    assert unseen == pytest.approx(few.calibrator_.predict_proba(few._inputs(given.take(at[:1])))[0, 1])


def test_a_segment_of_few_is_hardly_moved():
    random = np.random.default_rng(5)
    labels = random.random(200) < 0.3
    labels[:3] = True
    names = ["tiny"] * 3 + ["rest"] * 197
    given = replace(with_scores(np.zeros(200), labels), attributes=[{"size": name} for name in names])
    offset, error = Ladder(segment="size").fit(given, labels).offsets_["tiny"]
    assert 0 < offset < 0.6
    assert error > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_few_outcomes_leave_the_order_and_give_a_plausible_book(short_ladder, seed):
    """Twelve outcomes: the order of scores, wide intervals, a mean near the base rate, few customers at high risk."""
    random = np.random.default_rng(seed)
    x = random.normal(size=300)
    churned = random.random(300) < expit(x - 1.7)
    labelled = np.concatenate([np.flatnonzero(churned)[:3], np.flatnonzero(~churned)[:9]])
    given = with_scores(2 * x - 0.5, churned)
    ladder = Ladder(seed=seed).fit(given.take(labelled), churned[labelled])
    told = metrics.at_base_rate(score(ladder, given), 0.25, 0.15)
    assert (np.diff(told[np.argsort(x)]) > 0).all()
    assert abs(told.mean() - 0.15) < 0.12
    high = metrics.log_odds(told) >= metrics.log_odds(np.array([0.15])) + np.log(HIGH_ODDS)
    assert high.mean() < 0.35
    low, above = ladder.interval(given)
    assert np.mean(above - low) > 0.2
