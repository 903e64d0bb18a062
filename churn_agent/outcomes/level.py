"""The level of a calibration: its probabilities over the customers of a book on its last day."""

import numpy as np

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.evidence.facts import days_known
from churn_agent.history import interactions
from churn_agent.learning.examples import Examples
from churn_agent.learning.methods import Estimator, score
from churn_agent.learning.stored import Level
from churn_agent.measuring import metrics
from churn_agent.outcomes.samples import Sample
from churn_agent.scoring.standing import former

_READ = 300
"""Most customers that are read for a level; of more, a random sample."""


def customers_of_today(agent: ChurnAgent) -> tuple[list[Sample], int]:
    """Customers on the last day of the book who get a number, at most 300; and how many there are (estimated if more).

    Former customers, and new ones of whom too little is known, are left out. Outcomes are not known yet: all are False.
    """
    store = agent.store
    day = store.default_as_of()
    known = interactions.customer_ids(store.history, until=store.card.end_of_day(day))
    chosen: list[Sample] = []
    looked_at = 0
    for id_ in np.random.default_rng(agent.settings.seed).permutation(known).tolist():
        if len(chosen) == _READ:
            break
        looked_at += 1
        snapshot = store.snapshot(id_, as_of=day)
        numbered = snapshot.messages or days_known(snapshot) >= agent.settings.least_days_known
        if numbered and not former(snapshot):
            chosen.append(Sample(id_, day, False))
    return chosen, round(len(known) * len(chosen) / max(1, looked_at))


def level_of(fitted: Estimator, own: Examples, *, customers: int, base_rate: float | None) -> Level | None:
    """The level of a calibration; None without customers.

    The numbers of standing announcements do not come from a calibration, so that they are left out.

    Args:
        fitted: the calibration.
        own: customers of the book on one day.
        customers: number of customers in the book.
        base_rate: the mean that their probabilities are shifted to; None for no shift.
    """
    if own.announced is not None:
        own = own.take(np.flatnonzero(~own.announced))
    if not len(own):
        return None
    numbers = metrics.log_odds(score(fitted, own))
    shift = metrics.shift_to_mean(numbers, base_rate) if base_rate else 0.0
    return Level(
        day=own.dates[0],
        customers=customers,
        base_rate=base_rate,
        shift=shift,
        numbers=tuple(sorted((numbers + shift).tolist(), reverse=True)),
    )
