"""The level of a calibration over a book: its mean is the base rate, without those who have given notice."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from churn_agent.history import book
from churn_agent.learning.stored import MethodInfo, StoredMethod
from churn_agent.measuring import metrics
from churn_agent.outcomes.level import customers_of_today, level_of
from churn_agent.outcomes.training import train
from tests.learning.test_methods import make_examples
from tests.learning.test_stored import reopened, trained  # noqa: F401 - a fixture


class Fixed:
    """A calibration with given probabilities, by the number in the one attribute."""

    classes_ = np.array([False, True])

    def predict_proba(self, examples):
        values = np.array([float(row["p"]) for row in examples.attributes])
        return np.column_stack([1 - values, values])

    def interval(self, examples):
        values = self.predict_proba(examples)[:, 1]
        return values / 2, (1 + values) / 2


def examples_of(values, announced=None):
    made = make_examples(len(values))
    said = None if announced is None else np.array(announced, dtype=bool)
    return replace(made, attributes=[{"p": str(value)} for value in values], announced=said)


def method_with(level):
    learned = {"method": "calibrated", "n": 100, "churned": 30, "level": level, "horizon_days": 90, "version": 1}
    return StoredMethod(MethodInfo.model_construct(**learned, facts={}, spread=0.0), Fixed())


probabilities = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=40)


@given(probabilities, st.floats(0.01, 0.9))
def test_the_mean_of_the_numbers_over_the_book_is_the_base_rate_and_the_order_stays(values, rate):
    own = examples_of(values)
    level = level_of(Fixed(), own, customers=len(values), base_rate=rate)
    numbers = [n.probability.value for n in method_with(level).numbers(own, [None] * len(values), base_rate=rate)]
    assert np.mean(numbers) == pytest.approx(rate, abs=1e-6)
    assert np.all(np.diff(np.array(numbers)[np.argsort(values)]) >= -1e-12)
    assert np.mean(expit(level.numbers)) == pytest.approx(rate, abs=1e-6)


@given(probabilities, st.data())
def test_those_who_have_given_notice_are_left_out(values, data):
    announced = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    level = level_of(Fixed(), examples_of(values, announced), customers=9, base_rate=0.1)
    rest = [value for value, said in zip(values, announced, strict=True) if not said]
    if not rest:
        assert level is None
    else:
        assert level == level_of(Fixed(), examples_of(rest), customers=9, base_rate=0.1)


def test_without_a_base_rate_nothing_is_shifted_and_another_one_moves_it_on():
    own = examples_of([0.1, 0.3, 0.8])
    level = level_of(Fixed(), own, customers=3, base_rate=None)
    assert level.shift == 0
    assert [n.probability.value for n in method_with(level).numbers(own, [None] * 3)] == pytest.approx([0.1, 0.3, 0.8])
    level = level_of(Fixed(), own, customers=3, base_rate=0.2)
    at, beyond = (
        np.array([n.probability.value for n in method_with(level).numbers(own, [None] * 3, base_rate=rate)])
        for rate in (0.2, 0.4)
    )
    assert metrics.log_odds(beyond) - metrics.log_odds(at) == pytest.approx(np.log(0.4 / 0.6) - np.log(0.2 / 0.8))


@given(probabilities, st.none() | st.floats(0.05, 0.5), st.none() | st.floats(0.05, 0.5))
def test_the_numbers_of_the_book_move_with_the_base_rate_as_those_of_customers_do(values, rate, later):
    own = examples_of(values)
    method = method_with(level_of(Fixed(), own, customers=len(values), base_rate=rate))
    numbers = [n.probability.value for n in method.numbers(own, [None] * len(values), base_rate=later or rate)]
    assert np.allclose(sorted(expit(method.of_book(later or rate)), reverse=True), sorted(numbers, reverse=True))


@pytest.mark.slow
@pytest.mark.usefixtures("short_ladder")
def test_after_a_calibration_the_book_is_at_its_base_rate_and_as_many_are_high_as_can_be_called(trained):  # noqa: F811
    with trained.history.begin() as connection:
        card = trained.store.card.model_copy(update={"base_rate": 0.15, "bands": "capacity", "capacity": 5})
        book.set_card(connection, card)
    with reopened(trained) as agent:
        train(agent, "calibrated")
    with reopened(trained) as agent:
        today, customers = customers_of_today(agent)
        records = list(agent.assess_many([sample.customer_id for sample in today]))
        assert customers == len(today)
    counted = [each for each in records if not (each.announced and each.announced.stands)]
    assert np.mean([each.churn_probability.value for each in counted]) == pytest.approx(0.15, abs=1e-6)
    bands = [each.band for each in counted]
    assert 0 < bands.count("high") <= 5
    reasons = {each.band_reason for each in counted if each.band == "high"}
    assert all(reason.endswith(f"of {customers} customers (bands by capacity)") for reason in reasons)
    assert today[0].as_of >= date(2025, 1, 1)
