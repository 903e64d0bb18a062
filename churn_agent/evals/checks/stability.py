"""How far scores and bands move where nothing that matters has changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from churn_agent.assessing.perturbing import Perturbed
from churn_agent.domain.assessment import Assessment
from churn_agent.measuring import metrics
from churn_agent.scoring.bands import Bands


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


def measure(name: str, found: Sequence[Perturbed], bands: Bands) -> list[Stability]:
    """Each perturbation against the customers as they are, who come first; only who was assessed both times counts."""
    plain, *others = found
    return [_measure(name, each.name, plain.assessments, each.assessments, bands) for each in others]


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
    first, second = (metrics.log_odds(np.array([each.raw for each in side])) for side in zip(*pairs, strict=True))
    free = sum(bands.of(a) != bands.of(b) for a, b in pairs)
    held = sum(bands.of(a) != bands.of(b, bands.of(a)) for a, b in pairs)
    n = len(pairs)
    high = float(stats.binomtest(free, n).proportion_ci(method="exact").high)
    return Stability(name, perturbation, n, float(np.sqrt(np.mean((second - first) ** 2))), free / n, high, held / n)
