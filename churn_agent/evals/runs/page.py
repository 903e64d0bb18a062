"""One page about runs: what is better, by how much, and how sure that is. Opens offline and prints."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from churn_agent import extras
from churn_agent.evals.runs import curves
from churn_agent.evals.runs.comparing import Comparison, furthest_apart
from churn_agent.evals.runs.evaluation import PICKED, Evaluation, cell, filled, headings
from churn_agent.evals.runs.predictions import Prediction, SampleNote
from churn_agent.evals.runs.scoreboard import Figure
from churn_agent.evals.runs.scored import Scored, by_set_and_method
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Labels

_COLUMNS = ("auroc", "average_precision", "top_decile_lift", "brier", "f1", "profit", "answered", "abstained",
            "verified_quotes", "signal_precision", "signal_recall", "evidence_recall", "score_spread",
            "decisions_turned", "seconds_each", "money_each")  # fmt: skip
_MORE = ("brier_miscalibration", "brier_discrimination", "log_loss", "calibration_error",
         "calibration_error_if_perfect", "calibration_slope", "calibration_intercept", "accuracy", "precision",
         "recall", "f1_at_half", "area_under_risk_coverage", "expected_maximum_profit")  # fmt: skip
_BOARDS = (("Leaderboard", _COLUMNS), ("Probabilities and decisions", _MORE))
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


def to_html(evaluation: Evaluation, *, command: str) -> str:
    """The report of one or more runs.

    Args:
        evaluation: the runs.
        command: that the reader would type to get it again.
    """
    with extras.importing("reports"):
        import jinja2

    template = jinja2.Environment(autoescape=True).from_string(
        files("churn_agent.evals.runs").joinpath("report.html").read_text(encoding="utf-8")
    )
    return template.render(
        sets=[_of_set(name, evaluation) for name in evaluation.sets],
        models=sorted({log.default_model for log in evaluation.logs}),
        delta=evaluation.delta,
        logs=[log.model_dump(mode="json") for log in evaluation.logs],
        picked=PICKED.replace("`", ""),
        unfinished=[log.suite for log in evaluation.logs if not log.finished],
        command=command,
    )


def _of_set(name: str, evaluation: Evaluation) -> dict[str, Any]:
    of_methods = {
        method: predictions
        for (of, method), predictions in by_set_and_method(evaluation.predictions).items()
        if of == name
    }
    figures, order = evaluation.figures_of(name), evaluation.ranked(name)
    scored = {method: Scored.of(of_methods[method]) for method in order}
    usable = {method: of_method for method, of_method in scored.items() if of_method.can_be_judged}
    notes = {note.sample_id: note for note in evaluation.notes if note.set == name}
    comparisons = [c for c in evaluation.comparisons if c.set == name]
    return {
        "name": name,
        "conclusion": evaluation.conclusion(name),
        "sizes": evaluation.sizes(name),
        "boards": [_board(title, columns, order, scored, figures) for title, columns in _BOARDS],
        "methods": order,
        "matrix": _matrix(order, comparisons),
        "comparisons": comparisons,
        "plots": list(curves.draw_all(usable, figures)),
        "decisions": [
            (method, [f"{figures[method, decision].value:.0f}" for decision in _DECISIONS])
            for method in usable
            if (method, _DECISIONS[0]) in figures
        ],
        "compared": list(usable),
        "segments": list(_segments(usable, notes)),
        "disagreements": list(_disagreements(of_methods, list(usable), notes)),
    }


def _board(
    title: str,
    columns: Sequence[str],
    order: Sequence[str],
    scored: Mapping[str, Scored],
    figures: Mapping[tuple[str, str], Figure],
) -> tuple[str, list[str], list[tuple[str, int, list[tuple[str, str]]]]]:
    """Title, headings and rows (method, n, cells) of a leaderboard, without empty columns."""
    shown = filled(columns, order, figures)
    rows = [(m, len(scored[m].labels), [cell(figures.get((m, metric))) for metric in shown]) for m in order]
    return title, headings(shown, figures), rows


def _matrix(methods: Sequence[str], comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Difference of the row's method less the column's, with a word where it is more than chance."""
    cells: dict[tuple[str, str], str] = {}
    for comparison in comparisons:
        for row, column in ((comparison.first, comparison.second), (comparison.second, comparison.first)):
            value, judgement = comparison.seen_from(row)
            cells[row, column] = f"{value:+.2f} {'' if judgement == 'cannot tell' else judgement}".strip()
    return [[cells.get((row, column), "") for column in methods] for row in methods]


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
            within = {m: s.judged & np.array([id_ in ids for id_ in s.ids], dtype=bool) for m, s in scored.items()}
            n = max((int(rows.sum()) for rows in within.values()), default=0)
            if n >= _FEWEST:
                yield kind, value, n, [_area(scored[method], rows) for method, rows in within.items()]


def _area(scored: Scored, rows: Labels) -> str:
    if rows.sum() < _FEWEST or not metrics.enough(scored.labels[rows], scored.groups[rows]):
        return ""
    return f"{metrics.auroc(scored.labels[rows], scored.scores[rows], scored.groups[rows]).value:.2f}"


def _disagreements(
    of_methods: Mapping[str, Sequence[Prediction]], order: Sequence[str], notes: Mapping[str, SampleNote]
) -> Iterator[tuple[str, str, list[_Disagreement]]]:
    """Between the two best ways of asking a model, and between the best of them and the best classic method."""
    ways = [method for method in order if of_methods[method][0].kind == "way"]
    classics = [method for method in order if of_methods[method][0].kind == "classic"]
    for first, second in [(first, second) for first in ways[:1] for second in (*ways[1:2], *classics[:1])]:
        worst = furthest_apart(of_methods[first], of_methods[second], _DISAGREED)
        yield first, second, [_Disagreement(notes.get(one.sample_id), one, other) for one, other in worst]
