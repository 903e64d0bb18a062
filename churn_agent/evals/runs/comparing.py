"""Comparisons of methods, within a run and between runs, by paired tests on the same samples."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import map_reduce

from churn_agent.errors import InputError
from churn_agent.evals.runs.log import find_logs, last_suite
from churn_agent.evals.runs.predictions import Prediction, read_predictions
from churn_agent.evals.runs.scored import Scored, by_set_and_method
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Conclusion, Difference, Judgement
from churn_agent.measuring.metrics import Costs

YARDSTICK = "yardstick"
"""Replaces the name of a method: the best classic method of each set."""
_TURNED: Mapping[Judgement, Judgement] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class Comparison:
    """Two methods on a set."""

    set: str
    """Names joined by plus signs where the difference is pooled over several."""
    first: str
    second: str
    conclusion: Conclusion

    def seen_from(self, method: str) -> tuple[float, Judgement]:
        """The difference and its judgement as they are for one of the two."""
        value, judged = self.conclusion.difference.value, self.conclusion.judgement
        return (value, judged) if method == self.first else (-value, _TURNED.get(judged, judged))

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with the numbers of the conclusion."""
        d = self.conclusion.difference
        return {
            "set": self.set, "first": self.first, "second": self.second, "metric": d.metric, "difference": d.value,
            "low": d.low, "high": d.high, "p": d.p, "p_adjusted": self.conclusion.p_adjusted, "n": d.n,
            "detectable": d.detectable, "judgement": self.conclusion.judgement, "text": self.conclusion.text,
        }  # fmt: skip


def compare(
    *folders: Path,
    metric: str = "auroc",
    against: str | None = None,
    delta: float = 0.02,
    costs: Costs | None = None,
    pooled: bool = False,
    on: Collection[str] = (),
) -> list[Comparison]:
    """Compares the methods of one run with each other (or all with one), or with the same methods of other runs.

    Args:
        folders: of runs; with several, the methods of the first are compared with those of each other one.
        metric: one of `comparing.METRICS`.
        against: a method, or `yardstick`: whichever classic method ranks best on a set.
        delta: differences up to it do not matter.
        costs: for the metric `profit`; those of the last run's suite if not given.
        pooled: mean differences over all sets that both methods were tried on.
        on: names of the sets to compare on; all if empty.

    Raises:
        InputError: a folder holds no run, or there is nothing to compare.
    """
    if metric not in comparing.METRICS:
        raise InputError(f"unknown metric {metric!r}; choose from {', '.join(comparing.METRICS)}")
    runs = [[p for p in read_predictions(folder) if not on or p.set in on] for folder in folders]
    costs = costs or last_suite(find_logs(folders)).costs
    if len(runs) == 1:
        comparisons = compare_methods(runs[0], metric=metric, against=against, delta=delta, costs=costs, pooled=pooled)
    else:
        comparisons = [
            comparison
            for folder, other in zip(folders[1:], runs[1:], strict=True)
            for comparison in _compare_with(
                runs[0], other, str(folder), metric=metric, delta=delta, costs=costs, pooled=pooled
            )
        ]
    if not comparisons:
        raise InputError(
            "there is nothing to compare: no two methods have predictions for the same samples with both outcomes"
        )
    return comparisons


def most_disagreed(
    folder: Path, comparisons: Sequence[Comparison], n: int
) -> list[list[tuple[Prediction, Prediction]]]:
    """The samples that two methods of a run rank most differently.

    Args:
        folder: of the run.
        comparisons: of its methods, set by set.
        n: most samples of each comparison.

    Returns:
        For each comparison the predictions of both methods, the most different first.
    """
    of_methods = by_set_and_method(read_predictions(folder))
    return [furthest_apart(of_methods[c.set, c.first], of_methods[c.set, c.second], n) for c in comparisons]


def compare_methods(
    predictions: Sequence[Prediction],
    *,
    metric: str = "auroc",
    against: str | None = None,
    delta: float = 0.02,
    costs: Costs = Costs(),  # noqa: B008  (frozen)
    pooled: bool = False,
) -> list[Comparison]:
    """Compares methods with each other on the samples that both assessed, or all with one.

    Args:
        predictions: of one or more runs.
        metric: one of `comparing.METRICS`. AUROC is taken over all samples; the others over the test split, after
            calibration (Brier, log-loss) or thresholds (accuracy) that were chosen on the development split.
        against: the method that the others are compared with; `YARDSTICK` is the best classic method of each set.
        delta: differences up to this size do not matter.
        costs: costs and benefits of a campaign, for `profit`.
        pooled: the mean of the differences over the sets that both methods were tried on, in place of each.
    """
    scored = {key: Scored.of(of_method) for key, of_method in by_set_and_method(predictions).items()}
    if against == YARDSTICK:
        scored |= _yardsticks(scored)
    pairs: list[_Pair] = []
    for name in dict.fromkeys(of for of, _ in scored):
        methods = [method for of, method in scored if of == name]
        if against is None:
            chosen = list(combinations(methods, 2))
        else:
            chosen = [(method, against) for method in methods if method != against and against in methods]
        pairs += [_Pair(name, a, b, scored[name, a], scored[name, b]) for a, b in chosen]
    return _judged(pairs, metric, delta, costs, pooled)


