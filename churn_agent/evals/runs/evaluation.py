"""The figures of runs, and a sentence on whether a language model beats the classic methods on a set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churn_agent.evals.runs import scoreboard
from churn_agent.evals.runs.comparing import Comparison, compare_methods
from churn_agent.evals.runs.log import RunLog, last_suite
from churn_agent.evals.runs.predictions import Kind, Prediction, SampleNote
from churn_agent.evals.runs.scoreboard import Figure

PICKED = (
    "The best way and the best classic method of a set are those that rank best on these samples, partly by "
    "chance. `churn-agent eval search` estimates how well this choice generalises."
)
_LARGE = 10
"""Figures of this size or larger are shown without decimals."""
_SIZED_BY = ("auroc", "brier")
"""Metrics that tell how many samples the splits have."""


@dataclass(frozen=True)
class Evaluation:
    """One or more runs, measured."""

    predictions: Sequence[Prediction]
    notes: Sequence[SampleNote]
    logs: Sequence[RunLog]
    delta: float
    """Differences of AUROCs up to it do not matter."""
    figures: Sequence[Figure]
    comparisons: Sequence[Comparison]

    @classmethod
    def of(
        cls, predictions: Sequence[Prediction], notes: Sequence[SampleNote], logs: Sequence[RunLog], *, delta: float
    ) -> "Evaluation":
        """With the costs and prices of the last run."""
        suite = last_suite(logs)
        figures = scoreboard.measure(predictions, suite.costs, notes, suite.prices)
        comparisons = compare_methods(predictions, delta=delta, costs=suite.costs)
        return cls(predictions, notes, logs, delta, figures, comparisons)

    @property
    def sets(self) -> list[str]:
        """Names, in the order of the predictions."""
        return list(dict.fromkeys(p.set for p in self.predictions))

    def figures_of(self, name: str) -> dict[tuple[str, str], Figure]:
        """(Method, metric) -> figure of a set."""
        return {(f.method, f.metric): f for f in self.figures if f.set == name}

    def areas(self, name: str) -> list[Figure]:
        """AUROC of the methods of a set, best first."""
        figures = self.figures_of(name)
        known = [figures[method, "auroc"] for method in self.ranked(name) if (method, "auroc") in figures]
        return [figure for figure in known if figure.value == figure.value]

    def ranked(self, name: str) -> list[str]:
        """The methods of a set, the highest AUROC first, those without one last."""
        return scoreboard.ranked(name, self.figures)

    def rivals(self, name: str) -> tuple[Figure, Figure] | None:
        """AUROC of the best way of asking a language model and of the best classic method; None without either."""
        model, classic = (self._best(name, kind) for kind in ("way", "classic"))
        return (model, classic) if model and classic else None

    def _best(self, name: str, kind: Kind) -> Figure | None:
        return next((figure for figure in self.areas(name) if figure.kind == kind), None)

    def comparison(self, first: Figure, second: Figure) -> Comparison | None:
        """Of the methods of two figures of a set; None where they share too few samples."""
        both = {first.method, second.method}
        return next((c for c in self.comparisons if c.set == first.set and {c.first, c.second} == both), None)

    def conclusion(self, name: str) -> str:
        """The first sentence: does the best way of asking a language model beat the best classic method on this set?"""
        rivals = self.rivals(name)
        if rivals is None:
            areas = self.areas(name)
            return (
                f"{areas[0].method} ranks best: AUROC {interval(areas[0])}."
                if areas
                else "No method can be measured on this set."
            )
        model, classic = rivals
        comparison = self.comparison(model, classic)
        if comparison is None:
            return f"{model.method} {interval(model)} and {classic.method} {interval(classic)} share too few samples."
        _, judgement = comparison.seen_from(model.method)
        sentence = {
            "better": "The language model beats the classic methods",
            "worse": "The language model is worse than the best classic method",
            "equivalent": "The language model and the best classic method are equivalent",
            "cannot tell": "These samples cannot tell whether the language model beats the classic methods",
        }[judgement]
        n = comparison.conclusion.difference.n
        return f"{sentence}: {model.method} {interval(model)}, {classic.method} {interval(classic)} (AUROC, n = {n})."

    def sizes(self, name: str) -> dict[str, tuple[int, float]]:
        """Split -> (number of samples, share that churned)."""
        return {f.split: (f.n, f.base_rate) for f in self.figures if f.set == name and f.metric in _SIZED_BY}


def interval(figure: Figure) -> str:
    """Value and 95 % interval, with three decimals."""
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def cell(figure: Figure | None) -> tuple[str, str]:
    """(Value, interval) as a table shows them; empty where there is none."""
    if figure is None or figure.value != figure.value:
        return "", ""
    between = f"{figure.low:.2f} to {figure.high:.2f}" if figure.low == figure.low else ""
    return f"{figure.value:.3f}" if figure.value < _LARGE else f"{figure.value:,.0f}", between


def filled(columns: Sequence[str], methods: Sequence[str], figures: Mapping[tuple[str, str], Figure]) -> list[str]:
    """The metrics that some method has."""
    return [metric for metric in columns if any(cell(figures.get((method, metric)))[0] for method in methods)]


def headings(metrics: Sequence[str], figures: Mapping[tuple[str, str], Figure]) -> list[str]:
    """Names of metrics, with the split that they stand on where that is not all samples."""
    splits = {metric: figure.split for (_, metric), figure in figures.items()}
    return [metric.replace("_", " ") + (" (test)" if splits.get(metric) == "test" else "") for metric in metrics]
