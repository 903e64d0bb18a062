"""Plots of a set: what its methods' scores are worth, drawn as SVG."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import sklearn.metrics  # pyright: ignore[reportMissingTypeStubs]
from scipy import stats

from churn_agent.evals.runs.scoreboard import Figure
from churn_agent.evals.runs.scored import Scored
from churn_agent.measuring import metrics
from churn_agent.measuring.plots import legend_beside, to_svg

_sklearn = cast("Any", sklearn.metrics)
_SIZE = (6.4, 3.2)
_DRAWN = 6
"""Most methods in one plot."""
_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
_GREYS = ("0", "0.35", "0.55", "0.15", "0.45", "0.7")
"""Lines differ by dash as well as by shade, so that a grey print can be read."""


def draw_all(scored: Mapping[str, Scored], figures: Mapping[tuple[str, str], Figure]) -> Iterator[tuple[str, str]]:
    """Title and SVG of each plot; none if no method can be judged.

    Args:
        scored: method -> its scores, the best first; the first few are drawn.
        figures: (method, metric) -> figure.
    """
    scored = dict(list(scored.items())[:_DRAWN])
    if not scored:
        return
    for title, curve, x, y, diagonal in (
        ("ROC curve", _roc, "share of stayers above", "share of churners above", True),
        ("Precision and recall", _precision_recall, "recall", "precision", False),
        ("Reliability", _reliability, "calibrated probability (test split, five bins)", "churned", True),
        ("Gain", _gain, "share of customers contacted", "share of churners reached", True),
        (
            "Abstention",
            _abstention,
            "share of samples decided, most certain first (test split)",
            "wrong decisions",
            False,
        ),
    ):
        fill = partial(_draw_curves, scored=scored, curve=curve, x=x, y=y, diagonal=diagonal)
        yield title, to_svg(fill, size=_SIZE)
    best = next(iter(scored.values()))
    band = partial(_draw_reliability, name=next(iter(scored)), scored=best)
    yield "Reliability of the best methods, with the band of perfect calibration", to_svg(band, size=_SIZE)
    yield "Cost against quality", to_svg(partial(_draw_costs, methods=list(scored), figures=figures), size=_SIZE)


def _draw_curves(
    axes: Any, *, scored: Mapping[str, Scored], curve: Callable[[Scored], Any], x: str, y: str, diagonal: bool
) -> None:
    for (name, of_method), style, grey in zip(scored.items(), _STYLES, _GREYS, strict=False):
        axes.plot(*curve(of_method), label=name, ls=style, color=grey)
    if diagonal:
        axes.plot([0, 1], [0, 1], color="0.85", lw=0.8)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    legend_beside(axes)


def _draw_reliability(axes: Any, *, name: str, scored: Scored) -> None:
    """Observed rates in bins, with the range that 95 % of perfectly calibrated scores would have in bins as small."""
    test = ~scored.development
    points = metrics.reliability(scored.labels[test], scored.calibrated()[test], bins=5)
    expected = np.array([mean for mean, _, _ in points])
    sizes = np.array([n for _, _, n in points])
    low, high = (stats.binom.ppf(q, sizes, expected) / sizes for q in (0.025, 0.975))
    axes.fill_between(expected, low, high, color="0.9", label="perfect (95 %)")
    axes.plot(expected, [observed for _, observed, _ in points], "o-", color="0", ms=4, label=name)
    axes.set_xlabel("calibrated probability (test split, five bins)")
    axes.set_ylabel("churned")
    legend_beside(axes)


def _draw_costs(axes: Any, *, methods: Sequence[str], figures: Mapping[tuple[str, str], Figure]) -> None:
    for name in methods:
        seconds, quality = max(figures[name, "seconds_each"].value, 1e-4), figures[name, "auroc"]
        reach = [[quality.value - quality.low], [quality.high - quality.value]]
        axes.errorbar(seconds, quality.value, yerr=reach, fmt="o", color="0.2", ms=4)
        axes.annotate(name, (seconds, quality.value), xytext=(4, 4), textcoords="offset points", fontsize=7)
    axes.set_xscale("log")
    axes.set_xlabel("seconds a customer")
    axes.set_ylabel("AUROC")


def _roc(scored: Scored) -> Any:
    return _sklearn.roc_curve(scored.labels[scored.judged], scored.scores[scored.judged])[:2]


def _precision_recall(scored: Scored) -> Any:
    precision, recall, _ = _sklearn.precision_recall_curve(scored.labels[scored.judged], scored.scores[scored.judged])
    return recall, precision


def _reliability(scored: Scored) -> Any:
    test = ~scored.development
    points = metrics.reliability(scored.labels[test], scored.calibrated()[test], bins=5)
    return [expected for expected, _, _ in points], [observed for _, observed, _ in points]


def _gain(scored: Scored) -> Any:
    return metrics.gain_curve(scored.labels[scored.judged], scored.scores[scored.judged])


def _abstention(scored: Scored) -> Any:
    test = ~scored.development
    return metrics.risk_coverage(scored.labels[test], scored.scores[test], scored.threshold())
