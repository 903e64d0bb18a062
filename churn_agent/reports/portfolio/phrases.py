"""Wording shared by all formats of a report."""

from churn_agent.batch.changes import Change
from churn_agent.domain.wording import counted
from churn_agent.reports import wording
from churn_agent.reports.portfolio.building import Account, Portfolio


def number_words(account: Account) -> str:
    """Returns a probability with its interval, or a score labelled as one, and says if its data were withdrawn."""
    words = _number_words(account)
    return f"{words}, {wording.ON_WITHDRAWN_DATA}" if account.assessment.provenance.on_withdrawn_data else words


def _number_words(account: Account) -> str:
    number = account.assessment.churn_probability
    if number is None:
        screening = account.assessment.screening
        return account.assessment.status_reason or "" if screening is None else f"screened only, score {screening:.0%}"
    if not number.calibrated:
        return f"score {100 * number.shown:.0f} out of 100"
    span = f" ({number.low:.0%} to {number.high:.0%})" if number.low is not None and number.high is not None else ""
    return f"{number.shown:.0%}{span} within {number.horizon_days} days"


_EXAMPLES = 5
"""Most amounts that are named."""
NO_ACTION = "no action in the playbook applies"


def to_do(account: Account) -> list[str]:
    """Returns the first action with its channel and what not to say.

    Without an action, returns a line only for a customer to call.
    """
    action = next(iter(account.assessment.actions), None)
    if action is None:
        return [f"To do: {NO_ACTION}"] if account.call else []
    warning = [f"Do not say or promise: {'; '.join(action.never_say)}"] if action.never_say else []
    return [f"To do: {action.title}{f' ({action.channel})' if action.channel else ''}", *warning]


def status_lines(account: Account) -> list[str]:
    """Returns when the contract ends, who spoke to the customer last, and whether a case is open."""
    lines: list[str] = []
    if account.listed == "notice given" and account.ends_on:
        lines.append(f"Ends on {account.ends_on}")
    if account.last_contact:
        by = f" by {account.last_contact.author}" if account.last_contact.author else ""
        lines.append(f"Last contact on {account.last_contact.at.date()}{by}")
    if account.unanswered:
        lines.append(f"Open case: {counted(account.unanswered, 'message')} without an answer")
    return lines


def change_words(change: Change) -> str:
    """Returns the change of a number and its visible parts."""
    parts = [f"{name} {100 * part:+.0f}" for name, part in change.seen.items()]
    return f"Since {change.before_as_of}: {100 * change.total:+.0f} points{': ' if parts else ''}{', '.join(parts)}"


def money(amount: float | None, portfolio: Portfolio) -> str:
    """Returns an amount with its currency, or an empty string if it is unknown."""
    return "" if amount is None else f"{portfolio.card.currency} {amount:,.0f}".strip()


def title(portfolio: Portfolio) -> str:
    """Returns the title of the report."""
    whose = f", customers of {portfolio.owner}" if portfolio.owner else ""
    return f"Churn risk at {portfolio.card.company}{whose}"


def head(portfolio: Portfolio) -> list[str]:
    """Returns the summary of the report in sentences, most important first."""
    bands, n = portfolio.bands, len(portfolio.accounts)
    lines = [f"{bands['high']} of {n} customers are at high risk, {bands['medium']} at medium risk."]
    unfitted = [line for account in portfolio.accounts if (line := wording.not_fitted(account.assessment))]
    if unfitted:
        lines = [f"{len(unfitted)} of {n} customers have a score that only ranks. {unfitted[0]}.", *lines]
    if portfolio.notice_given:
        lines.append(f"{counted(len(portfolio.notice_given), 'customer has', 'customers have')} given notice.")
    if portfolio.former:
        lines.append(f"{counted(len(portfolio.former), 'former customer is', 'former customers are')} on no list.")
    caring = sum(bool(account.assessment.care) for account in portfolio.accounts)
    if caring:
        who, no_offers = (
            ("1 customer needs", "gets no offers") if caring == 1 else (f"{caring} customers need", "get no offers")
        )
        lines.append(f"{who} a person's attention before anything else, and {no_offers}.")
    risk = portfolio.value_at_risk
    if risk:
        value, low, high = risk
        lines.append(
            f"Expected loss within {portfolio.card.horizon_days} days: {money(value, portfolio)} of yearly value "
            f"(between {money(low, portfolio)} and {money(high, portfolio)})."
        )
    apart = [account for account in portfolio.accounts if account.left_out]
    if apart:
        examples = [amount for account in apart for amount in account.left_out]
        shown = "; ".join(examples[:_EXAMPLES]) + ("; ..." if len(examples) > _EXAMPLES else "")
        lines.append(
            f"Amounts of {len(apart)} customer{'s' * (len(apart) != 1)} are in other currencies or not one number, and "
            f"are not in any sum: {shown}."
        )
    entered = sum(
        a.assessment.band == "high" and a.assessment.band_before not in (None, "high") for a in portfolio.accounts
    )
    left = sum(a.assessment.band_before == "high" and a.assessment.band != "high" for a in portfolio.accounts)
    if any(account.assessment.band_before for account in portfolio.accounts):
        lines.append(f"Since the previous assessment, {entered} customers entered high risk and {left} left it.")
    if portfolio.counted("screened"):
        lines.append(
            f"{portfolio.counted('assessed')} were assessed in full; {portfolio.counted('screened')} were only "
            "screened, because a brief look ranked others higher."
        )
    withdrawn = sum(account.assessment.provenance.on_withdrawn_data for account in portfolio.accounts)
    if withdrawn:
        rest = "number rests" if withdrawn == 1 else "numbers rest"
        lines.append(f"{withdrawn} {rest} {wording.ON_WITHDRAWN_DATA}: an import was undone. Assess them again.")
    for what, why in (("abstained", "too little is known about them"), ("failed", "the model gave no usable answer")):
        if portfolio.counted(what):
            lines.append(f"{portfolio.counted(what)} have no number: {why}.")
    return [*lines, calibration_words(portfolio)]


def calibration_words(portfolio: Portfolio) -> str:
    """Says how far the numbers can be trusted."""
    card = portfolio.method
    if card is None:
        return (
            "The numbers are scores: they rank customers and are not probabilities. To calibrate them with past "
            "outcomes, run: churn-agent calibrate --labels outcomes.csv."
        )
    if not portfolio.calibrated:
        return f"The numbers come from {card.name}, trained on {card.n} outcomes. They rank customers."
    return (
        f"Probabilities were calibrated on {card.n} past outcomes ({card.churned / card.n:.0%} churned) and tested on "
        f"held-out customers: of one who churned and one who stayed, they rank the one who churned higher in "
        f"{card.auroc:.0%} of cases."
    )
