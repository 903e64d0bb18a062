"""Do scores rest on the evidence that is cited? Judged by another mode than the one that cites.

Comprehensiveness and sufficiency of DeYoung et al. 2020, "ERASER: A Benchmark to Evaluate Rationalized NLP Models": how
far a score moves without the cited evidence, and with it alone, each against as much evidence drawn at random. The
judge hears every text alone, since a small model is near chance on a whole history; its score of several is their mean.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from churn_agent.agent import ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.elicitation.ask import ask
from churn_agent.elicitation.base import Case
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Scores

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

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def moved(case: Case, assessment: Assessment, judge: ChurnAgent, *, seed: int = 0) -> Moved | None:
    """How the judge sees a customer without the cited evidence, and with it alone.

    Args:
        case: what the judge is shown.
        assessment: with the citations.
        judge: an agent of mode `ask`.

    Returns:
        None where nothing is cited, or less is left than was cited: a random draw would say nothing.
    """
    cited = {c.interaction_id for reason in assessment.reasons for c in reason.citations if c.verified}
    shown = range(len(case.pack.evidence))
    of_cited = [i for i in shown if case.pack.evidence[i].interaction.id in cited]
    others = [i for i in shown if i not in of_cited]
    if not of_cited or len(others) < len(of_cited):
        return None
    random = np.random.default_rng([seed, len(case.pack.evidence), len(of_cited)])
    drawn = [sorted(random.choice(others, len(of_cited), replace=False).tolist()) for _ in range(_DRAWS)]
    heard = _heard(case, judge)
    if heard is None:
        return None
    without = [abs(np.delete(heard, some).mean() - heard.mean()) for some in (of_cited, *drawn)]
    only = [abs(heard[some].mean() - heard.mean()) for some in (of_cited, *drawn)]
    return Moved(float(without[0]), float(np.mean(without[1:])), float(only[0]), float(np.mean(only[1:])))


def _heard(case: Case, judge: ChurnAgent) -> Scores | None:
    """The judge's log-odds of churn by each text alone; None if it fails on one."""
    alone = [replace(case, pack=replace(case.pack, evidence=(each,))) for each in case.pack.evidence]
    odds = [each.log_odds for each in ask(alone, judge.model, judge.prompt)]
    return np.array(odds, dtype=float) if all(each is not None for each in odds) else None


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
