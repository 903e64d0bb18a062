"""A cheap look at a customer: which of them are worth an assessment?

The latest messages alone are read, as mode `read` reads all, and the facts are added. What either reading has paid is
paid for the other one too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from churn_agent.composing import statements
from churn_agent.domain.assessment import Fact
from churn_agent.elicitation.base import Case
from churn_agent.elicitation.read import read
from churn_agent.models.base import ChatModel
from churn_agent.prompts import PromptTemplate, Taxonomy
from churn_agent.scoring import verdict as verdicts

MESSAGES = 3
"""The latest messages that are looked at."""


@dataclass(frozen=True)
class Screening:
    """What a look at one customer gave."""

    customer_id: str
    as_of: date
    score: float | None
    """0 to 1, for ranking customers that were screened alike; None if nothing could be read."""
    facts: tuple[Fact, ...]
    prompt_tokens: int


def screen(cases: Sequence[Case], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy) -> list[Screening]:
    """Screens customers, in their order. The prompt must have a `choice`."""
    assert prompt.choice
    packs = [replace(case.pack, evidence=case.pack.evidence[-MESSAGES:]) for case in cases]
    shown = [replace(case, pack=pack) for case, pack in zip(cases, packs, strict=True)]
    found: list[Screening] = []
    for case, each in zip(shown, read(shown, model, prompt, taxonomy), strict=True):
        score = None
        if not each.failure:
            worded = statements(case.snapshot, taxonomy)
            verdict = verdicts.from_signals(case.snapshot, case.facts, each.signals, each.leanings, worded)
            score = verdict.probability.raw
        found.append(Screening(case.snapshot.customer_id, case.snapshot.as_of, score, case.facts, each.prompt_tokens))
    return found
