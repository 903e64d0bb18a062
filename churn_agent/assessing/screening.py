"""Screens customers cheaply, to find those that are worth an assessment.

The second reader screens by all messages of the evidence, in milliseconds, if the prompt uses it. Otherwise the model
reads some of the latest messages in mode `read`, together with those that were read at earlier dates; screening and
assessment then share their cached answers. Either way the facts are added.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from churn_agent.assessing.composing import verdict_of
from churn_agent.content.prompts import PromptTemplate
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Thresholds
from churn_agent.domain.assessment import Assessment, Fact, LeftOut, Provenance
from churn_agent.elicitation.base import Case, Elicitation
from churn_agent.elicitation.correcting import NONE, Corrections
from churn_agent.elicitation.read import read
from churn_agent.evidence.retrieval import ids_of
from churn_agent.models.base import ChatModel
from churn_agent.scoring import standing
from churn_agent.scoring.bands import Bands
from churn_agent.scoring.verdict import announced_verdict

if TYPE_CHECKING:
    from churn_agent.elicitation.second_reader.reading import SecondReader

_COSTS = ("prompt_tokens", "output_tokens", "cached_answers")


@dataclass(frozen=True)
class Screening:
    """The result of screening one customer."""

    customer_id: str
    as_of: date
    score: float | None
    """0 to 1, for ranking customers; None if nothing could be read."""
    evidence_ids: tuple[str, ...]
    """Ids of the interactions that were read."""
    how: Provenance
    """The provenance shared by all records of the run."""
    prompt_tokens: int
    output_tokens: int
    cached_answers: int

    def after(self, earlier: "Screening | None") -> "Screening":
        """This result, with the costs of an earlier one added."""
        if earlier is None:
            return self
        return replace(
            self,
            **{name: getattr(earlier, name) + getattr(self, name) for name in _COSTS},
        )

    def record(self, facts: tuple[Fact, ...]) -> Assessment:
        """The record of a customer who is only screened; it has no number.

        Args:
            facts: the customer's facts, which a screening does not keep.
        """
        failed = self.score is None
        return Assessment(
            status="failed" if failed else "abstained",
            status_reason="could not be read" if failed else "screened only: other customers come first",
            customer_id=self.customer_id,
            as_of=self.as_of,
            churn_probability=None,
            band=None,
            reasons=(),
            actions=(),
            facts=facts,
            left_out=LeftOut(),
            screening=self.score,
            provenance=self.how.model_copy(
                update={name: getattr(self, name) for name in ("evidence_ids", *_COSTS)},
            ),
        )


def screen(
    cases: Sequence[Case],
    model: ChatModel,
    prompt: PromptTemplate,
    taxonomy: Taxonomy,
    paid: Sequence[Collection[str]],
    *,
    latest: int,
    how: Provenance,
    second: "SecondReader | None" = None,
    corrections: Corrections = NONE,
) -> list[Screening]:
    """Screens customers, in the same order. The prompt must have a `choice`, or use the second reader.

    Args:
        cases: the customers.
        model: the model that reads.
        prompt: a prompt of mode `read` with a `choice`, or one that uses the second reader.
        taxonomy: the signals.
        paid: for each case, the ids of interactions that were read before.
        latest: how many of the latest messages to read besides.
        how: the provenance shared by all records of a run, without evidence and tokens.
        second: reads all messages alone, if the prompt uses it.
        corrections: people's, in force.
    """
    assert prompt.choice or second
    shown = list(cases) if second else [_shown(case, ids, latest) for case, ids in zip(cases, paid, strict=True)]
    readings = read(shown, None if second else model, prompt, taxonomy, second=second)
    elicitations = [corrections.applied(*pair, taxonomy) for pair in zip(shown, readings, strict=True)]
    return [
        Screening(
            case.snapshot.customer_id,
            case.snapshot.as_of,
            None if elicitation.failure else _score(case, elicitation, taxonomy, prompt.thresholds),
            ids_of(case.pack.evidence),
            how,
            elicitation.prompt_tokens,
            elicitation.output_tokens,
            elicitation.cached_answers,
        )
        for case, elicitation in zip(shown, elicitations, strict=True)
    ]


def _score(case: Case, elicitation: Elicitation, taxonomy: Taxonomy, thresholds: Thresholds) -> float:
    """The score, 0 to 1; that of an announcement to leave which stands is that of an assessment."""
    announced = standing.announcement(elicitation.messages, case.snapshot, taxonomy)
    verdict = verdict_of(case, elicitation, taxonomy, thresholds, announced=announced)
    if announced and announced.stands:
        company, least = case.snapshot.company, Bands().high_boundary(verdict.probability)
        verdict = announced_verdict(verdict, announced, company, taxonomy, thresholds, least=least)
    return verdict.probability.raw


def _shown(case: Case, paid: Collection[str], latest: int) -> Case:
    evidence = case.pack.evidence
    by_time = sorted(evidence, key=lambda item: item.interaction.occurred_at)
    shown_ids = {item.interaction.id for item in by_time[-latest:]}.union(paid)
    return case.showing(item for item in evidence if not shown_ids.isdisjoint(item.piece.own_ids))
