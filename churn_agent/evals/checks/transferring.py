"""What is learned on one set, tried on another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from churn_agent.learning.carried import carried_to_each
from churn_agent.learning.examples import Examples
from churn_agent.learning.methods import Method, cross_fitted, score, uncalibrated
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Verdict
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


def transfer(
    sets: Mapping[str, Examples],
    methods: Sequence[Method],
    *,
    seed: int = 0,
    left_out: Callable[[str, str, str], None] = lambda name, method, why: None,
) -> list[Transfer]:
    """Every pair of sets; a set with itself is cross-fitted.

    Args:
        left_out: is told of what set lacks what for which method.
    """
    found: list[Transfer] = []
    for method in methods:
        lacking = [(name, why) for name, examples in sets.items() if (why := method.lacks(examples))]
        if lacking:
            name, why = lacking[0]
            left_out(name, method.name, why)
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
    """A calibration carried over from all other sets, against the score as it is; both know this one's base rate."""

    set: str
    """`all` for the samples of all sets together."""
    n: int
    log_loss: float
    log_loss_uncalibrated: float
    verdict: Verdict
    """On the difference of the two."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict.text}


def from_others(sets: Mapping[str, Examples]) -> list[FromOthers]:
    """The calibration of the score that `calibrate --from` makes, learned on all sets but one and tried on that one.

    The base rate of the set it is tried on is given, as a book's card may give it, and nothing else of its outcomes.
    """
    labels = [each.labels for each in sets.values()]
    carried = carried_to_each(list(sets.values()))
    plain = [
        np.array([prior.pull_to_base_rate(x, float(each.labels.mean())) for x in uncalibrated(each)[:, 0]])
        for each in sets.values()
    ]
    parts = [*zip(labels, carried, plain, strict=True)]
    parts.append((np.concatenate(labels), np.concatenate(carried), np.concatenate(plain)))
    verdicts = comparing.judge([comparing.difference("log_loss", *part) for part in parts])
    return [
        FromOthers(name, len(y), metrics.log_loss(y, after), metrics.log_loss(y, before), verdict)
        for name, (y, after, before), verdict in zip([*sets, "all"], parts, verdicts, strict=True)
    ]
