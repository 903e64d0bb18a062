"""The wording of assessments, the same in every format."""

from collections.abc import Mapping

from churn_agent.content.prompts import DEFAULT_PROMPTS
from churn_agent.domain.assessment import (
    EXPLAINED,
    FACT_NAMES,
    Assessment,
    Band,
    CareKind,
    ChurnProbability,
    Citation,
    Polarity,
    Reason,
    RetentionAction,
    Status,
    Urgency,
)
from churn_agent.reports.language import day, gettext, ngettext, noop, number, share
from churn_agent.reports.sentences import translated
from churn_agent.scoring.prior import sigmoid
from churn_agent.scoring.verdict import ANNOUNCED

BAND_WORDS: Mapping[Band, str] = {
    "low": noop("low risk: no action needed now"),
    "medium": noop("medium risk: worth a look"),
    "high": noop("high risk: look at this customer soon"),
}
RISK_WORDS: Mapping[Band, str] = {"low": noop("low risk"), "medium": noop("medium risk"), "high": noop("high risk")}
STATUS_WORDS: Mapping[Status, str] = {
    "assessed": noop("assessed"),
    "abstained": noop("abstained"),
    "failed": noop("failed"),
}
CONCEPTS = {
    "recency": noop("Has been inactive for a long time."),
    "active_days": noop("Has been active on few days."),
    "tenure": noop("Is a new customer."),
    "overdue": noop("Has been silent for longer than usual."),
    "last_rating": noop("Gave a poor rating."),
    "missed": noop("Missed a deadline or an appointment."),
    "monthly_contract": noop("Can leave at short notice."),
    "main_contact_silence": noop("The main contact has gone silent."),
    "usage_trend": noop("Uses it less than usual."),
    "usage_stop": noop("Has stopped using it."),
    "seats_change": noop("Has fewer seats than before."),
    "payments_overdue": noop("Has overdue bills."),
    "payments_failed": noop("Has failed payments."),
    "days_to_renewal": noop("The contract ends or renews soon."),
    "term_ended": noop("The term has ended."),
    "leaning": noop("Taken together, the messages suggest leaving."),
}
"""Facts as drivers of churn across many customers, to different degrees."""
READ_AS: Mapping[Polarity, str] = {
    "risk": noop("Their messages suggest a reason to leave."),
    "protective": noop("Their messages suggest a reason to stay."),
}


def statement(reason: Reason) -> str:
    """Returns the statement of a reason; ours in place of a model's own words, which may be false or promise much."""
    return READ_AS[reason.polarity] if reason.concept == EXPLAINED else reason.statement


DEFAULT_READING = f"read/{DEFAULT_PROMPTS['read']}"
"""The prompt that `models fit` fits unless told otherwise."""
ON_WITHDRAWN_DATA = noop("on withdrawn data")
URGENCY_WORDS: Mapping[Urgency, str] = {
    "today": noop("today"),
    "this_week": noop("this week"),
    "this_month": noop("this month"),
}


def band_words(assessment: Assessment) -> str:
    """Returns the band with what to do; without it for customers of whom the card says something else to do.

    Raises:
        ValueError: the assessment has no band.
    """
    if assessment.band is None:
        raise ValueError(f"{assessment.customer_id} has no band")
    other = assessment.former or assessment.care or (assessment.band == "low" and assessment.actions)
    return gettext((RISK_WORDS if other else BAND_WORDS)[assessment.band])


def band_because(assessment: Assessment) -> str | None:
    """Returns the sentence with the reason for the band; None without one."""
    why = assessment.band_reason
    return gettext("The band: {reason}.", reason=translated(why)) if why else None


CARE_WORDS: Mapping[CareKind, str] = {
    "death": noop("a death"),
    "illness": noop("a serious illness"),
    "insolvency": noop("an insolvency"),
    "self_harm": noop("words about harming themselves"),
    "legal": noop("a legal threat"),
    "data_protection": noop("a data-protection request"),
    "minor": noop("a contract with a minor"),
}


