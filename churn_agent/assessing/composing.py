"""What was elicited from a model to a record: a verdict with its reasons, actions, and how it came about."""

from string import Template

from churn_agent.content import playbook as playbooks
from churn_agent.content.prompts import Taxonomy
from churn_agent.domain.assessment import Assessment, Band, LeftOut, Provenance, Status
from churn_agent.domain.snapshot import Snapshot
from churn_agent.elicitation.base import Case, Elicitation
from churn_agent.evidence.facts import days_known
from churn_agent.scoring import verdict as verdicts
from churn_agent.scoring.bands import Bands
from churn_agent.scoring.prior import overall_leaning
from churn_agent.scoring.verdict import Number, Verdict


def compose(
    case: Case,
    found: Elicitation,
    taxonomy: Taxonomy,
    playbook: playbooks.Playbook,
    how: Provenance,
    *,
    least_days_known: int,
    number: Number | None = None,
    bands: Bands,
    before: Band | None = None,
) -> Assessment:
    """The record of one customer.

    Args:
        how: what all records of a run have in common; evidence and tokens are filled in.
        least_days_known: without words to read, a history that goes back fewer days is not judged.
        number: of a trained method, in place of what the mode gives.
        before: the band that the customer was in.
    """
    snapshot = case.snapshot
    status, why = _status(case, found, least_days_known)
    verdict = _verdict(case, found, taxonomy) if status == "assessed" else None
    if verdict and number:
        verdict = verdict.with_number(number)
    band = bands.of(verdict.probability, before) if verdict else None
    actions = ()
    if verdict:
        # A low score that is no probability only ranks, and rules nothing out.
        settled = None if band == "low" and not verdict.probability.calibrated else band
        actions = playbooks.suggest(
            playbooks.eligible(playbook, snapshot, case.facts, settled, found.signals),
            verdict.reasons,
            weights=verdict.weights,
            proposed=found.actions,
        )
    shown = {each.interaction.id for each in found.evidence}
    dropped = len(case.pack.evidence) - len(shown)
    return Assessment(
        status=status,
        status_reason=why,
        customer_id=snapshot.customer_id,
        as_of=snapshot.as_of,
        churn_probability=verdict.probability if verdict else None,
        band=band,
        band_before=before,
        reasons=verdict.reasons if verdict else (),
        actions=actions,
        facts=(*case.facts, number.alike) if number and number.alike else case.facts,
        signals=tuple(found.signals),
        leaning=overall_leaning(found.leanings),
        left_out=LeftOut(interactions=case.pack.left_out.interactions + dropped, tokens=case.pack.left_out.tokens),
        provenance=how.model_copy(
            update={
                "evidence_ids": tuple(each.interaction.id for each in found.evidence),
                "prompt_tokens": found.prompt_tokens,
                "output_tokens": found.output_tokens,
                "cached_answers": found.cached_answers,
                "rejected_quotes": found.rejected_quotes,
            }
        ),
    )


def _verdict(case: Case, found: Elicitation, taxonomy: Taxonomy) -> Verdict:
    if found.log_odds is not None:
        return verdicts.from_log_odds(case.snapshot, case.facts, found.log_odds)
    if found.stated_probability is not None:
        return verdicts.from_statement(case.snapshot, found.stated_probability, found.reasons)
    worded = statements(case.snapshot, taxonomy)
    return verdicts.from_signals(case.snapshot, case.facts, found.signals, found.leanings, worded)


def statements(snapshot: Snapshot, taxonomy: Taxonomy) -> dict[str, str]:
    """Signal id -> how it is worded to a reader."""
    return {s.id: Template(s.statement).substitute(company=snapshot.company) for s in taxonomy.signals}


def _status(case: Case, found: Elicitation, least_days_known: int) -> tuple[Status, str | None]:
    if found.failure:
        return "failed", found.failure
    if not found.evidence and days_known(case.snapshot) < least_days_known:
        return "abstained", f"too little history: no message to read, and known for less than {least_days_known} days"
    return "assessed", None
