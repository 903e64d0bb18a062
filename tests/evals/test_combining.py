"""The combiner of both readers, fitted on made-up answers."""

import numpy as np
import pytest

from churn_agent.content.prompts import load_prompt
from churn_agent.elicitation.read_twice import Answers
from churn_agent.elicitation.second_reader.messages import LEANINGS, TONES, GoldMessage
from churn_agent.elicitation.second_reader.reading import SecondReading
from churn_agent.evals.checks.combining import LEAST_PRECISION, Example, fit, probabilities
from churn_agent.scoring.prior import log_odds, sigmoid

START = load_prompt("read", "words").thresholds
SIGNALS = ("price", "praise", "service_quality")


class Second:
    id = "a" * 16


def seen(n, *, second=1.0, model=1.0, noise=1.0, seed=0):
    """Messages whose signals follow from the answers of both readers, with these weights."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        by_second, by_model = random.normal(-1, 2, 3), random.normal(-1, 2, 3)
        odds = second * by_second + model * by_model + (0.0, 0.0, -2.0)
        shows = random.random(3) < 1 / (1 + np.exp(-odds / noise))
        leaves = random.random() < sigmoid(by_second[0] + by_model[0])
        message = GoldMessage(
            text=f"message {i}",
            signals=[{"id": id_, "quote": "m"} for id_, yes in zip(SIGNALS, shows, strict=True) if yes],
            leaning="leaves" if leaves else "none",
            tone="neutral",
        )
        reading = SecondReading(
            {id_: sigmoid(x) for id_, x in zip(SIGNALS, by_second, strict=True)},
            dict.fromkeys(SIGNALS, 0),
            dict.fromkeys(LEANINGS, 0.0) | {"leaves": sigmoid(by_second[0])},
            dict.fromkeys(TONES, 0.0),
        )
        answers = dict(zip(SIGNALS, by_model, strict=True)) | {"leaving": 2 * by_model[0], "staying": 0.0}
        rows.append(Example(message, Answers(reading, answers), frozenset(SIGNALS)))
    return rows


def test_the_weights_are_those_of_the_answers():
    combiner = fit(seen(3000, second=0.5, model=1.5), START, Second())[0].combiner
    assert (combiner.second, combiner.model) == (pytest.approx(0.5, abs=0.15), pytest.approx(1.5, abs=0.2))
    assert combiner.biases["service_quality"] < combiner.biases["price"] - 1
    assert combiner.leaning_second == pytest.approx(combiner.leaning_model, rel=0.3)
    assert combiner.reader == "a" * 16


def test_a_reader_that_knows_nothing_has_no_weight():
    combiner = fit(seen(3000, second=1.0, model=0.0), START, Second())[0].combiner
    assert abs(combiner.model) < 0.1 < 0.8 < combiner.second


def test_what_is_shown_is_right_often_enough_on_other_messages():
    thresholds, figures = fit(seen(2000), START, Second())
    combiner, others = thresholds.combiner, seen(2000, seed=1)
    shown = [
        id_ in example.signals
        for example, likely in zip(others, probabilities(others, combiner), strict=True)
        for id_, value in likely.items()
        if value >= combiner.shown
    ]
    assert np.mean(shown) == pytest.approx(LEAST_PRECISION, abs=0.04)
    assert combiner.shown_among_many > combiner.shown
    assert figures.precision == pytest.approx(np.mean(shown), abs=0.04)
    assert figures.recall == pytest.approx(sum(shown) / sum(len(each.signals) for each in others), abs=0.06)


def test_if_precision_cannot_be_had_the_best_f1_is_taken():
    thresholds, figures = fit(seen(1500, noise=6.0), START, Second())
    assert 0 < thresholds.combiner.shown < LEAST_PRECISION
    assert figures.precision < LEAST_PRECISION
    assert figures.recall > 0.3


def test_leanings_are_in_order_and_tell_leavers():
    thresholds, figures = fit(seen(1500), START, Second())
    assert (thresholds.neutral_leaning, thresholds.leaving_leaning) == (START.neutral_leaning, START.leaving_leaning)
    assert thresholds.staying_leaning <= thresholds.neutral_leaning
    assert figures.auroc_of_leaving > 0.8
    leanings = [
        (
            thresholds.combiner.leaning(
                log_odds(each.answers.second.leaning["leaves"]), each.answers.odds["leaving"] / 2
            ),
            each,
        )
        for each in seen(1500, seed=1)
    ]
    assert np.median([x for x, each in leanings if not each.signals]) == pytest.approx(START.neutral_leaning, abs=0.1)
    beyond = [each.message.leaning == "leaves" for x, each in leanings if x >= START.leaving_leaning]
    assert np.mean(beyond) == pytest.approx(0.8, abs=0.05)


def test_corrections_count_for_the_signals_that_people_judged_alone():
    rows = seen(1000)
    wrong = [  # signals that nobody judged are missing from these, although both readers are sure of them
        Example(GoldMessage(text=f"correction {n}", judged=("praise",)), row.answers, row.proposals)
        for n, row in enumerate(seen(1000, seed=2))
    ]
    assert wrong[0].judged == {"praise"}
    plain, corrected = (fit(some, START, Second())[0].combiner for some in (rows, rows + wrong))
    assert corrected.biases["praise"] < plain.biases["praise"] - 0.3
    assert corrected.biases["price"] == pytest.approx(plain.biases["price"], abs=0.5)
    assert corrected.leaning_second == pytest.approx(plain.leaning_second, rel=0.05)
