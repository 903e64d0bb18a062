"""Turns a model's answers about a customer into a record: the judgement, its reasons, actions and provenance."""

from collections.abc import Mapping
from dataclasses import dataclass

from churn_agent.content.playbook import Playbook
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.content.thresholds import Thresholds
from churn_agent.domain.assessment import (
    Announced,
    Assessment,
    Band,
    CareFlag,
    Former,
    Promised,
    Provenance,
    RetentionAction,
    Status,
)
from churn_agent.domain.wording import counted
from churn_agent.elicitation.base import Case, Elicitation
from churn_agent.evidence.facts import days_known
from churn_agent.evidence.retrieval import ids_of
from churn_agent.scoring import verdict as verdicts
from churn_agent.scoring.actions import eligible, suggest
from churn_agent.scoring.bands import Bands
from churn_agent.scoring.prior import overall_leaning
from churn_agent.scoring.standing import signals_of as signals_in
from churn_agent.scoring.standing import without_taken_back
from churn_agent.scoring.threads import settled
from churn_agent.scoring.verdict import Number, Verdict


@dataclass(frozen=True)
class Judgement:
    """Whether a customer can be given a number, and the mode's own verdict."""

    status: Status
    reason: str | None
    """The reason if not."""
    verdict: Verdict | None


@dataclass(frozen=True)
class Standing:
    """What holds for a customer whatever the number is."""

    care: tuple[CareFlag, ...] = ()
    announced: Announced | None = None
    promised: Promised | None = None
    former: Former | None = None

    @property
    def leaves(self) -> Announced | None:
        """The announcement to leave, if it stands."""
        return self.announced if self.announced and self.announced.stands else None


def compose(
    case: Case,
    elicitation: Elicitation,
    judgement: Judgement,
    playbook: Playbook,
    shared: Provenance,
    *,
    standing: Standing,
    taxonomy: Taxonomy,
    thresholds: Thresholds,
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
        standing: what holds whatever the number is.
        taxonomy: the signals.
        thresholds: of the prompt and model.
        number: the trained method's number, which replaces the mode's.
        bands: the boundaries of the bands; None for no band, because the thresholds were not measured for the model.
        band_before: the customer's previous band.
    """
    snapshot, verdict = case.snapshot, judgement.verdict
    if verdict and number:
        verdict = verdict.with_number(number)
    weights: Mapping[str, float] = verdict.weights if verdict else {}
    band = bands.of(verdict.probability, band_before) if verdict and bands else None
    band_reason = bands.why(verdict.probability, band_before) if verdict and bands else None
    if verdict and standing.leaves:
        least = (bands or Bands()).high_boundary(verdict.probability)
        verdict = verdicts.announced_verdict(
            verdict, standing.leaves, snapshot.company, taxonomy, thresholds, least=least
        )
        weights = {**weights, **{name: weight for name, weight in verdict.weights.items() if weight}}
        band, band_reason = ("high", "the announcement to leave stands") if bands else (None, None)
    reasons = verdicts.fitting(verdict.reasons, band, taxonomy) if verdict else ()
    actions: tuple[RetentionAction, ...] = ()
    if verdict and not standing.care:
        # An uncalibrated low score only ranks customers, so it must not rule out actions.
        settled = None if band == "low" and not verdict.probability.calibrated else band
        actions = suggest(
            eligible(playbook, snapshot, case.facts, settled, elicitation.signals),
            reasons,
            weights=weights,
            proposed=elicitation.actions,
        )
    rest = verdicts.rest_of(verdict.probability, reasons) if verdict else None
    if verdict and standing.announced and not standing.leaves:
        reasons = (*reasons, verdicts.ended_reason(standing.announced))
    shown = {id_ for item in elicitation.evidence for id_ in item.piece.own_ids}
    dropped = len({id_ for item in case.pack.evidence for id_ in item.piece.own_ids} - shown)
    return Assessment(
        status=judgement.status,
        status_reason=judgement.reason,
        customer_id=snapshot.customer_id,
        as_of=snapshot.as_of,
        churn_probability=verdict.probability if verdict else None,
        band=band,
        band_before=band_before,
        band_reason=band_reason,
        reasons=reasons,
        actions=actions,
        facts=(*case.facts, number.alike) if number and number.alike else case.facts,
        signals=tuple(elicitation.signals),
        leaning=overall_leaning(elicitation.leanings),
        care=standing.care,
        announced=standing.announced,
        promised=standing.promised,
        former=standing.former,
        corrected=elicitation.corrected,
        rest=rest,
        left_out=case.pack.left_out.model_copy(update={"interactions": case.pack.left_out.interactions + dropped}),
        provenance=with_costs(shared, elicitation),
    )


def with_costs(shared: Provenance, elicitation: Elicitation) -> Provenance:
    """The provenance of one customer: the shared provenance with the customer's evidence and tokens."""
    return shared.model_copy(
        update={
            "evidence_ids": ids_of(elicitation.evidence),
            "prompt_tokens": elicitation.prompt_tokens,
            "output_tokens": elicitation.output_tokens,
            "cached_answers": elicitation.cached_answers,
            "rejected_quotes": elicitation.rejected_quotes,
        }
    )


def verdict_of(
    case: Case,
    elicitation: Elicitation,
    taxonomy: Taxonomy,
    thresholds: Thresholds,
    *,
    announced: Announced | None = None,
    margin: float = Bands.margin,
) -> Verdict:
    """The mode's verdict from the model's answers.

    Args:
        case: facts and evidence.
        elicitation: the model's answers.
        taxonomy: the signals.
        thresholds: of the prompt and model.
        announced: the customer's announcement to leave. If it was taken back, what was said about leaving up to then
            does not count.
        margin: of the bands.
    """
    if elicitation.log_odds is not None:
        return verdicts.from_log_odds(case.snapshot, case.facts, elicitation.log_odds)
    if elicitation.stated_probability is not None:
        return verdicts.from_statement(case.snapshot, elicitation.stated_probability, elicitation.reasons)
    messages = without_taken_back(elicitation.messages, announced, taxonomy)
    messages, solved = settled(messages, case.snapshot, taxonomy)
    with_leaning = [message for message in messages if message.leaning is not None]
    return verdicts.from_signals(
        case.snapshot,
        case.facts,
        signals_in(messages, taxonomy),
        [message.leaning for message in with_leaning if message.leaning is not None],
        taxonomy,
        thresholds,
        quiet={n for n, message in enumerate(with_leaning) if not message.speaks},
        margin=margin,
        solved=solved,
    )


def status_of(
    case: Case, elicitation: Elicitation, former: Former | None, least_days_known: int
) -> tuple[Status, str | None]:
    """Whether a customer can be judged, and the reason if not.

    Args:
        case: facts and evidence.
        elicitation: the model's answers.
        former: set for somebody who has left, and cannot leave again.
        least_days_known: a customer without messages is not judged if their history is shorter than this, in days.
    """
    if elicitation.failure:
        return "failed", elicitation.failure
    if former:
        return "abstained", "a former customer"
    if not elicitation.evidence and days_known(case.snapshot) < least_days_known:
        unread = len(case.snapshot.unattributed)
        messages = f"{counted(unread, 'text')} of unknown authors, not read" if unread else "no messages"
        return "abstained", f"too little history: {messages}, and known for less than {least_days_known} days"
    return "assessed", None
