"""Checks whether customers still resemble those that a method learned from."""

import math
from collections.abc import Iterable, Mapping, Sequence

from churn_agent.domain.assessment import Fact

_FEWEST = 30
"""The fewest customers for a usable mean."""
_FAR = 0.5
"""A mean that has moved by more standard deviations is reported."""

Spread = tuple[float, float]
"""Mean and standard deviation."""


def spreads(facts: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Fact -> mean and standard deviation over the customers that have it.

    Facts that are rare or constant are left out.
    """
    by_fact: dict[str, Spread] = {}
    for name in sorted({name for row in facts for name in row}):
        values = [row[name] for row in facts if name in row]
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
        if len(values) >= _FEWEST and deviation > 0:
            by_fact[name] = mean, deviation
    return by_fact


def drifted(learned: Mapping[str, Spread], now: Iterable[Sequence[Fact]]) -> list[str]:
    """Describes the facts whose mean has moved by more than half a standard deviation, largest change first."""
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
    return [text for _, text in sorted(moved, reverse=True)]
