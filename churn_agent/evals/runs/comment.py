"""Comparisons as a Markdown comment, for a change of prompts under review."""

from collections.abc import Mapping, Sequence

from churn_agent.evals.runs.comparing import Comparison


def beyond(comparisons: Sequence[Comparison], delta: float) -> list[Comparison]:
    """The comparisons in which the first method is worse by more than `delta`."""
    return [
        comparison
        for comparison in comparisons
        if comparison.conclusion.judgement == "worse" and abs(comparison.conclusion.difference.value) > delta
    ]


def to_markdown(comparisons: Sequence[Comparison], *, delta: float, trials: Mapping[str, int]) -> str:
    """Returns a comment with the verdict of each paired comparison, the first method against the second.

    Args:
        comparisons: of methods of the first run with those of another.
        delta: differences up to it do not matter.
        trials: set -> number of ways that have been tried on it.
    """
    worse = beyond(comparisons, delta)
    head = (
        f"{len(worse)} of {len(comparisons)} comparisons worse by more than {delta:g}"
        if worse
        else f"No comparison is worse by more than {delta:g}"
    )
    lines = [f"### churn-agent: {'failed' if worse else 'passed'}", "", f"{head}.", ""]
    lines += ["| set | compared | verdict |", "|---|---|---|"]
    for one in comparisons:
        compared = f"{one.first} with {one.second}" if one.first not in one.second else one.first
        mark = "**" if one in worse else ""
        lines.append(f"| {_cell(one.set)} | {_cell(compared)} | {mark}{_cell(one.conclusion.text)}{mark} |")
    lines += ["", *(f"{line}" for line in trial_lines(trials))]
    return "\n".join(lines).rstrip("\n") + "\n"


def trial_lines(trials: Mapping[str, int]) -> list[str]:
    """Returns how many ways each set has seen; a choice among many flatters the best."""
    of_many = "have been tried on this set; the best of so many looks better than it is"
    return [
        f"{name}: {n} ways (prompt, model, settings) {of_many}"
        if n > 1
        else f"{name}: 1 way (prompt, model, settings) has been tried on this set"
        for name, n in trials.items()
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
