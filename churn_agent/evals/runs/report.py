"""One page about runs: what is better, by how much, and how sure that is. Opens offline and prints."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import stats
from sklearn import metrics as sk

from churn_agent import extras
from churn_agent.evals.runs import scoreboard
from churn_agent.evals.runs.predictions import Prediction, SampleNote
from churn_agent.evals.runs.scoreboard import Comparison, Figure, Scored
from churn_agent.learning.ladder import CALIBRATED, LEARNED
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Costs, Labels
from churn_agent.measuring.plots import legend_beside, to_svg

_SIZE = (6.4, 3.2)
_DRAWN = 6
"""Most methods in one plot."""
_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
_GREYS = ("0", "0.35", "0.55", "0.15", "0.45", "0.7")
"""Lines differ by dash as well as by shade, so that a grey print can be read."""
_COLUMNS = ("auroc", "average_precision", "top_decile_lift", "brier", "f1", "profit", "answered", "abstained",
            "verified_quotes", "signal_precision", "signal_recall", "evidence_recall", "score_spread",
            "decisions_turned", "seconds_each", "money_each")  # fmt: skip
_MORE = ("brier_miscalibration", "brier_discrimination", "log_loss", "calibration_error",
         "calibration_error_if_perfect", "calibration_slope", "calibration_intercept", "accuracy", "precision",
         "recall", "f1_at_half", "area_under_risk_coverage", "expected_maximum_profit")  # fmt: skip
_MARKDOWN = ("auroc", "average_precision", "brier", "f1", "answered", "verified_quotes", "signal_precision",
             "signal_recall", "evidence_recall", "score_spread", "decisions_turned", "prompt_tokens_each",
             "output_tokens_each", "seconds_each", "money_each")  # fmt: skip
_BOARDS = (("Leaderboard", _COLUMNS), ("Probabilities and decisions", _MORE))
_PICKED = (
    "The best way and the best classic method of a set are those that rank best on these very samples: of many, also "
    "the luckiest. `churn-agent eval search` says what choosing so is worth on others."
)
_LARGE = 10
"""From which on decimals say nothing."""
_DECISIONS = ("caught", "missed", "bothered", "spared")
_FEWEST = 20
"""Samples of a segment below which no AUROC is given for it."""
_DISAGREED = 8


@dataclass(frozen=True)
class _Disagreement:
    """A sample that two methods rank most differently."""

    note: SampleNote | None
    first: Prediction
    second: Prediction


def to_html(
    predictions: Sequence[Prediction],
    notes: Sequence[SampleNote],
    provenance: Sequence[Mapping[str, Any]],
    *,
    delta: float,
    costs: Costs,
    prices: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    command: str,
) -> str:
    """The report of one or more runs.

    Args:
        notes: what the samples are like.
        provenance: of each run.
        command: that the reader would type to get it again.
    """
    with extras.importing("reports"):
        import jinja2

    figures = scoreboard.measure(predictions, costs, notes, prices)
    comparisons = scoreboard.compare(predictions, delta=delta, costs=costs)
    template = jinja2.Environment(autoescape=True).from_string(
        files("churn_agent.evals.runs").joinpath("report.html").read_text(encoding="utf-8")
    )
    names = list(dict.fromkeys(p.set for p in predictions))
    return template.render(
        sets=[_of_set(name, predictions, notes, figures, comparisons) for name in names],
        models=sorted({str(each["default_model"]) for each in provenance}),
        delta=delta,
        provenance=provenance,
        picked=_PICKED.replace("`", ""),
        unfinished=[each["suite"] for each in provenance if not each.get("finished")],
        command=command,
    )


def to_markdown(
    predictions: Sequence[Prediction],
    notes: Sequence[SampleNote],
    provenance: Sequence[Mapping[str, Any]],
    *,
    delta: float,
    costs: Costs,
    prices: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    command: str,
) -> str:
    """The verdicts and leaderboards of one or more runs; the rest as for `to_html`."""
    figures = scoreboard.measure(predictions, costs, notes, prices)
    comparisons = scoreboard.compare(predictions, delta=delta, costs=costs)
    found = {(f.set, f.method, f.metric): f for f in figures}
    by_method = scoreboard.by_set_and_method(predictions)
    lines = [f"*Written by `{command}`; {_made(provenance)}.*", "", _PICKED, ""]
    for name in dict.fromkeys(p.set for p in predictions):
        methods = scoreboard.ranked(name, figures)
        shown = [c for c in _MARKDOWN if any(_cell(found.get((name, m, c)))[0] for m in methods)]
        lines += [f"## {name}", "", verdict(name, figures, comparisons), "", _sizes(name, figures), ""]
        lines += [f"| method | n | {' | '.join(_headings(shown, found))} |", "|---" * (len(shown) + 2) + "|"]
        assessed = {method: Scored.of(made) for (of, method), made in by_method.items() if of == name}
        for method in methods:
            cells = [_cell(found.get((name, method, column))) for column in shown]
            told = " | ".join(f"{value} [{interval}]" if interval else value for value, interval in cells)
            lines.append(f"| {method} | {len(assessed[method].labels)} | {told} |")
        lines.append("")
    return "\n".join(lines)


def summary(
    predictions: Sequence[Prediction], provenance: Sequence[Mapping[str, Any]], *, delta: float, costs: Costs
) -> str:
    """One line a set, in Markdown: the best way of asking a language model against the best classic method, and what
    the default way gives once it is calibrated with outcomes."""
    figures = scoreboard.measure(predictions, costs)
    comparisons = scoreboard.compare(predictions, delta=delta, costs=costs)
    lines = [
        "| set | n | churned | best way of asking (AUROC) | best classic method (AUROC) | verdict "
        "| calibrated (AUROC) |",
        "|---" * 7 + "|",
    ]
    for name in dict.fromkeys(p.set for p in predictions):
        best = _rivals(name, figures)
        if best is None:
            continue
        model, classic = best
        pair = _pair(model, classic, comparisons)
        judged = pair.seen_from(model.method)[1] if pair else "cannot tell"
        learned = next((_interval(f) for f in _ranked(name, figures) if f.method == CALIBRATED), "")
        lines.append(
            f"| {name} | {model.n} | {model.base_rate:.0%} | {model.method.partition(' ')[0]} {_interval(model)} | "
            f"{classic.method} {_interval(classic)} | {judged} | {learned} |"
        )
    return "\n".join([*lines, "", f"{_made(provenance)[0].upper()}{_made(provenance)[1:]}."])


def _made(provenance: Sequence[Mapping[str, Any]]) -> str:
    def of(name: str) -> str:
        return " and ".join(sorted({each for p in provenance for each in str(p.get(name, "?")).split("; ")}))

    return f"run on {of('date')} on {of('machine')}; default model {of('default_model')}"


def _headings(columns: Sequence[str], found: Mapping[tuple[str, str, str], Figure]) -> list[str]:
    """Names of metrics, with the split that they stand on where that is not all samples."""
    splits = {metric: figure.split for (_, _, metric), figure in found.items()}
    return [c.replace("_", " ") + (" (test)" if splits.get(c) == "test" else "") for c in columns]


def _sizes(name: str, figures: Sequence[Figure]) -> str:
    sizes = {
        f.split: f"{f.n} samples, {f.base_rate:.0%} churned"
        for f in figures
        if f.set == name and f.metric in ("auroc", "brier")
    }
    return "; ".join(f"{split}: {size}" for split, size in sizes.items()) + "."


def verdict(name: str, figures: Sequence[Figure], comparisons: Sequence[Comparison]) -> str:
    """The first sentence: does the best way of asking a language model beat the best classic method on this set?"""
    best = _rivals(name, figures)
    if best is None:
        ranked = _ranked(name, figures)
        return f"{ranked[0].method} ranks best: AUROC {_interval(ranked[0])}." if ranked else "Nothing can be said."
    model, classic = best
    pair = _pair(model, classic, comparisons)
    if pair is None:
        return f"{model.method} {_interval(model)} and {classic.method} {_interval(classic)} share too few samples."
    _, judged = pair.seen_from(model.method)
    said = {
        "better": "The language model beats the classic methods",
        "worse": "The language model is worse than the best classic method",
        "equivalent": "The language model and the best classic method are equivalent",
        "cannot tell": "Whether the language model beats the classic methods cannot be told",
    }[judged]
    n = pair.verdict.difference.n
    return f"{said}: {model.method} {_interval(model)}, {classic.method} {_interval(classic)} (AUROC, n = {n})."


def _ranked(name: str, figures: Sequence[Figure]) -> list[Figure]:
    """AUROC of the methods of a set, best first."""
    areas = {f.method: f for f in figures if f.set == name and f.metric == "auroc" and f.value == f.value}
    return [areas[method] for method in scoreboard.ranked(name, figures) if method in areas]


def _rivals(name: str, figures: Sequence[Figure]) -> tuple[Figure, Figure] | None:
    """AUROC of the best way of asking a language model and of the best classic method."""
    ranked = _ranked(name, figures)
    model = next((f for f in ranked if f.method not in LEARNED), None)
    classic = next((f for f in ranked if f.method in LEARNED and LEARNED[f.method].classic), None)
    return (model, classic) if model and classic else None


def _pair(model: Figure, classic: Figure, comparisons: Sequence[Comparison]) -> Comparison | None:
    both = {model.method, classic.method}
    return next((c for c in comparisons if c.set == model.set and {c.first, c.second} == both), None)


def _interval(figure: Figure) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _of_set(
    name: str,
    predictions: Sequence[Prediction],
    notes: Sequence[SampleNote],
    figures: Sequence[Figure],
    comparisons: Sequence[Comparison],
) -> dict[str, Any]:
    made = {method: each for (of, method), each in scoreboard.by_set_and_method(predictions).items() if of == name}
    found = {(f.method, f.metric): f for f in figures if f.set == name}
    order = scoreboard.ranked(name, figures)
    scored = {method: Scored.of(made[method]) for method in order}
    usable = {m: s for m, s in scored.items() if s.can_be_judged}
    drawn = dict(list(usable.items())[:_DRAWN])
    of_set = [c for c in comparisons if c.set == name]
    return {
        "name": name,
        "verdict": verdict(name, figures, comparisons),
        "sizes": {f.split: (f.n, f.base_rate) for f in figures if f.set == name and f.metric in ("auroc", "brier")},
        "boards": [_board(title, columns, name, order, scored, figures) for title, columns in _BOARDS],
        "methods": order,
        "matrix": _matrix(order, of_set),
        "comparisons": of_set,
        "plots": list(_plots(drawn, found)),
        "decisions": [
            (m, [f"{found[m, what].value:.0f}" for what in _DECISIONS]) for m in usable if (m, _DECISIONS[0]) in found
        ],
        "compared": list(usable),
        "segments": list(_segments(usable, {n.sample_id: n for n in notes if n.set == name})),
        "disagreements": list(_disagreements(name, made, list(usable), notes)),
    }


def _board(
    title: str,
    columns: Sequence[str],
    name: str,
    order: Sequence[str],
    scored: Mapping[str, Scored],
    figures: Sequence[Figure],
) -> tuple[str, list[str], list[tuple[str, int, list[tuple[str, str]]]]]:
    """Title, headings and rows (method, n, cells) of a leaderboard, without columns that nobody has."""
    found = {(f.set, f.method, f.metric): f for f in figures if f.set == name}
    shown = [c for c in columns if any(_cell(found.get((name, method, c)))[0] for method in order)]
    rows = [(m, len(scored[m].labels), [_cell(found.get((name, m, c))) for c in shown]) for m in order]
    return title, _headings(shown, found), rows


def _cell(figure: Figure | None) -> tuple[str, str]:
    if figure is None or figure.value != figure.value:
        return "", ""
    interval = f"{figure.low:.2f} to {figure.high:.2f}" if figure.low == figure.low else ""
    return f"{figure.value:.3f}" if figure.value < _LARGE else f"{figure.value:,.0f}", interval


def _matrix(methods: Sequence[str], comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Difference of the row's method less the column's, with a word where it is more than chance."""
    cells: dict[tuple[str, str], str] = {}
    for each in comparisons:
        for row, column in ((each.first, each.second), (each.second, each.first)):
            value, judged = each.seen_from(row)
            cells[row, column] = f"{value:+.2f} {'' if judged == 'cannot tell' else judged}".strip()
    return [[cells.get((row, column), "") for column in methods] for row in methods]


