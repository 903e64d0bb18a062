"""Whom to give no number? How often customers without a message are called wrongly, by how long they are known.

Selective classification (El-Yaniv & Wiener 2010): customers known for too short a time are left out, and the share
called wrongly of the others (the risk) is compared with their number (the coverage). Whom to leave out
follows from the costs of a wrong decision and of none (Chow 1970); here those about whom decisions are no better than a
coin's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import unique_justseen
from numpy.typing import NDArray

from churn_agent.domain.snapshot import Snapshot
from churn_agent.evals.checks.sampling import drawn_sets
from churn_agent.evals.runs.progress import Progress, Silent
from churn_agent.evals.sets.labelled import TOGETHER
from churn_agent.evidence import facts
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Labels, Scores
from churn_agent.measuring.plots import legend_beside
from churn_agent.scoring import prior
from churn_agent.settings import Settings

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
        scores = [
            prior.of_facts(facts.compute(snapshot), horizon_days=snapshot.card.horizon_days) for snapshot in snapshots
        ]
        called = metrics.called(np.array(scores), int(labels.sum()))
        return cls(
            np.array([facts.days_known(snapshot) for snapshot in snapshots]), np.where(labels, 1 - called, called)
        )


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


def measure_abstention(
    names: Sequence[str],
    *,
    settings: Settings,
    stores: Path,
    limit: int | None = None,
    progress: Progress | None = None,
) -> list[Abstention]:
    """How often facts alone call customers wrongly, by how long they are known. No language model is asked.

    Args:
        names: names or paths of the sets.
        settings: of models and prompts, as `assess` takes them.
        stores: folder of the stores that sets are imported into, one each.
        limit: most samples of each set; all if None.
        progress: receives the events of the check.

    Raises:
        InputError, DataError: a set cannot be used.
        Unavailable: a store cannot be used.
    """
    known: dict[str, Known] = {}
    for drawn in drawn_sets(names, settings, stores=stores, limit=limit, progress=progress or Silent()):
        known[drawn.name] = Known.of(drawn.snapshots(), np.array([sample.churned for sample in drawn.samples]))
    return measure(known)


def measure(sets: Mapping[str, Known]) -> list[Abstention]:
    """Measures each set at each threshold that leaves out more than the one before.

    All sets together come last, if there are several.
    """
    every = list(sets.items())
    if len(every) > 1:
        known = sets.values()
        together = Known(np.concatenate([k.days for k in known]), np.concatenate([k.wrong for k in known]))
        every.append((TOGETHER, together))
    abstentions = [_at(name, known, least) for name, known in every for least in (0, *_THRESHOLDS)]
    return list(unique_justseen(abstentions, key=lambda one: (one.set, one.left_out)))


def justified(abstentions: Sequence[Abstention]) -> int:
    """The longest time in days below which decisions are no better than a coin's; 0 if there is none.

    It is that of all sets together if there are several.
    """
    of_last = (a for a in abstentions if a.set == abstentions[-1].set)
    return max((a.least_days_known for a in of_last if a.wrong_left_out >= _COIN), default=0)


def draw(axes: Any, abstentions: Sequence[Abstention]) -> None:
    """Risk against coverage, a line a set and a mark a threshold, on matplotlib axes."""
    for name in dict.fromkeys(a.set for a in abstentions):
        of_set = [a for a in abstentions if a.set == name]
        style = {"color": "0", "lw": 1.6} if name == TOGETHER else {"lw": 0.9}
        axes.plot([a.coverage for a in of_set], [a.risk for a in of_set], marker=".", label=name, **style)
        written = 1.0
        for a in of_set:
            if written - a.coverage > _APART:
                written = a.coverage
                at = written, a.risk
                axes.annotate(f"{a.least_days_known} d", at, xytext=(0, 4), textcoords="offset points", fontsize=7)
    axes.set_xlabel("share of customers with a number (those known for at least this many days)")
    axes.set_ylabel("share of these classified wrongly")
    legend_beside(axes)


def _at(name: str, known: Known, least: int) -> Abstention:
    kept = known.days >= least
    out, n = known.wrong[~kept], len(known.days)
    nothing = metrics.Interval(*[np.nan] * 3)
    wrong = metrics.share(round(out.sum()), len(out)) if len(out) else nothing
    risk = float(known.wrong[kept].mean()) if kept.any() else np.nan
    return Abstention(name, least, len(out), wrong.value, wrong.low, wrong.high, float(kept.sum()) / n, risk)
