"""What is learned on one set, tried on another."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from churn_agent.evals import classic, metrics
from churn_agent.evals.classic import Method
from churn_agent.evals.examples import Examples


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
            score = method.learn(examples, seed)
            for target, others in sets.items():
                scores = classic.cross_fitted(method, others, seed=seed) if target == source else score(others)
                area = metrics.auroc(others.labels, scores)
                found.append(Transfer(source, target, method.name, len(others), area.value, area.low, area.high))
    return found
