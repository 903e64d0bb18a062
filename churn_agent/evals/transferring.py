"""What is learned on one set, tried on another."""

from collections.abc import Callable, Mapping, Sequence
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


def transfer(
    sets: Mapping[str, Examples],
    methods: Sequence[Method],
    *,
    seed: int = 0,
    notify: Callable[[str], None] = lambda what: None,
) -> list[Transfer]:
    """Every pair of sets; a set with itself is cross-fitted. What is left out is told to `notify`."""
    found: list[Transfer] = []
    for method in methods:
        lacking = [f"{name}: {why}" for name, examples in sets.items() if (why := method.lacks(examples))]
        if lacking:
            notify(f"{method.name} is left out: {lacking[0]}")
            continue
        for source, examples in sets.items():
            fitted = method.make(seed).fit(examples, examples.labels)
            for target, others in sets.items():
                scores = cross_fitted(method, others, seed=seed) if target == source else score(fitted, others)
                area = metrics.auroc(others.labels, scores, others.groups)
                found.append(Transfer(source, target, method.name, len(others), area.value, area.low, area.high))
    return found
