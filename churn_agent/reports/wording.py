"""The wording of assessments, the same in every format."""

from collections.abc import Mapping

from churn_agent.content.prompts import DEFAULT_PROMPTS
from churn_agent.domain.assessment import Assessment, ChurnProbability, Citation, Polarity, Reason
from churn_agent.domain.wording import counted

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


def score_words(probability: ChurnProbability) -> str:
    """Returns a calibrated probability as a percentage, or a score labelled as uncalibrated."""
    if probability.calibrated:
        span = ""
        if probability.low is not None and probability.high is not None:
            span = f" (between {probability.low:.0%} and {probability.high:.0%})"
        return f"Probability {probability.shown:.0%} within {probability.horizon_days} days{span}"
    return f"Score {probability.shown * 100:.0f} out of 100, uncalibrated: it ranks customers and is not a probability"


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
