"""The result of an audit in sentences."""

from churn_agent.outcomes.auditing import Agreement, Audit, Figure
from churn_agent.reports.language import day, gettext, number, share


def head_line(audit: Audit, *, current: bool) -> str:
    """Returns the line for the head of a report; empty without marks.

    Args:
        audit: the newest audit with marks.
        current: whether the report is by the same model, prompt and method.
    """
    if audit.cards_right is None:
        return ""
    first = gettext(
        "Audit of {day}: reasons right on {share} of {n} cards drawn at random",
        day=day(audit.day),
        share=interval(audit.cards_right),
        n=number(audit.cards_right.cards),
    )
    parts = [first]
    if audit.actions_right:
        parts.append(gettext("actions right in {share}", share=interval(audit.actions_right)))
    if audit.cards_missing:
        parts.append(gettext("a signal missed on {share}", share=interval(audit.cards_missing)))
    if not current:
        parts.append(gettext("made by another model, prompt or method"))
    return f"{'; '.join(parts)}."


def interval(figure: Figure) -> str:
    """Returns `88% [77, 95]`."""
    return f"{share(figure.value)} [{number(100 * figure.low)}, {number(100 * figure.high)}]"


def lines(audit: Audit) -> list[str]:
    """Returns the whole result, most important first."""
    found = [
        gettext(
            "Audit {id}: {marked} of {drawn} cards marked by {people}",
            id=audit.audit_id,
            marked=number(audit.marked),
            drawn=number(audit.drawn),
            people=", ".join(audit.people) or gettext("nobody yet"),
        )
    ]
    if audit.cards_right:
        found.append(gettext("Cards with all reasons right: {share} of {n}", **_of(audit.cards_right)))
    if audit.reasons_right:
        found.append(gettext("Reasons right (precision): {share} of {n}", **_of(audit.reasons_right)))
    if audit.quoted_right:
        found.append(gettext("Reasons with quotes right: {share} of {n}", **_of(audit.quoted_right)))
    if audit.actions_right:
        found.append(gettext("Actions right: {share} of {n}", **_of(audit.actions_right)))
    if audit.cards_missing:
        found.append(gettext("Cards that miss a signal: {share} of {n}", **_of(audit.cards_missing)))
    if audit.missed:
        named = ", ".join(f"{name} ({number(n)})" for name, n in audit.missed.items())
        found.append(gettext("Missed signals: {signals}", signals=named))
    return [*found, *map(_agreement, audit.agreement)]


def _of(figure: Figure) -> dict[str, str]:
    return {"share": interval(figure), "n": number(figure.items)}


def _agreement(agreement: Agreement) -> str:
    names = {"first": agreement.first, "second": agreement.second}
    if not agreement.items:
        return gettext("{first} and {second} marked nothing in common", **names)
    same = gettext(
        "{first} and {second} agree on {share} of {n} items",
        **names,
        share=share(agreement.same),
        n=number(agreement.items),
    )
    if agreement.kappa is None or agreement.low is None or agreement.high is None:
        return gettext("{same}; Cohen's kappa cannot tell, because all marks are alike", same=same)
    return gettext(
        "{same}; Cohen's kappa {kappa} [{low}, {high}]",
        same=same,
        kappa=number(agreement.kappa, 2),
        low=number(agreement.low, 2),
        high=number(agreement.high, 2),
    )
