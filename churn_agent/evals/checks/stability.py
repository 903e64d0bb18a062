"""How far scores and bands move where nothing that matters has changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from churn_agent.assessing import perturbing
from churn_agent.assessing.perturbing import Perturbed
from churn_agent.domain.assessment import Assessment
from churn_agent.evals.checks.sampling import drawn_sets
from churn_agent.evals.runs.progress import Progress, Silent
from churn_agent.measuring import metrics
from churn_agent.scoring.bands import Bands
from churn_agent.settings import Settings


@dataclass(frozen=True)
class Stability:
    """What one perturbation does to the customers of a set."""

    set: str
    perturbation: str
    n: int
    spread: float
    """Root mean square of the change of the score, in log-odds."""
    flips: float
    """Share of customers who come into another band."""
    flips_high: float
    """Upper bound of a 95 % interval of it (Clopper & Pearson 1934)."""
    flips_held: float
    """The same where a customer near a boundary stays in the band that they were in."""


def measure_stability(
    names: Sequence[str],
    *,
    settings: Settings,
    stores: Path,
    limit: int | None = None,
    progress: Progress | None = None,
) -> list[Stability]:
    """Measures how far the scores and bands of the default prompt move after changes that should not matter.

    Args:
        names: names or paths of the sets.
        settings: of models and prompts, as `assess` takes them.
        stores: folder of the stores that sets are imported into, one each.
        limit: most samples of each set; all if None.
        progress: receives the events of the check.

    Raises:
        InputError, DataError: a set cannot be used.
        Unavailable: a model or a store cannot be used.
    """
    progress = progress or Silent()
    stabilities: list[Stability] = []
    for drawn in drawn_sets(names, settings, stores=stores, limit=limit, progress=progress):
        progress.began(drawn.name, len(drawn.samples) * perturbing.ways(drawn.agent))
        runs = perturbing.perturbed(drawn.agent, drawn.snapshots(), progress=progress.advanced)
        stabilities += measure(drawn.name, runs, drawn.agent.setup().bands)
    return stabilities


def measure(name: str, runs: Sequence[Perturbed], bands: Bands) -> list[Stability]:
    """Compares each perturbation with the customers as they are, who come first.

    Only customers that were assessed both times count.
    """
    plain, *others = runs
    return [_measure(name, run.name, plain.assessments, run.assessments, bands) for run in others]


def _measure(
    name: str, perturbation: str, before: Sequence[Assessment], after: Sequence[Assessment], bands: Bands
) -> Stability:
    pairs = [
        (first.churn_probability, second.churn_probability)
        for first, second in zip(before, after, strict=True)
        if first.churn_probability and second.churn_probability
    ]
    if not pairs:
        return Stability(name, perturbation, 0, *[math.nan] * 4)
    first, second = (
        metrics.log_odds(np.array([probability.raw for probability in side])) for side in zip(*pairs, strict=True)
    )
    free = sum(bands.of(a) != bands.of(b) for a, b in pairs)
    held = sum(bands.of(a) != bands.of(b, bands.of(a)) for a, b in pairs)
    n = len(pairs)
    high = float(stats.binomtest(free, n).proportion_ci(method="exact").high)
    return Stability(name, perturbation, n, float(np.sqrt(np.mean((second - first) ** 2))), free / n, high, held / n)
