# pyright: reportUnknownLambdaType=false
"""Figures of each method on each set, with intervals."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from more_itertools import map_reduce

from churn_agent.evals.runs.predictions import Kind, Prediction, SampleNote
from churn_agent.evals.runs.scored import Scored, by_set_and_method
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Costs, Decisions, Groups, Interval, Labels, Scores

_FEWER_DRAWS = 200
"""Of a bootstrap of what takes long to compute."""


@dataclass(frozen=True)
class Figure:
    """A metric of a method on the samples of a split of a set."""

    set: str
    method: str
    kind: Kind
    """Of the method."""
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
        predictions: of any number of sets and methods.
        costs: of contacts and offers, for profits.
        notes: of the samples; those that say what a reader should find allow figures of what it found.
        prices: as `Suite.prices`.
    """
    gold = {(note.set, note.sample_id): note for note in notes if note.gold is not None}
    repeats = map_reduce((p for p in predictions if p.repeat), lambda p: (p.set, p.method))
    figures: list[Figure] = []
    for key, of_method in by_set_and_method(predictions).items():
        asked = [p for p in of_method if p.split != "train"]
        if asked:
            figures += _of_asking(asked, prices)
            figures += _of_scores(of_method, costs)
            figures += _of_reading(asked, gold)
            figures += _of_repeats(of_method, repeats.get(key, []))
    return figures


def _of_asked(metric: str, asked: Sequence[Prediction], interval: Interval) -> Figure:
    """A figure of all samples of a set that a method was asked about, assessed or not."""
    base_rate = float(np.mean([p.churned for p in asked]))
    first = asked[0]
    value = interval.value, interval.low, interval.high
    return Figure(first.set, first.method, first.kind, metric, "all", len(asked), base_rate, *value)


def _ratio(asked: Sequence[Prediction], parts: Sequence[float], wholes: Sequence[float] | None = None) -> Interval:
    """Sum of the parts over that of the wholes, or the mean of the parts."""
    of_customer = np.unique([p.customer_id for p in asked], return_inverse=True)[1]
    whole = np.ones(len(asked)) if wholes is None else np.array(wholes, dtype=float)
    return metrics.ratio(np.array(parts, dtype=float), whole, of_customer)


def _of_asking(asked: Sequence[Prediction], prices: Mapping[str, tuple[float, float]]) -> Iterator[Figure]:
    """Shares answered and verified, and what the answers cost."""
    answered = metrics.share(sum(p.churn_probability is not None for p in asked), len(asked))
    yield _of_asked("answered", asked, answered)
    yield _of_asked("abstained", asked, metrics.share(sum(p.status == "abstained" for p in asked), len(asked)))
    if any(p.quotes for p in asked):
        verified = _ratio(asked, [p.verified_quotes for p in asked], [p.quotes for p in asked])
        yield _of_asked("verified_quotes", asked, verified)
    for cost in ("prompt_tokens", "output_tokens", "seconds"):
        yield _of_asked(f"{cost}_each", asked, _ratio(asked, [getattr(p, cost) for p in asked]))
    priced = [prices.get(p.model_id or "", (0.0, 0.0)) for p in asked]
    if any(p.model_id in prices for p in asked):
        money = [(p.prompt_tokens * i + p.output_tokens * o) / 1e6 for p, (i, o) in zip(asked, priced, strict=True)]
        yield _of_asked("money_each", asked, _ratio(asked, money))


def _of_reading(asked: Sequence[Prediction], gold: Mapping[tuple[str, str], SampleNote]) -> Iterator[Figure]:
    """How much of the gold a reader found: signals (with the interaction that shows them), and interactions cited.

    Where only some signals are judged, those that were found and not judged do not count.
    """
    read = [p for p in asked if (p.set, p.sample_id) in gold]
    if not any(p.found for p in read):
        return
    both = [_found_and_gold(p, gold[p.set, p.sample_id]) for p in read]
    cited = [({when for _, when in f}, {when for _, when in g}) for f, g in both]
    hits = [len(f & g) for f, g in both]
    for metric, parts, wholes in (
        ("signal_precision", hits, [len(f) for f, _ in both]),
        ("signal_recall", hits, [len(g) for _, g in both]),
        ("evidence_recall", [len(f & g) for f, g in cited], [len(g) for _, g in cited]),
    ):
        yield _of_asked(metric, read, _ratio(read, parts, wholes))


