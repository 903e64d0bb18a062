"""A cheap look at a customer: which of them are worth an assessment?

The latest messages are read, as mode `read` reads all, and those that an earlier assessment has read; the facts are
added. What either reading has paid is paid for the other one too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from churn_agent.composing import statements
from churn_agent.domain.assessment import Fact
from churn_agent.elicitation.base import Case
from churn_agent.elicitation.read import read
from churn_agent.models.base import ChatModel
from churn_agent.prompts import PromptTemplate, Taxonomy
from churn_agent.scoring import verdict as verdicts

MESSAGES = 3
"""The latest messages that are looked at. Fewer, or one question about one of them, find too few of those whom an
assessment would put on top (docs/judgement.md)."""


@dataclass(frozen=True)
class Screening:
    """What a look at one customer gave."""

    customer_id: str
    as_of: date
    score: float | None
    """0 to 1, for ranking customers that were screened alike; None if nothing could be read."""
    facts: tuple[Fact, ...]
    prompt_tokens: int


def screen(
    cases: Sequence[Case],
    model: ChatModel,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    paid: Sequence[Collection[str]],
) -> list[Screening]:
    """Screens customers, in their order. The prompt must have a `choice`.

    Args:
        paid: for each case, the ids of interactions that were read before.
    """
    assert prompt.choice
    shown = [_shown(case, known) for case, known in zip(cases, paid, strict=True)]
    found: list[Screening] = []
    for case, each in zip(shown, read(shown, model, prompt, taxonomy), strict=True):
        score = None
        if not each.failure:
            worded = statements(case.snapshot, taxonomy)
            verdict = verdicts.from_signals(case.snapshot, case.facts, each.signals, each.leanings, worded)
            score = verdict.probability.raw
        found.append(Screening(case.snapshot.customer_id, case.snapshot.as_of, score, case.facts, each.prompt_tokens))
    return found


def _shown(case: Case, paid: Collection[str]) -> Case:
    evidence = case.pack.evidence
    latest = {each.interaction.id for each in evidence[-MESSAGES:]}
    return case.showing(each for each in evidence if each.interaction.id in latest or each.interaction.id in paid)
