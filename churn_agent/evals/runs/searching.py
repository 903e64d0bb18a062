"""Which prompt and settings to use, and what that choice is worth on customers that had no part in it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold  # pyright: ignore[reportMissingTypeStubs]

from churn_agent.errors import InputError
from churn_agent.evals.runs.predictions import Prediction
from churn_agent.evals.runs.progress import Progress
from churn_agent.evals.runs.running import run_suite
from churn_agent.evals.runs.scored import Scored, by_set_and_method
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import REACH, Placements
from churn_agent.settings import Settings

_FOLDS = 5


@dataclass(frozen=True)
class Choice:
    """The best of several ways on a set."""

    set: str
    method: str
    """The way that ranks best on all samples."""
    n: int
    apparent: float
    """Its AUROC on the samples that it was chosen by: too good, the more ways there were."""
    auroc: float
    low: float
    high: float
    """AUROC of the choice, repeated in each fold without the samples it is measured on; 95 % interval."""
    chosen: Mapping[str, int]
    """Way -> folds in which it was chosen."""


def search(
    path: Path,
    *,
    settings: Settings,
    out: Path,
    stores: Path | None = None,
    limit: int | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[Choice]:
    """Runs a suite and chooses a way for each of its sets.

    Arguments and errors are those of `run_suite`; the errors of `choose` may be raised too.
    """
    result = run_suite(path, settings=settings, out=out, stores=stores, limit=limit, resume=resume, progress=progress)
    return choose(result.predictions, seed=result.log.suite.seed)


def choose(predictions: Sequence[Prediction], *, seed: int = 0) -> list[Choice]:
    """Chooses the best prompt and model of each set by AUROC on the samples that all have predictions for.

    Nested cross-validation (Varma & Simon 2006): in each outer fold the choice is made on the other folds and measured
    on this one. Scores of different models have no common scale, so AUROC is computed within folds and averaged by
    their pairs.
    Of a pair of sets, the choice is made on the first and measured once, on the second.

    Raises:
        InputError: too few samples of a set have predictions of all prompts and models.
    """
    by_set: dict[str, dict[str, Scored]] = {}
    for (name, method), of_method in by_set_and_method(predictions).items():
        if of_method[0].kind == "way":
            by_set.setdefault(name, {})[method] = Scored.of(of_method)
    return [_choose_on(name, ways, seed) for name, ways in by_set.items()]


def _choose_on(name: str, ways: Mapping[str, Scored], seed: int) -> Choice:
    shared = sorted(set[str].intersection(*(set(way.ids) for way in ways.values())))
    rows = {method: [way.ids.index(id_) for id_ in shared] for method, way in ways.items()}
    first = next(iter(ways))
    labels, groups = ways[first].labels[rows[first]], ways[first].groups[rows[first]]
    scores = {method: ways[method].scores[rows[method]] for method in ways}
    judged = ways[first].judged[rows[first]]
    folds = min(_FOLDS, int(labels.sum()), int((~labels).sum()), len(np.unique(groups)))
    if folds < 2:
        fewest = min(ways, key=lambda method: len(ways[method].ids))
        raise InputError(
            f"set {name!r}: only {len(shared)} samples ({labels.sum()} churned) have predictions of all prompts and "
            f"models, too few for a choice; {fewest!r} has {len(ways[fewest].ids)}"
        )

    def best(of: Any) -> str:
        return max(scores, key=lambda method: metrics.auroc(labels[of], scores[method][of]).value)

    parts: list[tuple[float, float, float]] = []
    chosen: Counter[str] = Counter()
    splitter = cast("Any", StratifiedGroupKFold(folds, shuffle=True, random_state=seed))
    drawn = splitter.split(np.zeros(len(labels)), labels, groups) if judged.all() else [(~judged, judged)]
    for others, fold in drawn:
        way = best(others)
        chosen[way] += 1
        pairs = float(labels[fold].sum() * (~labels[fold]).sum())
        if pairs:
            placed = Placements.of(labels[fold], scores[way][fold], groups[fold])
            parts.append((pairs, placed.mean, placed.variance))
    pairs, areas, variances = (np.array(column) for column in zip(*parts, strict=True))
    weights = pairs / pairs.sum()
    value, reach = float(weights @ areas), REACH * math.sqrt(float(weights**2 @ np.nan_to_num(variances)))
    choosing = judged if judged.all() else ~judged
    winner = best(choosing)
    apparent = metrics.auroc(labels[choosing], scores[winner][choosing]).value
    return Choice(name, winner, int(judged.sum()), apparent, value, value - reach, value + reach, dict(chosen))