def care_line(assessment: Assessment) -> str | None:
    """Returns the line that asks for a human's attention; None if nothing calls for it."""
    if not assessment.care:
        return None
    named = ", ".join(f"{gettext(CARE_WORDS[flag.kind])} ({day(flag.date)})" for flag in assessment.care)
    return gettext("Needs a person's attention: {reasons}. No offers and no retention calls", reasons=named)


def standing_line(assessment: Assessment) -> str | None:
    """Returns whether somebody has left or has given notice; None for other customers."""
    if assessment.former:
        source = translated(assessment.former.source)
        if assessment.former.since:
            return gettext("Former customer since {day} ({source})", day=day(assessment.former.since), source=source)
        return gettext("Former customer ({source})", source=source)
    announced = assessment.announced
    if announced is None or not announced.stands:
        return None
    if announced.ends_on:
        return gettext("Notice given on {day}, ends on {end}", day=day(announced.date), end=day(announced.ends_on))
    return gettext("Notice given on {day}", day=day(announced.date))


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
    start = before = round(100 * (assessment.churn_probability.shown if last is None else sigmoid(at)))
    parts: list[int | None] = []
    for n, part in enumerate(contributions):
        if part is None:
            parts.append(None)
            continue
        at += part
        after = round(100 * (assessment.churn_probability.shown if n == last else sigmoid(at)))
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
    return gettext("It starts at {points}; what each reason adds is in brackets.", points=counted[0])


def score_words(probability: ChurnProbability) -> str:
    """Returns a calibrated probability as a percentage, or a score labelled as uncalibrated."""
    if probability.calibrated:
        known = {"probability": share(probability.shown), "days": probability.horizon_days}
        if probability.low is None or probability.high is None:
            return gettext("Probability {probability} within {days} days", **known)
        return gettext(
            "Probability {probability} within {days} days (between {low} and {high})",
            **known,
            low=share(probability.low),
            high=share(probability.high),
        )
    points = number(100 * probability.shown)
    if probability.method == ANNOUNCED:
        return gettext("Score {points} out of 100: the announcement to leave alone decides it", points=points)
    return gettext(
        "Score {points} out of 100, uncalibrated: it ranks customers and is not a probability", points=points
    )


def not_fitted(assessment: Assessment) -> str | None:
    """What to do about a score without a band, in a line; None for one that has a band, or where there is no score."""
    if assessment.fitted:
        return None
    how = assessment.provenance
    other = "" if how.prompt.partition("@")[0] == DEFAULT_READING else f" --prompt {how.prompt.partition('@')[0]}"
    return gettext("No band, not fitted: run {command}", command=f"churn-agent models fit {how.model_id}{other}")


def withdrawn(assessment: Assessment) -> str | None:
    """Says that the data behind an assessment were withdrawn; None if they were not."""
    if not assessment.provenance.on_withdrawn_data:
        return None
    return gettext(
        "Made on withdrawn data: an import that it rests on was undone, and its reasons and facts were removed. "
        "Assess the customer again."
    )


def status_line(assessment: Assessment) -> str:
    """Returns why there is no number."""
    return f"{gettext(STATUS_WORDS[assessment.status])}: {translated(assessment.status_reason or '')}"


def is_signal(reason: Reason) -> bool:
    """Whether a reason is a signal of the taxonomy, which people can correct."""
    return bool(reason.citations) and reason.concept not in {*FACT_NAMES, *CONCEPTS, EXPLAINED, ANNOUNCED}


def correction_lines(assessment: Assessment) -> list[str]:
    """Returns what people's corrections changed in the signals read, one sentence each."""
    lines: dict[str, None] = {}
    for correction in assessment.corrected:
        known = {
            "who": correction.by or gettext("a user"),
            "day": day(correction.on),
            "reason": translated(correction.statement),
        }
        line = (
            gettext("By a correction of {who} ({day}): {reason}", **known)
            if correction.shown
            else gettext("Not shown, by a correction of {who} ({day}): {reason}", **known)
        )
        lines.setdefault(line)
    return list(lines)


