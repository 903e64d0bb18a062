"""Customers who no longer look like those that were learned from."""

import re

import numpy as np

from churn_agent.domain.assessment import Fact
from churn_agent.learning.drift import drifted, spreads


def facts_of(recencies):
    return [[Fact(name="recency", value=float(r), unit="days", text="")] for r in recencies]


def test_what_has_moved_is_named_with_then_and_now_and_what_has_not_is_not():
    random = np.random.default_rng(0)
    learned = spreads([{"recency": r, "tenure": 400.0} for r in random.normal(20, 10, 200)])
    assert set(learned) == {"recency"}  # tenures were all alike
    assert drifted(learned, facts_of(random.normal(22, 10, 100))) == []
    [said] = drifted(learned, facts_of(random.normal(40, 10, 100)))
    assert re.match(r"recency (39|4\d)", said)
    assert "days, was 2" in said


def test_few_customers_say_nothing():
    learned = spreads([{"recency": float(r)} for r in range(100)])
    assert drifted(learned, facts_of([1e6] * 10)) == []
    assert spreads([{"rating": float(r)} for r in range(10)]) == {}
