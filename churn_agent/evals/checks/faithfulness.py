"""Do scores rest on the evidence that is cited? Judged by another mode than the one that cites.

Comprehensiveness and sufficiency of DeYoung et al. 2020, "ERASER: A Benchmark to Evaluate Rationalized NLP Models": how
far a score moves without the cited evidence, and with it alone, each against as much evidence drawn at random.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.assessment import Assessment
from churn_agent.elicitation.ask import ask
from churn_agent.elicitation.base import Case
from churn_agent.evals.checks.sampling import drawn_sets
from churn_agent.evals.runs.progress import Progress, Silent
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Scores
from churn_agent.settings import Settings

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


def measure_faithfulness(
    names: Sequence[str],
    *,
    settings: Settings,
    stores: Path,
    limit: int | None = None,
    judge: str | None = None,
    progress: Progress | None = None,
) -> list[Faithfulness]:
    """Measures whether another mode's score depends on the evidence that the default prompt cites.

    Args:
        names: names or paths of the sets.
        settings: of models and prompts, as `assess` takes them.
        stores: folder of the stores that sets are imported into, one each.
        limit: most samples of each set; all if None.
        judge: a prompt of mode `ask`; `JUDGE` if not given.
        progress: receives the events of the check.

    Raises:
        InputError, DataError: a set cannot be used, or there is no such prompt.
        Unavailable: a model or a store cannot be used.
    """
    progress = progress or Silent()
    summaries: list[Faithfulness] = []
    for drawn in drawn_sets(names, settings, stores=stores, limit=limit, progress=progress):
        progress.began(drawn.name, len(drawn.samples))
        other = drawn.agent.varied(mode="ask", prompt=judge or JUDGE)
        moves: list[Moved] = []
        for assessment in drawn.agent.read_many(drawn.snapshots()):
            case = other.evidence(assessment.customer_id, as_of=assessment.as_of)
            of_customer = moved(case, assessment, other, seed=settings.seed)
            moves += [of_customer] if of_customer else []
            progress.advanced()
        summary = summarise(drawn.name, moves)
        if summary:
            summaries.append(summary)
        else:
            why = "no customer has cited evidence and as much uncited evidence"
            progress.left_out(drawn.name, "faithfulness", why)
    return summaries


def moved(case: Case, assessment: Assessment, judge: ChurnAgent, *, seed: int = 0) -> Moved | None:
    """How the judge sees a customer without the cited evidence, and with it alone.

    Args:
        case: what the judge is shown.
        assessment: with the citations.
        judge: an agent of mode `ask`.
        seed: of the random evidence.

    Returns:
        None where nothing is cited, or less is left than was cited (a random draw would say nothing), and where the
        judge fails.
    """
    cited = {c.interaction_id for reason in assessment.reasons for c in reason.citations if c.verified}
    shown = list(range(len(case.pack.evidence)))
    of_cited = [i for i in shown if not cited.isdisjoint(case.pack.evidence[i].piece.own_ids)]
    others = [i for i in shown if i not in of_cited]
    if not of_cited or len(others) < len(of_cited):
        return None
    random = np.random.default_rng([seed, len(case.pack.evidence), len(of_cited)])
    drawn = [sorted(random.choice(others, len(of_cited), replace=False).tolist()) for _ in range(_DRAWS)]
    only = [of_cited, *drawn]
    without = [[i for i in shown if i not in some] for some in only]
    parts = [case.showing(case.pack.evidence[i] for i in some) for some in (shown, *without, *only)]
    judged = ask(parts, judge.model, judge.prompt)
    odds = [answer.log_odds for answer in judged if answer.log_odds is not None]
    if len(odds) < len(judged):
        return None
    by = np.abs(np.array(odds[1:]) - odds[0]).reshape(2, -1)  # without, only; of each first the cited
    return Moved(float(by[0, 0]), float(by[0, 1:].mean()), float(by[1, 0]), float(by[1, 1:].mean()))


def summarise(name: str, moves: Sequence[Moved]) -> Faithfulness | None:
    """None if there is no customer to judge by."""
    if not moves:
        return None
    table = np.array([[m.without_cited, m.without_random, m.only_cited, m.only_random] for m in moves])
    draws = metrics.resamples(len(table), None, _RESAMPLES, 0)
    ratio = metrics.percentiles(_ratio(table), [_ratio(table[rows]) for rows in draws])
    without_cited, without_random, only_cited, only_random = table.mean(axis=0).tolist()
    return Faithfulness(
        name,
        len(moves),
        without_cited,
        without_random,
        ratio.value,
        ratio.low,
        ratio.high,
        only_cited,
        only_random,
    )


def _ratio(table: Scores) -> float:
    cited, drawn = table[:, :2].mean(axis=0)
    return float(cited / max(drawn, _SMALLEST))
