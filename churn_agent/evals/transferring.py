"""What is learned on one set, tried on another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any

import numpy as np

from churn_agent.learning.examples import Examples
from churn_agent.learning.methods import METHODS, Method, cross_fitted, score
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Verdict
from churn_agent.measuring.metrics import Labels, Scores
from churn_agent.scoring import prior


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


@dataclass(frozen=True)
class FromOthers:
    """A calibration learned on all other sets, against the score as it is; both know the base rate of this one."""

    set: str
    """`all` for the samples of all sets together."""
    method: str
    n: int
    log_loss: float
    log_loss_uncalibrated: float
    verdict: Verdict
    """On the difference of the two."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict.text}


CALIBRATIONS = tuple(METHODS[name] for name in ("platt", "platt_recency_frequency"))


def from_others(sets: Mapping[str, Examples], *, seed: int = 0) -> list[FromOthers]:
    """Each calibration of a score, learned on all sets but one and tried on that one.

    The base rate of the set it is tried on is given, as a book's card may give it, and nothing else of its outcomes.
    """
    found: list[FromOthers] = []
    for method in CALIBRATIONS:
        parts: list[tuple[str, Labels, Scores, Scores]] = []
        for name, tested in sets.items():
            known = reduce(Examples.and_, (each for other, each in sets.items() if other != name))
            rate = float(tested.labels.mean())
            told = score(method.make(seed).fit(known, known.labels), tested)
            calibrated = metrics.at_base_rate(told, float(known.labels.mean()), rate)
            plain = np.array([prior.pull_to_base_rate(row["score"], rate) for row in tested.readings or ()])
            parts.append((name, tested.labels, calibrated, plain))
        labels, calibrated, plain = (np.concatenate(column) for column in list(zip(*parts, strict=True))[1:])
        parts.append(("all", labels, calibrated, plain))
        differences = [comparing.difference("log_loss", y, after, before) for _, y, after, before in parts]
        for (name, y, after, before), verdict in zip(parts, comparing.judge(differences), strict=True):
            losses = metrics.log_loss(y, after), metrics.log_loss(y, before)
            found.append(FromOthers(name, method.name, len(y), *losses, verdict))
    return found
