"""Turns a model's answers about a customer into a record: the judgement, its reasons, actions and provenance."""

from dataclasses import dataclass

from churn_agent.content.playbook import Playbook
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Thresholds
from churn_agent.domain.assessment import Assessment, Band, Provenance, Status
from churn_agent.domain.wording import counted
from churn_agent.elicitation.base import Case, Elicitation
from churn_agent.evidence.facts import days_known
from churn_agent.scoring import verdict as verdicts
from churn_agent.scoring.actions import eligible, suggest
from churn_agent.scoring.bands import Bands
from churn_agent.scoring.prior import overall_leaning
from churn_agent.scoring.verdict import Number, Verdict


@dataclass(frozen=True)
class Judgement:
    """Whether a customer can be given a number, and the mode's own verdict."""

    status: Status
    reason: str | None
    """The reason if not."""
    verdict: Verdict | None


def compose(
    case: Case,
    elicitation: Elicitation,
    judgement: Judgement,
    playbook: Playbook,
    shared: Provenance,
    *,
    number: Number | None,
    bands: Bands | None,
    band_before: Band | None,
) -> Assessment:
    """The record of one customer.

    Args:
        case: facts and evidence.
        elicitation: the model's answers.
        judgement: the mode's judgement of both.
        playbook: the source of actions.
        shared: the provenance shared by all records of a run, without evidence and tokens.
        number: the trained method's number, which replaces the mode's.
        bands: the boundaries of the bands; None for no band, because the thresholds were not measured for the model.
        band_before: the customer's previous band.
    """
    snapshot, verdict = case.snapshot, judgement.verdict
    if verdict and number:
        verdict = verdict.with_number(number)
    band = bands.of(verdict.probability, band_before) if verdict and bands else None
    actions = ()
    if verdict:
        # An uncalibrated low score only ranks customers, so it must not rule out actions.
        settled = None if band == "low" and not verdict.probability.calibrated else band
        actions = suggest(
            eligible(playbook, snapshot, case.facts, settled, elicitation.signals),
            verdict.reasons,
            weights=verdict.weights,
            proposed=elicitation.actions,
        )
    shown = {each.interaction.id for each in elicitation.evidence}
    dropped = len(case.pack.evidence) - len(shown)
    return Assessment(
        status=judgement.status,
        status_reason=judgement.reason,
        customer_id=snapshot.customer_id,
        as_of=snapshot.as_of,
        churn_probability=verdict.probability if verdict else None,
        band=band,
        band_before=band_before,
        reasons=verdict.reasons if verdict else (),
        actions=actions,
        facts=(*case.facts, number.alike) if number and number.alike else case.facts,
        signals=tuple(elicitation.signals),
        leaning=overall_leaning(elicitation.leanings),
        left_out=case.pack.left_out.model_copy(update={"interactions": case.pack.left_out.interactions + dropped}),
        provenance=with_costs(shared, elicitation),
    )


def with_costs(shared: Provenance, elicitation: Elicitation) -> Provenance:
    """The provenance of one customer: the shared provenance with the customer's evidence and tokens."""
    return shared.model_copy(
        update={
            "evidence_ids": tuple(each.interaction.id for each in elicitation.evidence),
            "prompt_tokens": elicitation.prompt_tokens,
            "output_tokens": elicitation.output_tokens,
            "cached_answers": elicitation.cached_answers,
            "rejected_quotes": elicitation.rejected_quotes,
        }
    )


def verdict_of(case: Case, elicitation: Elicitation, taxonomy: Taxonomy, thresholds: Thresholds) -> Verdict:
    """The mode's verdict from the model's answers."""
    if elicitation.log_odds is not None:
        return verdicts.from_log_odds(case.snapshot, case.facts, elicitation.log_odds)
    if elicitation.stated_probability is not None:
        return verdicts.from_statement(case.snapshot, elicitation.stated_probability, elicitation.reasons)
    return verdicts.from_signals(
        case.snapshot, case.facts, elicitation.signals, elicitation.leanings, taxonomy, thresholds
    )


def status_of(case: Case, elicitation: Elicitation, least_days_known: int) -> tuple[Status, str | None]:
    """Whether a customer can be judged, and the reason if not.

    Args:
        case: facts and evidence.
        elicitation: the model's answers.
        least_days_known: a customer without messages is not judged if their history is shorter than this, in days.
    """
    if elicitation.failure:
        return "failed", elicitation.failure
    if not elicitation.evidence and days_known(case.snapshot) < least_days_known:
        unread = len(case.snapshot.unattributed)
        messages = f"{counted(unread, 'text')} of unknown authors, not read" if unread else "no messages"
        return "abstained", f"too little history: {messages}, and known for less than {least_days_known} days"
    return "assessed", None
