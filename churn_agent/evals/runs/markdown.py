"""Runs in Markdown: conclusions and leaderboards, or one line a set."""

from collections.abc import Callable, Iterable, Sequence

from churn_agent.evals.runs.evaluation import PICKED, Evaluation, cell, filled, headings, interval
from churn_agent.evals.runs.log import RunLog
from churn_agent.evals.runs.scored import Scored, by_set_and_method
from churn_agent.learning.ladder import CALIBRATED

_COLUMNS = ("auroc", "average_precision", "brier", "f1", "answered", "verified_quotes", "signal_precision",
            "signal_recall", "evidence_recall", "score_spread", "decisions_turned", "prompt_tokens_each",
            "output_tokens_each", "seconds_each", "money_each")  # fmt: skip


def to_markdown(evaluation: Evaluation, *, command: str) -> str:
    """Conclusions and leaderboards of one or more runs.

    Args:
        evaluation: the runs.
        command: that the reader would type to get it again.
    """
    of_methods = by_set_and_method(evaluation.predictions)
    lines = [f"*Written by `{command}`; {_origin(evaluation.logs)}.*", "", PICKED, ""]
    for name in evaluation.sets:
        methods, figures = evaluation.ranked(name), evaluation.figures_of(name)
        shown = filled(_COLUMNS, methods, figures)
        sizes = [f"{split}: {n} samples, {rate:.0%} churned" for split, (n, rate) in evaluation.sizes(name).items()]
        lines += [f"## {name}", "", evaluation.conclusion(name), "", "; ".join(sizes) + ".", ""]
        lines += [f"| method | n | {' | '.join(headings(shown, figures))} |", "|---" * (len(shown) + 2) + "|"]
        for method in methods:
            cells = [cell(figures.get((method, metric))) for metric in shown]
            values = " | ".join(f"{value} [{between}]" if between else value for value, between in cells)
            lines.append(f"| {method} | {len(Scored.of(of_methods[name, method]).labels)} | {values} |")
        lines.append("")
    return "\n".join(lines)


def summary(evaluation: Evaluation) -> str:
    """One line for each set: best prompt and model, best classic method, and the default calibrated with outcomes."""
    short = {p.method: p.short_method for p in evaluation.predictions}
    lines = [
        "| set | n | churned | best way of asking (AUROC) | best classic method (AUROC) | verdict "
        "| calibrated (AUROC) |",
        "|---" * 7 + "|",
    ]
    for name in evaluation.sets:
        rivals = evaluation.rivals(name)
        if rivals is None:
            continue
        model, classic = rivals
        comparison = evaluation.comparison(model, classic)
        judgement = comparison.seen_from(model.method)[1] if comparison else "cannot tell"
        calibrated = next((interval(area) for area in evaluation.areas(name) if area.method == CALIBRATED), "")
        lines.append(
            f"| {name} | {model.n} | {model.base_rate:.0%} | {short[model.method]} {interval(model)} | "
            f"{classic.method} {interval(classic)} | {judgement} | {calibrated} |"
        )
    origin = _origin(evaluation.logs)
    return "\n".join([*lines, "", f"{origin[0].upper()}{origin[1:]}."])


def _origin(logs: Sequence[RunLog]) -> str:
    """When, where and with which model the runs were made."""

    def join(of: Callable[[RunLog], Iterable[str]]) -> str:
        return " and ".join(sorted({value for log in logs for value in of(log)})) or "?"

    days, machines = join(lambda log: log.dates or ("?",)), join(lambda log: log.machines or ("?",))
    return f"run on {days} on {machines}; default model {join(lambda log: [log.default_model])}"