def _found_and_gold(prediction: Prediction, note: SampleNote) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    found = _pairs(prediction.found)
    return found if note.judged is None else found & _pairs(note.judged), _pairs(note.gold or {})


def _pairs(signals: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    return {(signal, when) for signal, times in signals.items() for when in times}


def _of_repeats(predictions: Sequence[Prediction], repeats: Sequence[Prediction]) -> Iterator[Figure]:
    """How far scores move, and how often the decision changes, when a sample is assessed again."""
    again = map_reduce((p for p in repeats if p.churn_probability is not None), lambda p: p.sample_id)
    first = [p for p in predictions if p.churn_probability is not None and p.sample_id in again]
    if not first:
        return
    threshold = Scored.of(predictions).threshold()
    scores = [
        np.array([p.churn_probability, *(r.churn_probability for r in again[p.sample_id])], dtype=float) for p in first
    ]
    spread = [float(np.std(of_sample, ddof=1)) for of_sample in scores]
    turned = [float(((s[1:] >= threshold) != (s[0] >= threshold)).mean()) for s in scores]
    for metric, values in (("score_spread", spread), ("decisions_turned", turned)):
        yield _of_asked(metric, first, _ratio(first, values))


def _of_scores(predictions: Sequence[Prediction], costs: Costs) -> Iterator[Figure]:
    scored = Scored.of(predictions)
    judged = _Rows(predictions[0], "all", scored, scored.judged)
    test = _Rows(predictions[0], "test", scored, ~scored.development)
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

    first: Prediction
    """Any of the method on the set."""
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

    def figure(self, metric: str, interval: Interval) -> Figure:
        of_method = self.first.set, self.first.method, self.first.kind
        n, base_rate = len(self.labels), float(self.labels.mean())
        return Figure(*of_method, metric, self.split, n, base_rate, interval.value, interval.low, interval.high)

    def bootstrapped(
        self, name: str, metric: Callable[[Labels, Scores], float], scores: Scores, *, draws: int = 1000
    ) -> Figure:
        return self.figure(name, metrics.bootstrap(metric, self.labels, self.of(scores), self.groups, draws=draws))


def _of_probabilities(test: _Rows) -> Iterator[Figure]:
    """After calibration on the development split."""
    calibrated = test.scored.calibrated()
    yield test.bootstrapped("brier", metrics.brier, calibrated)
    yield test.bootstrapped("log_loss", metrics.log_loss, calibrated)
    of_probabilities: Sequence[tuple[str, Callable[[Labels, Scores], float]]] = (
        ("brier_miscalibration", lambda labels, some: metrics.brier_parts(labels, some).miscalibration),
        ("brier_discrimination", lambda labels, some: metrics.brier_parts(labels, some).discrimination),
        ("calibration_slope", metrics.calibration_slope),
        ("calibration_intercept", metrics.calibration_intercept),
    )
    for name, metric in of_probabilities:
        yield test.bootstrapped(name, metric, calibrated, draws=_FEWER_DRAWS)
    scores = test.of(calibrated)
    # No interval: redrawn samples are farther off than the sample. It is compared with that of a perfect score.
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
    of_rankings: Sequence[tuple[str, Callable[[Labels, Scores], float], int]] = (
        ("area_under_risk_coverage", lambda y, some: metrics.area_under_risk_coverage(y, some, threshold), 1000),
        ("profit", lambda y, some: metrics.profit_at_capacity(y, some, costs), 1000),
        ("expected_maximum_profit", lambda y, some: metrics.expected_maximum_profit(y, some, costs), _FEWER_DRAWS),
    )
    for name, metric, draws in of_rankings:
        yield test.bootstrapped(name, metric, scores, draws=draws)
