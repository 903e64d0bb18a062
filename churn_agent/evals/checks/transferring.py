"""What is learned on one set, tried on another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from churn_agent.errors import InputError
from churn_agent.evals.checks.sampling import drawn_sets
from churn_agent.evals.runs.execution import examples_of
from churn_agent.evals.runs.progress import Progress, Silent
from churn_agent.evals.runs.suite import find_methods
from churn_agent.learning.examples import Examples
from churn_agent.learning.methods import METHODS, Method, cross_fitted, score, uncalibrated
from churn_agent.learning.transfer import transferred_scores
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Conclusion
from churn_agent.scoring import prior
from churn_agent.settings import Settings

_METHODS = ("rfm", "tfidf", "embedding", "boosting")
"""Those that learn and need no fine-tuning."""


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
    names: Sequence[str],
    *,
    settings: Settings,
    stores: Path,
    methods: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> list[Transfer]:
    """Trains classic methods on each set and tests them on each.

    Args:
        names: names or paths of the sets.
        settings: of models and prompts, as `assess` takes them.
        stores: folder of the stores that sets are imported into, one each.
        methods: names of methods; all that learn and need no fine-tuning if not given.
        limit: most samples of each set; all if None.
        progress: receives the events of the comparison.

    Raises:
        InputError, DataError: a set or a method cannot be used.
        Unavailable: a model or a store cannot be used.
    """
    chosen, progress = find_methods(methods or _METHODS), progress or Silent()
    examples = _examples(names, chosen, settings, stores, limit, progress)
    return between(examples, chosen, left_out=progress.left_out)


def transfer_calibration(
    names: Sequence[str],
    *,
    settings: Settings,
    stores: Path,
    limit: int | None = None,
    progress: Progress | None = None,
) -> list["FromOthers"]:
    """Tries a calibration learned on all sets but one on the scores of that one, whose base rate is given.

    The arguments, and the errors raised, are those of `transfer`; fewer than two sets are an `InputError` too.
    """
    if len(names) < 2:
        raise InputError("a calibration is learned on some sets and tested on another; name two or more")
    return from_others(_examples(names, [METHODS["platt"]], settings, stores, limit, progress or Silent()))


def _examples(
    names: Sequence[str],
    methods: Sequence[Method],
    settings: Settings,
    stores: Path,
    limit: int | None,
    progress: Progress,
) -> dict[str, Examples]:
    """Set -> its samples as the inputs of methods."""
    return {
        drawn.name: examples_of(drawn.name, drawn.agent, drawn.samples, methods, progress)
        for drawn in drawn_sets(names, settings, stores=stores, limit=limit, progress=progress)
    }


def between(
    sets: Mapping[str, Examples],
    methods: Sequence[Method],
    *,
    seed: int = 0,
    left_out: Callable[[str, str, str], None] = lambda name, method, why: None,
) -> list[Transfer]:
    """Every pair of sets; a set with itself is cross-fitted.

    Args:
        sets: name -> its samples.
        methods: to train.
        seed: of methods and folds.
        left_out: called with a set, a method and the reason why the method cannot be used on it.
    """
    transfers: list[Transfer] = []
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
                transfers.append(Transfer(source, target, method.name, len(others), area.value, area.low, area.high))
    return transfers


@dataclass(frozen=True)
class FromOthers:
    """A calibration transferred from all other sets, compared with the uncalibrated score; both know the base rate."""

    set: str
    """`all` for the samples of all sets together."""
    n: int
    log_loss: float
    log_loss_uncalibrated: float
    conclusion: Conclusion
    """On the difference of the two."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with the conclusion in words as `verdict`."""
        fields = asdict(self)
        del fields["conclusion"]
        return fields | {"verdict": self.conclusion.text}


def from_others(sets: Mapping[str, Examples]) -> list[FromOthers]:
    """Measures the calibration that `calibrate --from` makes: learned on all sets but one, tested on that one.

    Only the base rate of the tested set is known, as from a book's card.
    """
    labels = [examples.labels for examples in sets.values()]
    carried = transferred_scores(list(sets.values()))
    plain = [
        np.array([prior.pull_to_base_rate(x, float(examples.labels.mean())) for x in uncalibrated(examples)[:, 0]])
        for examples in sets.values()
    ]
    parts = [*zip(labels, carried, plain, strict=True)]
    parts.append((np.concatenate(labels), np.concatenate(carried), np.concatenate(plain)))
    conclusions = comparing.judge([comparing.difference("log_loss", *part) for part in parts])
    return [
        FromOthers(name, len(y), metrics.log_loss(y, after), metrics.log_loss(y, before), conclusion)
        for name, (y, after, before), conclusion in zip([*sets, "all"], parts, conclusions, strict=True)
    ]
