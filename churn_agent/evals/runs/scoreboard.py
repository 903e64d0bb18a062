# pyright: reportUnknownLambdaType=false
"""Predictions to numbers: each method on each set, with intervals, and methods against each other."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import numpy as np
from more_itertools import map_reduce
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churn_agent.evals.runs.predictions import Prediction, SampleNote
from churn_agent.learning.ladder import LEARNED
from churn_agent.measuring import comparing, metrics
from churn_agent.measuring.comparing import Difference, Judgement, Verdict
from churn_agent.measuring.metrics import Costs, Decisions, Groups, Interval, Labels, Scores

YARDSTICK = "yardstick"
_FEWER_DRAWS = 200
"""Of a bootstrap of what takes long to compute."""
_TURNED: Mapping[Judgement, Judgement] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class Figure:
    """A metric of a method on the samples of a split of a set."""

    set: str
    method: str
    metric: str
    split: str
    """`all`: nothing was chosen by labels (scores of models as they are, classic methods cross-fitted). `test`: what
    was chosen (threshold, calibration) was chosen on the development split."""
    n: int
    base_rate: float
    value: float
    low: float
    high: float
    """95 % interval; NaN where none is given."""


@dataclass(frozen=True)
class Comparison:
    """Two methods on a set."""

    set: str
    """Names joined by plus signs where the difference is pooled over several."""
    first: str
    second: str
    verdict: Verdict

    def seen_from(self, method: str) -> tuple[float, Judgement]:
        """The difference and its judgement as they are for one of the two."""
        value, judged = self.verdict.difference.value, self.verdict.judgement
        return (value, judged) if method == self.first else (-value, _TURNED.get(judged, judged))

    def as_dict(self) -> dict[str, Any]:
        d = self.verdict.difference
        return {
            "set": self.set, "first": self.first, "second": self.second, "metric": d.metric, "difference": d.value,
            "low": d.low, "high": d.high, "p": d.p, "p_adjusted": self.verdict.p_adjusted, "n": d.n,
            "detectable": d.detectable, "judgement": self.verdict.judgement, "text": self.verdict.text,
        }  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """What a method said about the samples that it assessed."""

    ids: Sequence[str]
    labels: Labels
    scores: Scores
    groups: Groups
    development: Labels
    """Which samples choices are made on."""
    judged: Labels
    """Which samples may be judged by where nothing was chosen: all, but those of a training set."""

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> "Scored":
        """Leaves out who was not assessed."""
        assessed = sorted(
            (p for p in predictions if p.churn_probability is not None), key=lambda p: (p.customer_id, p.as_of)
        )
        customers = [p.customer_id for p in assessed]
        return cls(
            [p.sample_id for p in assessed],
            np.array([p.churned for p in assessed], dtype=bool),
            np.array([p.churn_probability for p in assessed], dtype=float),
            np.unique(customers, return_inverse=True)[1] if customers else np.zeros(0, dtype=np.intp),
            np.array([p.split != "test" for p in assessed], dtype=bool),
            np.array([p.split != "train" for p in assessed], dtype=bool),
        )

    def calibrated(self) -> Scores:
        """Scores as probabilities, by a logistic regression on their log-odds (Platt 1999) over the development split;
        all the base rate of it if it cannot be fitted. How wide the scores are spread makes no difference."""
        x = metrics.log_odds(self.scores)[:, None]
        known = self.labels[self.development]
        if len(known) == 0 or known.all() or not known.any():
            return np.full(len(self.scores), known.mean() if len(known) else 0.5)
        curve = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return curve.fit(x[self.development], known).predict_proba(x)[:, 1]

    @property
    def can_be_ranked(self) -> bool:
        """Whether there are enough samples of either outcome that may be judged where nothing was chosen."""
        return metrics.enough(self.labels[self.judged], self.groups[self.judged])

    @property
    def can_be_judged(self) -> bool:
        """Whether there are enough samples of either outcome, and enough of them held out."""
        test = ~self.development
        return metrics.enough(self.labels, self.groups) and metrics.enough(self.labels[test], self.groups[test])

    def threshold(self) -> float:
        """The best F1's on the development split; 0.5 if that has only one class."""
        known = self.labels[self.development]
        return 0.5 if known.all() or not known.any() else metrics.best_threshold(known, self.scores[self.development])