def action_line(action: RetentionAction) -> str:
    """Returns an action with its urgency and its reason."""
    return f"{translated(action.title)}, {gettext(URGENCY_WORDS[action.urgency])}: {translated(action.rationale)}"


def what_to_say(action: RetentionAction) -> list[str]:
    """Returns what to do, what to say, and what not to."""
    lines = [translated(action.what)] if action.what else []
    if action.talk_track:
        words = " ".join(translated(line) for line in action.talk_track)
        lines.append(gettext("Say: {words}", words=words))
    return [*lines, never_say(action)] if action.never_say else lines


def never_say(action: RetentionAction) -> str:
    """Returns what not to say or promise."""
    return gettext("Do not say or promise: {words}", words="; ".join(translated(line) for line in action.never_say))


def cases(assessment: Assessment) -> tuple[list[Reason], list[Reason]]:
    """Returns the reasons for churn and those against it, strongest first."""
    risk = [reason for reason in assessment.reasons if reason.polarity == "risk"]
    protective = [reason for reason in assessment.reasons if reason.polarity == "protective"]
    return risk, protective


NO_REASON = noop("No signal or fact points clearly to churn or against it.")


def quoted(assessment: Assessment, citation: Citation) -> str:
    """Returns `E3, 2026-02-11, Ana: “the quote”` on one line; the name only if the account has several contacts."""
    named = citation.author and any(fact.name == "contacts" for fact in assessment.facts)
    who = f", {citation.author}" if named else ""
    return f"{citation.label}, {day(citation.occurred_at.date())}{who}: {in_their_words(citation)}"


def in_their_words(citation: Citation) -> str:
    """Returns a quote on one line in quotation marks, after a bare answer with the question that it answers."""
    words = in_quotes(" ".join(citation.quote.split()))
    if citation.question is None:
        return words
    return gettext("{words} (asked: {question})", words=words, question=in_quotes(citation.question))


def called(assessment: Assessment, name: str | None) -> str:
    """Returns the customer's name and id, or the id alone."""
    return f"{name} ({assessment.customer_id})" if name else assessment.customer_id


def in_quotes(words: str) -> str:
    """Returns words in the quotation marks of the language."""
    return gettext("\u201c{words}\u201d", words=words)


def origin(assessment: Assessment) -> str:
    """Returns the model, the prompt and the cost."""
    p = assessment.provenance
    parts = [p.model_id, p.prompt, gettext("{read} + {written} tokens", read=p.prompt_tokens, written=p.output_tokens)]
    if p.cached_answers:
        parts.append(ngettext("{n} answer from the store", "{n} answers from the store", p.cached_answers))
    return ", ".join([*parts, f"{number(p.seconds, 1)} s"])


def not_considered(assessment: Assessment) -> str | None:
    """Says what the model was not shown; None if it was shown everything."""
    left_out = assessment.left_out
    lines: list[str] = []
    if left_out.interactions:
        lines.append(
            ngettext(
                "{n} interaction (about {tokens} tokens) was not shown to the model.",
                "{n} interactions (about {tokens} tokens) were not shown to the model.",
                left_out.interactions,
                tokens=left_out.tokens,
            )
        )
    elif left_out.tokens:
        lines.append(
            gettext("About {tokens} tokens of long texts were not shown to the model.", tokens=left_out.tokens)
        )
    if left_out.unattributed:
        lines.append(
            ngettext(
                "{n} text of an unknown author was not read ({command}).",
                "{n} texts of unknown authors were not read ({command}).",
                left_out.unattributed,
                command="churn-agent ingest --unknown-is customer",
            )
        )
    return " ".join(lines) or None
