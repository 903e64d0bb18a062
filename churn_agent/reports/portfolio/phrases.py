"""What all renderings of a report say in the same words."""

from churn_agent.batch.changes import Change
from churn_agent.reports.portfolio.building import Account, Portfolio


def number_words(account: Account) -> str:
    """A calibrated probability with its interval, or a score that says what it is."""
    found = account.assessment.churn_probability
    if found is None:
        screening = account.assessment.screening
        return account.assessment.status_reason or "" if screening is None else f"screened only, score {screening:.0%}"
    if not found.calibrated:
        return f"score {100 * found.shown:.0f} of 100"
    span = f" ({found.low:.0%} to {found.high:.0%})" if found.low is not None and found.high is not None else ""
    return f"{found.shown:.0%}{span} within {found.horizon_days} days"


NO_ACTION = "no action of the playbook is called for"


def to_do(account: Account) -> list[str]:
    """The first action with its channel, and what must not be said with it.

    Nothing if none is suggested, unless they are to be called.
    """
    action = next(iter(account.assessment.actions), None)
    if action is None:
        return [f"To do: {NO_ACTION}"] if account.call else []
    said = [f"Do not say or promise: {'; '.join(action.never_say)}"] if action.never_say else []
    return [f"To do: {action.title}{f' ({action.channel})' if action.channel else ''}", *said]


def change_words(change: Change) -> str:
    """By how much a number moved, and the parts that can be seen."""
    parts = [f"{name} {100 * part:+.0f}" for name, part in change.seen.items()]
    return f"Since {change.before_as_of}: {100 * change.total:+.0f} points{': ' if parts else ''}{', '.join(parts)}"


def money(amount: float | None, portfolio: Portfolio) -> str:
    """An amount with its currency; nothing where it is not known."""
    return "" if amount is None else f"{portfolio.card.currency} {amount:,.0f}".strip()


def title(portfolio: Portfolio) -> str:
    """What the report is about."""
    whose = f", customers of {portfolio.owner}" if portfolio.owner else ""
    return f"Churn risk at {portfolio.card.company}{whose}"


def head(portfolio: Portfolio) -> list[str]:
    """The book in sentences, the weightiest first."""
    bands, n = portfolio.bands, len(portfolio.accounts)
    found = [f"{bands['high']} of {n} customers are at high risk, {bands['medium']} at medium risk."]
    risk = portfolio.value_at_risk
    if risk:
        value, low, high = risk
        found.append(
            f"Expected loss within {portfolio.card.horizon_days} days: {money(value, portfolio)} of yearly value "
            f"(between {money(low, portfolio)} and {money(high, portfolio)})."
        )
    entered = sum(
        a.assessment.band == "high" and a.assessment.band_before not in (None, "high") for a in portfolio.accounts
    )
    left = sum(a.assessment.band_before == "high" and a.assessment.band != "high" for a in portfolio.accounts)
    if any(account.assessment.band_before for account in portfolio.accounts):
        found.append(f"Since the assessment before, {entered} came into high risk and {left} left it.")
    if portfolio.counted("screened"):
        found.append(
            f"{portfolio.counted('assessed')} were assessed in full; {portfolio.counted('screened')} were screened: a "
            "brief look said that others come first."
        )
    for what, why in (("abstained", "too little is known of them"), ("failed", "the model gave no usable answer")):
        if portfolio.counted(what):
            found.append(f"{portfolio.counted(what)} have no number: {why}.")
    return [*found, calibration_words(portfolio)]


def calibration_words(portfolio: Portfolio) -> str:
    """How far the numbers may be believed."""
    card = portfolio.method
    if card is None:
        return (
            "The numbers are scores: they say whom to look at first, and are no probabilities. With past outcomes they "
            "become some: churn-agent calibrate --labels outcomes.csv."
        )
    if not portfolio.calibrated:
        return f"The numbers are by {card.name}, which learned from {card.n} outcomes: they rank customers."
    return (
        f"Probabilities were learned from {card.n} past outcomes ({card.churned / card.n:.0%} churned) and tried on "
        f"customers that had not been learned from: of a churner and a stayer they put the churner first in "
        f"{card.auroc:.0%} of the cases."
    )
