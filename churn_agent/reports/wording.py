"""How an assessment is put into words, the same in every format."""

from collections.abc import Mapping

from churn_agent.domain.assessment import Assessment, ChurnProbability, Citation, Polarity, Reason

BAND_WORDS = {
    "low": "low risk: no action needed now",
    "medium": "medium risk: worth a look",
    "high": "high risk: look at this customer soon",
}
CONCEPTS = {
    "recency": "Has done nothing for a long time.",
    "active_days": "Has been active on few days.",
    "tenure": "Is a new customer.",
    "overdue": "Is silent for longer than usual.",
    "last_rating": "Gave a poor rating.",
    "missed": "Missed what was due.",
    "monthly_contract": "Can leave at short notice.",
    "main_contact_silence": "The main contact has fallen silent.",
    "leaning": "The messages taken together read like leaving.",
}
"""Facts as drivers of churn over many customers, who have it in different degrees."""
READ_AS: Mapping[Polarity, str] = {
    "risk": "What they wrote reads like a reason to leave.",
    "protective": "What they wrote reads like a reason to stay.",
}
URGENCY_WORDS = {"today": "today", "this_week": "this week", "this_month": "this month"}


def score_words(probability: ChurnProbability) -> str:
    """A calibrated probability as a percentage; anything else as a score that says what it is not."""
    if probability.calibrated:
        span = ""
        if probability.low is not None and probability.high is not None:
            span = f" (between {probability.low:.0%} and {probability.high:.0%})"
        return f"Probability {probability.shown:.0%} within {probability.horizon_days} days{span}"
    return f"Score {probability.shown * 100:.0f} out of 100, uncalibrated: it ranks customers and is not a probability"


def cases(assessment: Assessment) -> tuple[list[Reason], list[Reason]]:
    """Reasons for churn and against it, weightiest first."""
    risk = [reason for reason in assessment.reasons if reason.polarity == "risk"]
    protective = [reason for reason in assessment.reasons if reason.polarity == "protective"]
    return risk, protective


NO_REASON = "Nothing that was read or computed speaks clearly for or against churn."


def quoted(assessment: Assessment, citation: Citation) -> str:
    """`E3, 2026-02-11, Ana: “the quote”`, on one line; the name where an account has several contacts."""
    words = " ".join(citation.quote.split())
    named = citation.author and any(fact.name == "contacts" for fact in assessment.facts)
    who = f", {citation.author}" if named else ""
    return f"{citation.label}, {citation.occurred_at:%Y-%m-%d}{who}: \u201c{words}\u201d"


def origin(assessment: Assessment) -> str:
    """Which model and prompt, at which cost."""
    p = assessment.provenance
    kept = f", {p.cached_answers} answers from the store" if p.cached_answers else ""
    return f"{p.model_id}, {p.prompt}, {p.prompt_tokens} + {p.output_tokens} tokens{kept}, {p.seconds:.1f} s"


def not_considered(assessment: Assessment) -> str | None:
    """What the model was not shown, in words; None if it was shown all."""
    left = assessment.left_out
    if left.interactions:
        return f"{left.interactions} interactions (about {left.tokens} tokens) were not shown to the model."
    return f"About {left.tokens} tokens of long texts were not shown to the model." if left.tokens else None
