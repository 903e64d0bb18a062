from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from churn_agent.learning.similar import NEAREST, SimilarCustomers

from .test_methods import make_examples

DAY = date(2026, 6, 1)


def past(n=40):
    """Leavers point one way, stayers the other."""
    churned = np.arange(n) % 2 == 0
    vectors = np.where(churned[:, None], [1.0, 0.1], [0.1, 1.0]).astype(np.float32)
    dates = [DAY - timedelta(days=100 + i) for i in range(n)]
    return replace(make_examples(n), labels=churned, vectors=vectors, dates=dates)


def left(alike, vector, *, customer="new", day=DAY, horizon_days=90):
    fact = alike.fact(customer, day, np.array(vector), horizon_days=horizon_days)
    return fact and (fact.value, fact.unit)


def test_it_counts_the_nearest():
    alike = SimilarCustomers.of(past())
    assert left(alike, [2.0, 0.0]) == (NEAREST, f"of {NEAREST} customers")
    assert left(alike, [0.0, 2.0]) == (0, f"of {NEAREST} customers")


def test_nobody_is_their_own_neighbour():
    given = past(6)
    assert left(SimilarCustomers.of(given), [1.0, 0.1]) == (3, "of 6 customers")
    assert left(SimilarCustomers.of(given), [1.0, 0.1], customer=given.customers[0]) == (2, "of 5 customers")


def test_an_outcome_counts_only_once_its_horizon_is_over():
    alike = SimilarCustomers.of(past())
    known = [each for each in alike.dates if each <= np.datetime64(DAY - timedelta(days=135))]
    assert left(alike, [1.0, 0.0], horizon_days=135) == (2, f"of {len(known)} customers")
    assert left(alike, [1.0, 0.0], horizon_days=365) is None


def test_who_wrote_nothing_is_like_nobody():
    assert left(SimilarCustomers.of(past()), [0.0, 0.0]) is None
    assert SimilarCustomers.of(replace(past(), vectors=np.zeros((40, 2), dtype=np.float32))) is None
