"""The wording of assessments, the same in every format."""

import math
from collections.abc import Mapping

from churn_agent.content.prompts import DEFAULT_PROMPTS
from churn_agent.domain.assessment import Assessment, CareKind, ChurnProbability, Citation, Polarity, Reason
from churn_agent.domain.wording import counted
from churn_agent.scoring.verdict import ANNOUNCED

BAND_WORDS = {
    "low": "low risk: no action needed now",
    "medium": "medium risk: worth a look",
    "high": "high risk: look at this customer soon",
}
CONCEPTS = {
    "recency": "Has been inactive for a long time.",
    "active_days": "Has been active on few days.",
    "tenure": "Is a new customer.",
    "overdue": "Has been silent for longer than usual.",
    "last_rating": "Gave a poor rating.",
    "missed": "Missed a deadline or an appointment.",
    "monthly_contract": "Can leave at short notice.",
    "main_contact_silence": "The main contact has gone silent.",
    "leaning": "Taken together, the messages suggest leaving.",
}
"""Facts as drivers of churn across many customers, to different degrees."""
READ_AS: Mapping[Polarity, str] = {
    "risk": "Their messages suggest a reason to leave.",
    "protective": "Their messages suggest a reason to stay.",
}
DEFAULT_READING = f"read/{DEFAULT_PROMPTS['read']}"
"""The prompt that `models fit` fits unless told otherwise."""
ON_WITHDRAWN_DATA = "on withdrawn data"
URGENCY_WORDS = {"today": "today", "this_week": "this week", "this_month": "this month"}


CARE_WORDS: Mapping[CareKind, str] = {
    "death": "a death",
    "illness": "a serious illness",
    "insolvency": "an insolvency",
    "self_harm": "words about harming themselves",
    "legal": "a legal threat",
    "data_protection": "a data-protection request",
    "minor": "a contract with a minor",
}


def care_line(assessment: Assessment) -> str | None:
    """Returns the line that asks for a human's attention; None if nothing calls for it."""
    if not assessment.care:
        return None
    named = ", ".join(f"{CARE_WORDS[flag.kind]} ({flag.date})" for flag in assessment.care)
    return f"Needs a person's attention: {named}. No offers and no retention calls"


def standing_line(assessment: Assessment) -> str | None:
    """Returns whether somebody has left or has given notice; None for other customers."""
    if assessment.former:
        since = f" since {assessment.former.since}" if assessment.former.since else ""
        return f"Former customer{since} ({assessment.former.source})"
    announced = assessment.announced
    if announced is None or not announced.stands:
        return None
    return f"Notice given on {announced.date}" + (f", ends on {announced.ends_on}" if announced.ends_on else "")


def points(assessment: Assessment) -> tuple[int, list[int | None]] | None:
    """Returns the starting point of the number and what each reason adds to it, in points out of 100.

    The points of a reason are the change of the number as it joins the reasons before it, so that all of them add up to
    the number exactly. A reason without a contribution has None. Returns None if nothing adds up to the number.
    """
    if assessment.churn_probability is None or assessment.rest is None:
        return None
    at = assessment.rest
    contributions = [reason.contribution for reason in assessment.reasons]
    last = max((n for n, part in enumerate(contributions) if part is not None), default=None)
    start = before = round(100 * (assessment.churn_probability.shown if last is None else _sigmoid(at)))
    parts: list[int | None] = []
    for n, part in enumerate(contributions):
        if part is None:
            parts.append(None)
            continue
        at += part
        after = round(100 * (assessment.churn_probability.shown if n == last else _sigmoid(at)))
        parts.append(after - before)
        before = after
    return start, parts


def added_words(assessment: Assessment, reason: Reason) -> str:
    """Returns ` (+24)`, the points that a reason adds to the number; empty if it adds none."""
    counted = points(assessment)
    part = counted[1][assessment.reasons.index(reason)] if counted else None
    return f" ({part:+d})" if part else ""


def start_words(assessment: Assessment) -> str | None:
    """Returns the sentence about the starting point, to which the reasons add; None if they do not add up."""
    counted = points(assessment)
    if counted is None or not any(counted[1]):
        return None
    return f"It starts at {counted[0]}; what each reason adds is in brackets."


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def score_words(probability: ChurnProbability) -> str:
    """Returns a calibrated probability as a percentage, or a score labelled as uncalibrated."""
    if probability.calibrated:
        span = ""
        if probability.low is not None and probability.high is not None:
            span = f" (between {probability.low:.0%} and {probability.high:.0%})"
        return f"Probability {probability.shown:.0%} within {probability.horizon_days} days{span}"
    number = f"Score {probability.shown * 100:.0f} out of 100"
    if probability.method == ANNOUNCED:
        return f"{number}: the announcement to leave alone decides it"
    return f"{number}, uncalibrated: it ranks customers and is not a probability"


def not_fitted(assessment: Assessment) -> str | None:
    """What to do about a score without a band, in a line; None for one that has a band, or where there is no score."""
    if assessment.fitted:
        return None
    how = assessment.provenance
    other = "" if how.prompt.partition("@")[0] == DEFAULT_READING else f" --prompt {how.prompt.partition('@')[0]}"
    return f"No band, not fitted: run churn-agent models fit {how.model_id}{other}"


def withdrawn(assessment: Assessment) -> str | None:
    """Says that the data behind an assessment were withdrawn; None if they were not."""
    if not assessment.provenance.on_withdrawn_data:
        return None
    return (
        f"Made {ON_WITHDRAWN_DATA}: an import that it rests on was undone, and its reasons and facts were removed. "
        "Assess the customer again."
    )


def cases(assessment: Assessment) -> tuple[list[Reason], list[Reason]]:
    """Returns the reasons for churn and those against it, strongest first."""
    risk = [reason for reason in assessment.reasons if reason.polarity == "risk"]
    protective = [reason for reason in assessment.reasons if reason.polarity == "protective"]
    return risk, protective


NO_REASON = "No signal or fact points clearly to churn or against it."


def quoted(assessment: Assessment, citation: Citation) -> str:
    """Returns `E3, 2026-02-11, Ana: “the quote”` on one line; the name only if the account has several contacts."""
    words = " ".join(citation.quote.split())
    named = citation.author and any(fact.name == "contacts" for fact in assessment.facts)
    who = f", {citation.author}" if named else ""
    return f"{citation.label}, {citation.occurred_at:%Y-%m-%d}{who}: \u201c{words}\u201d"


def origin(assessment: Assessment) -> str:
    """Returns the model, the prompt and the cost."""
    p = assessment.provenance
    cached = f", {p.cached_answers} answers from the store" if p.cached_answers else ""
    return f"{p.model_id}, {p.prompt}, {p.prompt_tokens} + {p.output_tokens} tokens{cached}, {p.seconds:.1f} s"


def not_considered(assessment: Assessment) -> str | None:
    """Says what the model was not shown; None if it was shown everything."""
    left_out = assessment.left_out
    lines: list[str] = []
    if left_out.interactions:
        rows = counted(left_out.interactions, "interaction")
        was = "was" if left_out.interactions == 1 else "were"
        lines.append(f"{rows} (about {left_out.tokens} tokens) {was} not shown to the model.")
    elif left_out.tokens:
        lines.append(f"About {left_out.tokens} tokens of long texts were not shown to the model.")
    if left_out.unattributed:
        texts = counted(left_out.unattributed, "text of an unknown author was", "texts of unknown authors were")
        lines.append(f"{texts} not read (churn-agent ingest --unknown-is customer).")
    return " ".join(lines) or None
