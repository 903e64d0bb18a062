"""Do scores rest on the evidence that is cited? Judged by another mode than the one that cites.

Comprehensiveness and sufficiency of DeYoung et al. 2020, "ERASER: A Benchmark to Evaluate Rationalized NLP Models": how
far a score moves without the cited evidence, and with it alone, each against as much evidence drawn at random.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.elicitation.ask import ask
from churn_agent.elicitation.base import Case
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Scores

JUDGE = "negated"
"""The prompt of mode `ask` that judges if no other is named: of all, it ranks single messages best."""
_DRAWS = 3
"""Random draws of evidence for each customer."""
_RESAMPLES = 2000
_SMALLEST = 1e-9


@dataclass(frozen=True)
class Moved:
    """How far the judge's score of one customer moves, in log-odds."""

    without_cited: float
    without_random: float
    only_cited: float
    only_random: float


@dataclass(frozen=True)
class Faithfulness:
    """Over the customers of a set with cited evidence, and at least as much that is not cited."""

    set: str
    n: int
    comprehensiveness: float
    """Mean change of the log-odds without the cited evidence."""
    comprehensiveness_of_random: float
    ratio: float
    ratio_low: float
    ratio_high: float
    """The first over the second, with a 95 % bootstrap interval over customers."""
    sufficiency: float
    """Mean change of the log-odds with the cited evidence alone; less is better."""
    sufficiency_of_random: float


def moved(case: Case, assessment: Assessment, judge: ChurnAgent, *, seed: int = 0) -> Moved | None:
    """How the judge sees a customer without the cited evidence, and with it alone.

    Args:
        case: what the judge is shown.
        assessment: with the citations.
        judge: an agent of mode `ask`.

    Returns:
        None where nothing is cited, or less is left than was cited (a random draw would say nothing), and where the
        judge fails.
    """
    cited = {c.interaction_id for reason in assessment.reasons for c in reason.citations if c.verified}
    shown = list(range(len(case.pack.evidence)))
    of_cited = [i for i in shown if case.pack.evidence[i].interaction.id in cited]
    others = [i for i in shown if i not in of_cited]
    if not of_cited or len(others) < len(of_cited):
        return None
    random = np.random.default_rng([seed, len(case.pack.evidence), len(of_cited)])
    drawn = [sorted(random.choice(others, len(of_cited), replace=False).tolist()) for _ in range(_DRAWS)]
    only = [of_cited, *drawn]
    without = [[i for i in shown if i not in some] for some in only]
    parts = [case.showing(case.pack.evidence[i] for i in some) for some in (shown, *without, *only)]
    judged = ask(parts, judge.model, judge.prompt)
    odds = [each.log_odds for each in judged if each.log_odds is not None]
    if len(odds) < len(judged):
        return None
    by = np.abs(np.array(odds[1:]) - odds[0]).reshape(2, -1)  # without, only; of each first the cited
    return Moved(float(by[0, 0]), float(by[0, 1:].mean()), float(by[1, 0]), float(by[1, 1:].mean()))


def summarise(name: str, found: Sequence[Moved]) -> Faithfulness | None:
    """None if there is no customer to judge by."""
    if not found:
        return None
    table = np.array([[m.without_cited, m.without_random, m.only_cited, m.only_random] for m in found])
    draws = metrics.resamples(len(table), None, _RESAMPLES, 0)
    low, high = np.quantile([_ratio(table[rows]) for rows in draws], [0.025, 0.975])
    without_cited, without_random, only_cited, only_random = table.mean(axis=0).tolist()
    return Faithfulness(
        name,
        len(found),
        without_cited,
        without_random,
        _ratio(table),
        float(low),
        float(high),
        only_cited,
        only_random,
    )


def _ratio(table: Scores) -> float:
    cited, drawn = table[:, :2].mean(axis=0)
    return float(cited / max(drawn, _SMALLEST))
