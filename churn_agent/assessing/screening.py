"""A cheap look at a customer: which of them are worth an assessment?

Some of the latest messages are read, as mode `read` reads all, and those that were read at earlier dates; the facts are
added. What either reading has paid is paid for the other one too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from churn_agent.assessing.composing import statements
from churn_agent.content.prompts import PromptTemplate, Taxonomy
from churn_agent.elicitation.base import Case
from churn_agent.elicitation.read import read
from churn_agent.models.base import ChatModel
from churn_agent.scoring import verdict as verdicts


@dataclass(frozen=True)
class Screening:
    """What a look at one customer gave."""

    customer_id: str
    as_of: date
    score: float | None
    """0 to 1, for ranking customers; None if nothing could be read."""
    evidence_ids: tuple[str, ...]
    """Of the interactions that were looked at."""
    prompt: PromptTemplate
    """They were read with."""
    prompt_tokens: int
    output_tokens: int
    cached_answers: int

    def after(self, earlier: "Screening | None") -> "Screening":
        """This look, with what an earlier one took added."""
        if earlier is None:
            return self
        return replace(
            self,
            prompt_tokens=earlier.prompt_tokens + self.prompt_tokens,
            output_tokens=earlier.output_tokens + self.output_tokens,
            cached_answers=earlier.cached_answers + self.cached_answers,
        )


def screen(
    cases: Sequence[Case],
    model: ChatModel,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    paid: Sequence[Collection[str]],
    *,
    latest: int,
) -> list[Screening]:
    """Screens customers, in their order. The prompt must have a `choice`.

    Args:
        paid: for each case, the ids of interactions that were read before.
        latest: how many of the latest messages are looked at besides.
    """
    assert prompt.choice
    shown = [_shown(case, known, latest) for case, known in zip(cases, paid, strict=True)]
    found: list[Screening] = []
    for case, each in zip(shown, read(shown, model, prompt, taxonomy), strict=True):
        score = None
        if not each.failure:
            worded = statements(case.snapshot, taxonomy)
            verdict = verdicts.from_signals(case.snapshot, case.facts, each.signals, each.leanings, worded)
            score = verdict.probability.raw
        found.append(
            Screening(
                case.snapshot.customer_id,
                case.snapshot.as_of,
                score,
                tuple(evidence.interaction.id for evidence in case.pack.evidence),
                prompt,
                each.prompt_tokens,
                each.output_tokens,
                each.cached_answers,
            )
        )
    return found


def _shown(case: Case, paid: Collection[str], latest: int) -> Case:
    evidence = case.pack.evidence
    by_time = sorted(evidence, key=lambda each: each.interaction.occurred_at)
    wanted = {each.interaction.id for each in by_time[-latest:]}.union(paid)
    return case.showing(each for each in evidence if each.interaction.id in wanted)