def by_set_and_method(predictions: Sequence[Prediction]) -> Mapping[tuple[str, str], list[Prediction]]:
    """Without repeats."""
    return map_reduce((p for p in predictions if p.repeat == 0), lambda p: (p.set, p.method))


def ranked(name: str, figures: Sequence[Figure]) -> list[str]:
    """The methods that were tried on a set, the highest AUROC first, those without one last."""
    areas = {f.method: f.value for f in figures if f.set == name and f.metric == "auroc" and f.value == f.value}
    return sorted(dict.fromkeys(f.method for f in figures if f.set == name), key=lambda m: -areas.get(m, -1.0))


def measure(
    predictions: Sequence[Prediction],
    costs: Costs,
    notes: Sequence[SampleNote] = (),
    prices: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> list[Figure]:
    """All figures of all methods.

    Args:
        notes: of the samples; those that say what a reader should find make figures of what it found.
        prices: as `Suite.prices`.
    """
    gold = {(note.set, note.sample_id): note.gold for note in notes if note.gold is not None}
    repeats = map_reduce((p for p in predictions if p.repeat), lambda p: (p.set, p.method))
    found: list[Figure] = []
    for (name, method), made in by_set_and_method(predictions).items():
        asked = [p for p in made if p.split != "train"]
        if asked:
            found += _of_asking(name, method, asked, prices)
            found += _of_scores(name, method, made, costs)
            found += _of_reading(name, method, asked, gold)
            found += _of_repeats(name, method, made, repeats.get((name, method), []))
    return found


def _of_asked(name: str, method: str, metric: str, asked: Sequence[Prediction], interval: Interval) -> Figure:
    """A figure of all who were asked about, assessed or not."""
    base_rate = float(np.mean([p.churned for p in asked]))
    return Figure(name, method, metric, "all", len(asked), base_rate, interval.value, interval.low, interval.high)


def _ratio(asked: Sequence[Prediction], parts: Sequence[float], wholes: Sequence[float] | None = None) -> Interval:
    """Sum of the parts over that of the wholes, or the mean of the parts."""
    of_customer = np.unique([p.customer_id for p in asked], return_inverse=True)[1]
    whole = np.ones(len(asked)) if wholes is None else np.array(wholes, dtype=float)
    return metrics.ratio(np.array(parts, dtype=float), whole, of_customer)


def _of_asking(
    name: str, method: str, asked: Sequence[Prediction], prices: Mapping[str, tuple[float, float]]
) -> Iterator[Figure]:
    """How many were answered and verified, and what that cost."""

    def figure(metric: str, interval: Interval) -> Figure:
        return _of_asked(name, method, metric, asked, interval)

    yield figure("answered", metrics.share(sum(p.churn_probability is not None for p in asked), len(asked)))
    yield figure("abstained", metrics.share(sum(p.status == "abstained" for p in asked), len(asked)))
    if any(p.quotes for p in asked):
        yield figure("verified_quotes", _ratio(asked, [p.verified_quotes for p in asked], [p.quotes for p in asked]))
    for cost in ("prompt_tokens", "output_tokens", "seconds"):
        yield figure(f"{cost}_each", _ratio(asked, [getattr(p, cost) for p in asked]))
    priced = [prices.get(p.model or "", (0.0, 0.0)) for p in asked]
    if any(p.model in prices for p in asked):
        money = [(p.prompt_tokens * i + p.output_tokens * o) / 1e6 for p, (i, o) in zip(asked, priced, strict=True)]
        yield figure("money_each", _ratio(asked, money))


def _of_reading(
    name: str, method: str, asked: Sequence[Prediction], gold: Mapping[tuple[str, str], Mapping[str, Sequence[str]]]
) -> Iterator[Figure]:
    """What of the gold was found: signals (with the interaction that shows them), and interactions cited at all."""
    read = [p for p in asked if (name, p.sample_id) in gold]
    if not any(p.found for p in read):
        return
    both = [(_pairs(p.found), _pairs(gold[name, p.sample_id])) for p in read]
    cited = [({when for _, when in f}, {when for _, when in g}) for f, g in both]
    hit = [len(f & g) for f, g in both]
    for metric, parts, wholes in (
        ("signal_precision", hit, [len(f) for f, _ in both]),
        ("signal_recall", hit, [len(g) for _, g in both]),
        ("evidence_recall", [len(f & g) for f, g in cited], [len(g) for _, g in cited]),
    ):
        yield _of_asked(name, method, metric, read, _ratio(read, parts, wholes))


def _pairs(found: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    return {(signal, when) for signal, times in found.items() for when in times}


def _of_repeats(name: str, method: str, made: Sequence[Prediction], repeats: Sequence[Prediction]) -> Iterator[Figure]:
    """How far scores move, and how often the decision turns, when a sample is judged again."""
    again = map_reduce((p for p in repeats if p.churn_probability is not None), lambda p: p.sample_id)
    first = [p for p in made if p.churn_probability is not None and p.sample_id in again]
    if not first:
        return
    threshold = Scored.of(made).threshold()
    scores = [np.array([p.churn_probability, *(r.churn_probability for r in again[p.sample_id])]) for p in first]
    spread = [float(of_sample.std(ddof=1)) for of_sample in scores]
    turned = [float(np.mean((s[1:] >= threshold) != (s[0] >= threshold))) for s in scores]
    for metric, values in (("score_spread", spread), ("decisions_turned", turned)):
        yield _of_asked(name, method, metric, first, _ratio(first, values))


def _of_scores(name: str, method: str, made: Sequence[Prediction], costs: Costs) -> Iterator[Figure]:
    scored = Scored.of(made)
    judged = _Rows(name, method, "all", scored, scored.judged)
    test = _Rows(name, method, "test", scored, ~scored.development)
    if metrics.enough(judged.labels, judged.groups):
        yield judged.figure("auroc", metrics.auroc(judged.labels, judged.of(scored.scores), judged.groups))
        yield judged.bootstrapped("average_precision", metrics.average_precision, scored.scores)
        yield judged.bootstrapped("top_decile_lift", metrics.lift, scored.scores)
    if metrics.enough(test.labels, test.groups):
        yield from _of_probabilities(test)
        yield from _of_decisions(test, costs)


@dataclass(frozen=True)
class _Rows:
    """Some of the samples that a method assessed."""

    set: str
    method: str
    split: str
    scored: Scored
    rows: Labels

    @property
    def labels(self) -> Labels:
        return self.scored.labels[self.rows]

    @property
    def groups(self) -> Groups:
        return self.scored.groups[self.rows]

    def of(self, values: Any) -> Any:
        return values[self.rows]

    def figure(self, metric: str, value: Interval) -> Figure:
        n, base_rate = len(self.labels), float(self.labels.mean())
        return Figure(self.set, self.method, metric, self.split, n, base_rate, value.value, value.low, value.high)

    def bootstrapped(
        self, name: str, metric: Callable[[Labels, Scores], float], scores: Scores, *, draws: int = 1000
    ) -> Figure:
        return self.figure(name, metrics.bootstrap(metric, self.labels, self.of(scores), self.groups, draws=draws))


def _of_probabilities(test: _Rows) -> Iterator[Figure]:
    """After calibration on the development split."""
    calibrated = test.scored.calibrated()
    yield test.bootstrapped("brier", metrics.brier, calibrated)
    yield test.bootstrapped("log_loss", metrics.log_loss, calibrated)
    for name, metric in (
        ("brier_miscalibration", lambda labels, some: metrics.brier_parts(labels, some).miscalibration),
        ("brier_discrimination", lambda labels, some: metrics.brier_parts(labels, some).discrimination),
        ("calibration_slope", metrics.calibration_slope),
        ("calibration_intercept", metrics.calibration_intercept),
    ):
        yield test.bootstrapped(name, metric, calibrated, draws=_FEWER_DRAWS)
    scores = test.of(calibrated)
    # No interval: redrawn samples are farther off than the sample. The band of a perfect score is what it is held to.
    error = metrics.expected_calibration_error(test.labels, scores)
    yield test.figure("calibration_error", Interval(error, math.nan, math.nan))
    yield test.figure("calibration_error_if_perfect", metrics.calibration_error_of_the_perfect(scores))


def _of_decisions(test: _Rows, costs: Costs) -> Iterator[Figure]:
    """At the threshold chosen on the development split, and at one half."""
    scores, threshold = test.scored.scores, test.scored.threshold()
    for what in ("accuracy", "precision", "recall", "f1"):
        for at, border in (("", threshold), ("_at_half", 0.5)):

            def decided(labels: Labels, scores: Scores, what: str = what, border: float = border) -> float:
                return float(getattr(Decisions.at(labels, scores, border), what))

            yield test.bootstrapped(what + at, decided, scores)
    matrix = Decisions.at(test.labels, test.of(scores), threshold)
    for what in ("caught", "missed", "bothered", "spared"):
        yield test.figure(what, Interval(float(getattr(matrix, what)), math.nan, math.nan))
    for name, metric, draws in (
        ("area_under_risk_coverage", lambda y, some: metrics.area_under_risk_coverage(y, some, threshold), 1000),
        ("profit", lambda y, some: metrics.profit_at_capacity(y, some, costs), 1000),
        ("expected_maximum_profit", lambda y, some: metrics.expected_maximum_profit(y, some, costs), _FEWER_DRAWS),
    ):
        yield test.bootstrapped(name, metric, scores, draws=draws)


def compare(
    predictions: Sequence[Prediction],
    *,
    metric: str = "auroc",
    against: str | None = None,
    delta: float = 0.02,
    costs: Costs = Costs(),  # noqa: B008  (frozen)
    pooled: bool = False,
) -> list[Comparison]:
    """Methods against each other on the samples that both assessed, or all against one.

    Args:
        metric: one of `comparing.METRICS`. AUROC is taken over all samples; the others over the test split, after
            calibration (Brier, log-loss) or thresholds (accuracy) that were chosen on the development split.
        against: the method that the others are held against; `YARDSTICK` is the best classic method of each set.
        pooled: the mean of the differences over the sets that both methods were tried on, in place of each.
    """
    scored = {key: Scored.of(made) for key, made in by_set_and_method(predictions).items()}
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
    """What the classic method said that ranks best on each set: on these very samples, so it is a little too good."""
    best: dict[str, tuple[float, Scored]] = {}
    for (name, method), each in scored.items():
        if method in LEARNED and LEARNED[method].classic and each.can_be_ranked:
            rows = each.judged
            area = metrics.auroc(each.labels[rows], each.scores[rows], each.groups[rows]).value
            if name not in best or area > best[name][0]:
                best[name] = area, each
    return {(name, YARDSTICK): each for name, (_, each) in best.items()}


@dataclass(frozen=True)
class _Pair:
    """Two methods to be compared, and what they said."""

    set: str
    first: str
    second: str
    of_first: Scored
    of_second: Scored


def _judged(pairs: Sequence[_Pair], metric: str, delta: float, costs: Costs, pooled: bool = False) -> list[Comparison]:
    """Verdicts on all pairs that can be compared, tested together."""
    tested = [(pair, _difference(metric, pair.of_first, pair.of_second, costs)) for pair in pairs]
    found = [(pair.set, pair.first, pair.second, difference) for pair, difference in tested if difference]
    if pooled:
        of_pairs = map_reduce(found, itemgetter(1, 2)).items()
        found = [
            (" + ".join(name for name, *_ in of_pair), first, second, comparing.pooled([d for *_, d in of_pair]))
            for (first, second), of_pair in of_pairs
        ]
    verdicts = comparing.judge([difference for *_, difference in found], delta=delta)
    return [
        Comparison(name, first, second, verdict)
        for (name, first, second, _), verdict in zip(found, verdicts, strict=True)
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
        (each.calibrated() if probabilities else each.scores)[rows][chosen]
        for each, rows in ((first, of_first), (second, of_second))
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


def most_disagreed(
    first: Sequence[Prediction], second: Sequence[Prediction], n: int
) -> list[tuple[Prediction, Prediction]]:
    """What two methods said about the samples that they rank most differently, the worst first."""
    of_second = {p.sample_id: p for p in second if p.repeat == 0 and p.churn_probability is not None}
    both = [
        (p, of_second[p.sample_id])
        for p in first
        if p.repeat == 0 and p.split != "train" and p.churn_probability is not None and p.sample_id in of_second
    ]
    scores = np.array([[one.churn_probability, other.churn_probability] for one, other in both]).reshape(-1, 2)
    return [both[i] for i in comparing.most_disagreed(scores[:, 0], scores[:, 1], n)]


def compare_runs(
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    name_of_second: str,
    *,
    metric: str,
    delta: float,
    costs: Costs,
    pooled: bool,
) -> list[Comparison]:
    """Each method of a run against the same method of another; the rest as for `compare`."""
    ours, theirs = by_set_and_method(first), by_set_and_method(second)
    pairs = [
        _Pair(name, method, f"{method} of {name_of_second}", Scored.of(made), Scored.of(theirs[name, method]))
        for (name, method), made in ours.items()
        if (name, method) in theirs
    ]
    return _judged(pairs, metric, delta, costs, pooled)
