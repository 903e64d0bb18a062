"""Do customers still look like those that a method learned from?"""

import math
from collections.abc import Iterable, Mapping, Sequence

from churn_agent.domain.assessment import Fact

_FEWEST = 30
"""Customers below which a mean says too little."""
_FAR = 0.5
"""Standard deviations that a mean may move before it is told."""

Spread = tuple[float, float]
"""Mean and standard deviation."""


def spreads(facts: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Fact -> mean and standard deviation over the customers that have it; facts that few have, or all alike, are left
    out."""
    found: dict[str, Spread] = {}
    for name in sorted({name for row in facts for name in row}):
        values = [row[name] for row in facts if name in row]
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
        if len(values) >= _FEWEST and deviation > 0:
            found[name] = mean, deviation
    return found


def drifted(learned: Mapping[str, Spread], now: Iterable[Sequence[Fact]]) -> list[str]:
    """What has moved, in words: facts whose mean is half a standard deviation from where it was, the farthest first."""
    values: dict[str, list[float]] = {}
    units: dict[str, str] = {}
    for facts in now:
        for fact in facts:
            values.setdefault(fact.name, []).append(fact.value)
            units[fact.name] = fact.unit
    moved: list[tuple[float, str]] = []
    for name, (mean, deviation) in learned.items():
        if len(values.get(name, ())) >= _FEWEST:
            today = sum(values[name]) / len(values[name])
            distance = abs(today - mean) / deviation
            if distance > _FAR:
                moved.append((distance, f"{name.replace('_', ' ')} {today:.3g} {units[name]}, was {mean:.3g}"))
    return [said for _, said in sorted(moved, reverse=True)]