def _yardsticks(scored: Mapping[tuple[str, str], Scored]) -> dict[tuple[str, str], Scored]:
    """The scores of the best classic method of each set: chosen on these very samples, so it is a little too good."""
    best: dict[str, tuple[float, Scored]] = {}
    for (name, _), of_method in scored.items():
        if of_method.kind == "classic" and of_method.can_be_ranked:
            rows = of_method.judged
            area = metrics.auroc(of_method.labels[rows], of_method.scores[rows], of_method.groups[rows]).value
            if name not in best or area > best[name][0]:
                best[name] = area, of_method
    return {(name, YARDSTICK): of_method for name, (_, of_method) in best.items()}


@dataclass(frozen=True)
class _Pair:
    """Two methods to be compared, and their scores."""

    set: str
    first: str
    second: str
    of_first: Scored
    of_second: Scored


def _judged(pairs: Sequence[_Pair], metric: str, delta: float, costs: Costs, pooled: bool = False) -> list[Comparison]:
    """Conclusions on all pairs that can be compared, tested together."""
    tested = [(pair, _difference(metric, pair.of_first, pair.of_second, costs)) for pair in pairs]
    differences = [(pair.set, pair.first, pair.second, difference) for pair, difference in tested if difference]
    if pooled:
        of_pairs = map_reduce(differences, itemgetter(1, 2)).items()
        differences = [
            (" + ".join(name for name, *_ in of_pair), first, second, comparing.pooled([d for *_, d in of_pair]))
            for (first, second), of_pair in of_pairs
        ]
    conclusions = comparing.judge([difference for *_, difference in differences], delta=delta)
    return [
        Comparison(name, first, second, conclusion)
        for (name, first, second, _), conclusion in zip(differences, conclusions, strict=True)
    ]


def _difference(metric: str, first: Scored, second: Scored, costs: Costs) -> Difference | None:
    """None where too few samples of either outcome were assessed by both."""
    _, of_first, of_second = np.intersect1d(first.ids, second.ids, assume_unique=True, return_indices=True)
    labels, groups = first.labels[of_first], first.groups[of_first]
    held_out = ~first.development[of_first] & ~second.development[of_second]
    chosen = first.judged[of_first] if metric == "auroc" else held_out
    if not metrics.enough(labels[chosen], groups[chosen]):
        return None
    probabilities = metric in ("brier", "log_loss")
    scores = [
        (scored.calibrated() if probabilities else scored.scores)[rows][chosen]
        for scored, rows in ((first, of_first), (second, of_second))
    ]
    return comparing.difference(
        metric,
        labels[chosen],
        scores[0],
        scores[1],
        groups[chosen],
        thresholds=(first.threshold(), second.threshold()),
        costs=costs,
    )


def furthest_apart(
    first: Sequence[Prediction], second: Sequence[Prediction], n: int
) -> list[tuple[Prediction, Prediction]]:
    """The predictions of two methods on the samples that they rank most differently, the worst first."""
    of_second = {p.sample_id: p for p in second if p.repeat == 0 and p.churn_probability is not None}
    both = [
        (p, of_second[p.sample_id])
        for p in first
        if p.repeat == 0 and p.split != "train" and p.churn_probability is not None and p.sample_id in of_second
    ]
    scores = np.array([[one.churn_probability, other.churn_probability] for one, other in both]).reshape(-1, 2)
    return [both[i] for i in comparing.most_disagreed(scores[:, 0], scores[:, 1], n)]


def _compare_with(
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    name_of_second: str,
    *,
    metric: str,
    delta: float,
    costs: Costs,
    pooled: bool,
) -> list[Comparison]:
    """Compares each method of a run with the same method of another; the rest as for `compare_methods`."""
    ours, theirs = by_set_and_method(first), by_set_and_method(second)
    pairs = [
        _Pair(name, method, f"{method} of {name_of_second}", Scored.of(of_method), Scored.of(theirs[name, method]))
        for (name, method), of_method in ours.items()
        if (name, method) in theirs
    ]
    return _judged(pairs, metric, delta, costs, pooled)