def _plots(scored: Mapping[str, Scored], found: Mapping[tuple[str, str], Figure]) -> Iterator[tuple[str, str]]:
    if not scored:
        return
    for title, curve, x, y, diagonal in (
        ("ROC curve", _roc, "share of stayers above", "share of churners above", True),
        ("Precision and recall", _precision_recall, "recall", "precision", False),
        ("Reliability", _reliability, "calibrated probability (test split, five bins)", "churned", True),
        ("Gain", _gain, "share of customers contacted", "share of churners reached", True),
        ("Abstention", _abstention, "share decided, the surest first (test split)", "wrong decisions", False),
    ):
        fill = partial(_draw_curves, scored=scored, curve=curve, x=x, y=y, diagonal=diagonal)
        yield title, to_svg(fill, size=_SIZE)
    best = next(iter(scored.values()))
    band = partial(_draw_reliability, name=next(iter(scored)), scored=best)
    yield "Reliability of the best, with the band of a perfect score", to_svg(band, size=_SIZE)
    yield "Cost against quality", to_svg(partial(_draw_costs, methods=list(scored), found=found), size=_SIZE)


def _draw_curves(
    axes: Any, *, scored: Mapping[str, Scored], curve: Callable[[Scored], Any], x: str, y: str, diagonal: bool
) -> None:
    for (name, each), style, grey in zip(scored.items(), _STYLES, _GREYS, strict=False):
        axes.plot(*curve(each), label=name, ls=style, color=grey)
    if diagonal:
        axes.plot([0, 1], [0, 1], color="0.85", lw=0.8)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    legend_beside(axes)


