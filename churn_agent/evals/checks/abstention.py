"""Whom to give no number? How often customers without a message are called wrongly, by how long they are known.

Selective classification (El-Yaniv & Wiener 2010): who is known for too short a time is left out, and what is wrong
among the others (the risk) is held against how many they are (the coverage). Whom to leave out follows from what a
wrong decision costs beside none (Chow 1970); here those about whom decisions are no better than a coin's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from more_itertools import unique_justseen
from numpy.typing import NDArray

from churn_agent.domain.snapshot import Snapshot
from churn_agent.evals.sets.labelled import TOGETHER
from churn_agent.evidence import facts
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Labels, Scores
from churn_agent.measuring.plots import legend_beside
from churn_agent.scoring import prior

_THRESHOLDS = (1, 3, 7, 14, 30, 60, 90)
_COIN = 0.5
_APART = 0.03
"""Shares covered whose marks are written beside each other."""


@dataclass(frozen=True)
class Known:
    """The customers of a set, each judged by facts alone, as if they had written nothing."""

    days: NDArray[np.intp]
    """That their history goes back."""
    wrong: Scores
    """Whether they are called wrongly where as many are called as churned (ties by lot: the chance of it)."""

    @classmethod
    def of(cls, snapshots: Sequence[Snapshot], labels: Labels) -> "Known":
        """Customers with outcomes, shape (snapshots,) each."""
        scores = [prior.of_facts(facts.compute(each), horizon_days=each.card.horizon_days) for each in snapshots]
        called = metrics.called(np.array(scores), int(labels.sum()))
        return cls(np.array([facts.days_known(each) for each in snapshots]), np.where(labels, 1 - called, called))


@dataclass(frozen=True)
class Abstention:
    """What it would mean to give no number to customers known for fewer days."""

    set: str
    """Or `all sets`, their customers together."""
    least_days_known: int
    left_out: int
    wrong_left_out: float
    wrong_left_out_low: float
    wrong_left_out_high: float
    """Share called wrongly of those left out, with its 95 % interval; NaN where nobody is."""
    coverage: float
    """Share of the customers who are given a number."""
    risk: float
    """Share called wrongly of these."""


def measure(sets: Mapping[str, Known]) -> list[Abstention]:
    """Each set at each threshold that leaves out more than the one before, and then all sets together if there are
    several."""
    every = list(sets.items())
    if len(every) > 1:
        known = sets.values()
        together = Known(np.concatenate([k.days for k in known]), np.concatenate([k.wrong for k in known]))
        every.append((TOGETHER, together))
    at_each = [_at(name, known, least) for name, known in every for least in (0, *_THRESHOLDS)]
    return list(unique_justseen(at_each, key=lambda one: (one.set, one.left_out)))


def justified(found: Sequence[Abstention]) -> int:
    """The longest time for which those known for less are called wrongly no less often than a coin would, in days; 0 if
    there is none. Of all sets together if there are several."""
    of_last = (each for each in found if each.set == found[-1].set)
    return max((each.least_days_known for each in of_last if each.wrong_left_out >= _COIN), default=0)


def draw(axes: Any, found: Sequence[Abstention]) -> None:
    """Risk against coverage, a line a set and a mark a threshold, on matplotlib axes."""
    for name in dict.fromkeys(each.set for each in found):
        of_set = [each for each in found if each.set == name]
        style = {"color": "0", "lw": 1.6} if name == TOGETHER else {"lw": 0.9}
        axes.plot([e.coverage for e in of_set], [e.risk for e in of_set], marker=".", label=name, **style)
        written = 1.0
        for each in of_set:
            if written - each.coverage > _APART:
                written = each.coverage
                at = written, each.risk
                axes.annotate(f"{each.least_days_known} d", at, xytext=(0, 4), textcoords="offset points", fontsize=7)
    axes.set_xlabel("share given a number: those known for so many days")
    axes.set_ylabel("share called wrongly of these")
    legend_beside(axes)


def _at(name: str, known: Known, least: int) -> Abstention:
    kept = known.days >= least
    out, n = known.wrong[~kept], len(known.days)
    nothing = metrics.Interval(*[np.nan] * 3)
    wrong = metrics.share(round(out.sum()), len(out)) if len(out) else nothing
    risk = float(known.wrong[kept].mean()) if kept.any() else np.nan
    return Abstention(name, least, len(out), wrong.value, wrong.low, wrong.high, float(kept.sum()) / n, risk)
