"""What is learned on one set, tried on another."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from churn_agent.learning.examples import Examples
from churn_agent.learning.methods import Method, cross_fitted, score
from churn_agent.measuring import metrics


@dataclass(frozen=True)
class Transfer:
    """How a method ranks the customers of one set after learning on those of another; AUROC with its interval."""

    trained_on: str
    tested_on: str
    method: str
    n: int
    auroc: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def transfer(sets: Mapping[str, Examples], methods: Sequence[Method], *, seed: int = 0) -> list[Transfer]:
    """Every pair of sets; a set with itself is cross-fitted."""
    found: list[Transfer] = []
    for method in methods:
        if any(method.lacks(examples) for examples in sets.values()):
            continue
        for source, examples in sets.items():
            fitted = method.make(seed).fit(examples, examples.labels)
            for target, others in sets.items():
                scores = cross_fitted(method, others, seed=seed) if target == source else score(fitted, others)
                area = metrics.auroc(others.labels, scores)
                found.append(Transfer(source, target, method.name, len(others), area.value, area.low, area.high))
    return found