def _draw_reliability(axes: Any, *, name: str, scored: Scored) -> None:
    """Observed rates in bins, within what 95 % of perfectly calibrated scores would show in bins as small."""
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


def _draw_costs(axes: Any, *, methods: Sequence[str], found: Mapping[tuple[str, str], Figure]) -> None:
    for name in methods:
        seconds, quality = max(found[name, "seconds_each"].value, 1e-4), found[name, "auroc"]
        reach = [[quality.value - quality.low], [quality.high - quality.value]]
        axes.errorbar(seconds, quality.value, yerr=reach, fmt="o", color="0.2", ms=4)
        axes.annotate(name, (seconds, quality.value), xytext=(4, 4), textcoords="offset points", fontsize=7)
    axes.set_xscale("log")
    axes.set_xlabel("seconds a customer")
    axes.set_ylabel("AUROC")


def _roc(scored: Scored) -> Any:
    return sk.roc_curve(scored.labels[scored.judged], scored.scores[scored.judged])[:2]


def _precision_recall(scored: Scored) -> Any:
    precision, recall, _ = sk.precision_recall_curve(scored.labels[scored.judged], scored.scores[scored.judged])
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


def _segments(
    scored: Mapping[str, Scored], notes: Mapping[str, SampleNote]
) -> Iterator[tuple[str, str, int, list[str]]]:
    """(Kind, segment, samples, AUROC of each method)."""
    members: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for id_, note in notes.items():
        for kind, value in note.segments.items():
            members[kind][value].add(id_)
    for kind, segments in sorted(members.items()):
        for value, ids in sorted(segments.items()) if len(segments) > 1 else ():
            within = [each.judged & np.array([id_ in ids for id_ in each.ids]) for each in scored.values()]
            n = max((int(rows.sum()) for rows in within), default=0)
            if n >= _FEWEST:
                yield kind, value, n, [_area(each, rows) for each, rows in zip(scored.values(), within, strict=True)]


def _area(scored: Scored, rows: Labels) -> str:
    if rows.sum() < _FEWEST or not metrics.enough(scored.labels[rows], scored.groups[rows]):
        return ""
    return f"{metrics.auroc(scored.labels[rows], scored.scores[rows], scored.groups[rows]).value:.2f}"


def _disagreements(
    name: str, made: Mapping[str, Sequence[Prediction]], order: Sequence[str], notes: Sequence[SampleNote]
) -> Iterator[tuple[str, str, list[_Disagreement]]]:
    """The two best ways of asking a model, and the best of them against the best classic method."""
    by_id = {n.sample_id: n for n in notes if n.set == name}
    models = [m for m in order if m not in LEARNED]
    classics = [m for m in order if m in LEARNED and LEARNED[m].classic]
    for first, second in [(first, second) for first in models[:1] for second in (*models[1:2], *classics[:1])]:
        worst = scoreboard.most_disagreed(made[first], made[second], _DISAGREED)
        yield first, second, [_Disagreement(by_id.get(one.sample_id), one, other) for one, other in worst]
