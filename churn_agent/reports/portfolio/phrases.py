"""Wording shared by all formats of a report."""

from collections.abc import Mapping

from churn_agent.batch.changes import PARTS, Change
from churn_agent.domain.assessment import Reason
from churn_agent.history.tasks import State
from churn_agent.outcomes.auditing import is_current
from churn_agent.reports import wording
from churn_agent.reports.audit.phrases import head_line
from churn_agent.reports.language import day, gettext, in_period, money, ngettext, noop, number, share, signed
from churn_agent.reports.portfolio.accounts import Account, Portfolio, depth_of
from churn_agent.reports.sentences import translated

_EXAMPLES = 5
"""Most amounts that are named."""
LISTS = {"notice given": noop("notice given"), "early warnings": noop("early warnings")}
BAND_WORDS = {"high": noop("high"), "medium": noop("medium"), "low": noop("low")}
DEPTHS = {
    "assessed": noop("assessed"),
    "screened": noop("screened"),
    "abstained": noop("abstained"),
    "failed": noop("failed"),
}
VERDICTS = {"agree": noop("agree"), "disagree": noop("disagree"), "already known": noop("already known")}
DECISIONS = {"none": noop("none"), "other": noop("other")}
CHANGES: Mapping[str, str] = dict(
    zip(
        PARTS,
        (
            noop("another model"),
            noop("another prompt"),
            noop("another calibration"),
            noop("time passed"),
            noop("new evidence"),
        ),
        strict=True,
    )
)


def number_words(account: Account) -> str:
    """Returns a probability with its interval, or a score labelled as one, and says if its data were withdrawn."""
    words = _number_words(account)
    withdrawn = account.assessment.provenance.on_withdrawn_data
    return f"{words}, {gettext(wording.ON_WITHDRAWN_DATA)}" if withdrawn else words


def _number_words(account: Account) -> str:
    probability = account.assessment.churn_probability
    if probability is None:
        screening = account.assessment.screening
        if screening is None:
            return translated(account.assessment.status_reason or "")
        return gettext("screened only, score {score}", score=share(screening))
    if not probability.calibrated:
        return gettext("score {points} out of 100", points=number(100 * probability.shown))
    known = {"probability": share(probability.shown), "days": probability.horizon_days}
    if probability.low is None or probability.high is None:
        return gettext("{probability} within {days} days", **known)
    bounds = {"low": share(probability.low), "high": share(probability.high)}
    return gettext("{probability} ({low} to {high}) within {days} days", **known, **bounds)


def shown_reasons(account: Account) -> list[Reason]:
    """Returns the strongest reason for churn, and the strongest one in the customer's own words."""
    quoted = [reason for reason in account.risks if reason.citations]
    return list({id(reason): reason for reason in (*account.risks[:1], *quoted[:1], *account.risks[:2])}.values())[:2]


def why(account: Account) -> str:
    """Returns the strongest reason for churn; empty without one."""
    return translated(account.risks[0].statement) if account.risks else ""


def in_quotes_of(account: Account) -> str:
    """Returns the first quote for the strongest reason in quotation marks; empty without one."""
    citations = account.risks[0].citations if account.risks else ()
    return wording.in_their_words(citations[0]) if citations else ""


def to_do(account: Account) -> list[str]:
    """Returns the first action with its channel and due day, and what to say.

    Without an action, returns a line only for a customer to call.
    """
    action = next(iter(account.assessment.actions), None)
    if action is None:
        return [no_action(account)] if account.call else []
    channel = f" ({translated(action.channel)})" if action.channel else ""
    lines = [gettext("To do by {day}: {action}", day=day(account.due), action=f"{translated(action.title)}{channel}")]
    return [*lines, *wording.what_to_say(action)]


def no_action(account: Account) -> str:
    """Says that no action fits, and why."""
    return gettext("No action fits: {why}", why=translated(account.no_action or "no action in the playbook applies"))


def status_lines(account: Account) -> list[str]:
    """Returns the end of the contract, the last contact, what is promised, and an open case or risk item."""
    lines: list[str] = []
    if account.listed == "notice given" and account.ends_on:
        lines.append(gettext("Ends on {day}", day=day(account.ends_on)))
    known = (last_contact(account), promise(account), open_case(account), risk_item(account))
    lines += [line for line in known if line]
    return lines


def last_contact(account: Account) -> str:
    """Returns the company's last contact with the customer; empty if there was none."""
    contact = account.last_contact
    if contact is None:
        return ""
    if contact.author:
        return gettext("Last contact on {day} by {name}", day=day(contact.on), name=contact.author)
    return gettext("Last contact on {day}", day=day(contact.on))


def promise(account: Account) -> str:
    """Returns what is promised for which day, or overdue; empty if nothing is."""
    promised = account.assessment.promised
    if promised is None:
        return ""
    on = day(promised.due)
    if promised.due < account.assessment.as_of:
        return gettext("Promised and overdue since {day}", day=on)
    if promised.by:
        return gettext("Promised for {day} by {name}", day=on, name=promised.by)
    return gettext("Promised for {day}", day=on)


def open_case(account: Account) -> str:
    """Returns how many messages are without an answer; empty if there are none."""
    return gettext("Open case: {messages}", messages=unanswered_words(account)) if account.unanswered else ""


TASK_STATES: Mapping[State, str] = {"open": noop("open"), "working": noop("working")}
"""States of open risk items."""


def risk_item(account: Account) -> str:
    """Returns the open risk item with its state, due day and owner; empty if there is none."""
    task = account.task
    if task is None:
        return ""
    owner = task.owner or gettext("nobody looks after it")
    known = {"n": task.number, "state": gettext(TASK_STATES[task.state]), "owner": owner}
    line = (
        gettext("Risk item {n}: {state}, due {due}, {owner}", due=day(task.due), **known)
        if task.due
        else gettext("Risk item {n}: {state}, {owner}", **known)
    )
    return f"{line} ({gettext('its reasons are no longer true')})" if task.untrue_since else line


def unanswered_words(account: Account) -> str:
    """Returns how many messages are without an answer."""
    return ngettext("{n} message without an answer", "{n} messages without an answer", account.unanswered)


def change_words(change: Change) -> str:
    """Returns the change of a number and its visible parts."""
    parts = [f"{gettext(CHANGES[name])} {signed(100 * part)}" for name, part in change.seen.items()]
    return f"{since(change)}: {', '.join(parts)}" if parts else since(change)


def since(change: Change) -> str:
    """Returns the change of a number."""
    return gettext("Since {day}: {points} points", day=day(change.before_as_of), points=signed(100 * change.total))


def money_words(yearly: float | None, portfolio: Portfolio) -> str:
    """Returns a yearly amount with its currency, for the period that the card shows; empty if it is unknown."""
    amount = in_period(yearly, portfolio.card)
    return "" if amount is None else money(amount, portfolio.card.currency)


def value_title(portfolio: Portfolio) -> str:
    """Returns the heading of values."""
    return gettext("value per month") if portfolio.card.value_period == "month" else gettext("value per year")


def value_words(account: Account, portfolio: Portfolio) -> str:
    """Returns the value of a customer with its period; empty if it is unknown."""
    amount = money_words(account.yearly_value, portfolio)
    if not amount:
        return ""
    if portfolio.card.value_period == "month":
        return gettext("{amount} per month", amount=amount)
    return gettext("{amount} per year", amount=amount)


def title(portfolio: Portfolio) -> str:
    """Returns the title of the report."""
    company = translated(portfolio.card.company)
    if portfolio.owner:
        return gettext("Churn risk at {company}, customers of {owner}", company=company, owner=portfolio.owner)
    return gettext("Churn risk at {company}", company=company)


def head(portfolio: Portfolio) -> list[str]:
    """Returns the summary of the report in sentences, most important first."""
    bands, n = portfolio.bands, len(portfolio.accounts)
    lines = [
        gettext(
            "{high} of {n} customers are at high risk, {medium} at medium risk.",
            high=number(bands["high"]),
            n=number(n),
            medium=number(bands["medium"]),
        )
    ]
    unfitted = [line for account in portfolio.accounts if (line := wording.not_fitted(account.assessment))]
    if unfitted:
        first = gettext(
            "{some} of {n} customers have a score that only ranks. {what}.",
            some=number(len(unfitted)),
            n=number(n),
            what=unfitted[0],
        )
        lines = [first, *lines]
    lines += [*_standing(portfolio), *_values(portfolio), *_moves(portfolio), *_without_number(portfolio)]
    audit = portfolio.audit
    audited = head_line(audit, current=is_current(audit, portfolio.run)) if audit else ""
    return [*lines, *filter(None, [audited]), calibration_words(portfolio)]


def _standing(portfolio: Portfolio) -> list[str]:
    lines: list[str] = []
    if portfolio.notice_given:
        lines.append(
            ngettext("{n} customer has given notice.", "{n} customers have given notice.", len(portfolio.notice_given))
        )
    if portfolio.former:
        lines.append(
            ngettext(
                "{n} former customer is on no list.", "{n} former customers are on no list.", len(portfolio.former)
            )
        )
    caring = sum(bool(account.assessment.care) for account in portfolio.accounts)
    if caring:
        lines.append(
            ngettext(
                "{n} customer needs personal attention first, and gets no offers.",
                "{n} customers need personal attention first, and get no offers.",
                caring,
            )
        )
    corrected = sum(bool(account.assessment.corrected) for account in portfolio.accounts)
    if corrected:
        lines.append(
            ngettext("{n} card rests on people's corrections.", "{n} cards rest on people's corrections.", corrected)
        )
    return lines


def _values(portfolio: Portfolio) -> list[str]:
    lines: list[str] = []
    if portfolio.value_at_risk:
        amounts = [money_words(amount, portfolio) for amount in portfolio.value_at_risk]
        value, low, high = amounts
        known = {"days": portfolio.card.horizon_days, "value": value, "low": low, "high": high}
        lines.append(
            gettext("Expected loss within {days} days: {value} per month (between {low} and {high}).", **known)
            if portfolio.card.value_period == "month"
            else gettext("Expected loss within {days} days: {value} per year (between {low} and {high}).", **known)
        )
    apart = [account for account in portfolio.accounts if account.left_out]
    if apart:
        examples = [amount for account in apart for amount in account.left_out]
        named = [amount if isinstance(amount, str) else money(*amount) for amount in examples[:_EXAMPLES]]
        shown = "; ".join(named) + ("; ..." if len(examples) > _EXAMPLES else "")
        lines.append(
            ngettext(
                "Amounts of {n} customer are in other currencies or not one number, and are not in any sum: {amounts}.",
                "Amounts of {n} customers are in other currencies or not one number, and are not in any sum: "
                "{amounts}.",
                len(apart),
                amounts=shown,
            )
        )
    return lines


def _moves(portfolio: Portfolio) -> list[str]:
    entered = sum(
        a.assessment.band == "high" and a.assessment.band_before not in (None, "high") for a in portfolio.accounts
    )
    left = sum(a.assessment.band_before == "high" and a.assessment.band != "high" for a in portfolio.accounts)
    if not any(account.assessment.band_before for account in portfolio.accounts):
        return []
    return [
        ngettext(
            "Since the previous assessment, {n} customer entered high risk and {left} left it.",
            "Since the previous assessment, {n} customers entered high risk and {left} left it.",
            entered,
            left=number(left),
        )
    ]


def _without_number(portfolio: Portfolio) -> list[str]:
    lines: list[str] = []
    if portfolio.counted("screened"):
        lines.append(
            gettext(
                "{assessed} were assessed in full; {screened} were only screened, because a brief look ranked others "
                "higher.",
                assessed=number(portfolio.counted("assessed")),
                screened=number(portfolio.counted("screened")),
            )
        )
    withdrawn = sum(account.assessment.provenance.on_withdrawn_data for account in portfolio.accounts)
    if withdrawn:
        lines.append(
            ngettext(
                "{n} assessment rests on withdrawn data: an import was undone. Assess this customer again.",
                "{n} assessments rest on withdrawn data: an import was undone. Assess these customers again.",
                withdrawn,
            )
        )
    of_former = sum(depth_of(account.assessment) == "abstained" for account in portfolio.former)
    if unknown := portfolio.counted("abstained") - of_former:
        lines.append(
            ngettext(
                "{n} customer has no number: too little is known about them.",
                "{n} customers have no number: too little is known about them.",
                unknown,
            )
        )
    if failed := portfolio.counted("failed"):
        lines.append(
            ngettext(
                "{n} customer has no number: the model gave no usable answer.",
                "{n} customers have no number: the model gave no usable answer.",
                failed,
            )
        )
    return lines


def calls_words(portfolio: Portfolio) -> str:
    """Returns how the early warnings were chosen, and why there are fewer than can be called."""
    if portfolio.planned:
        return gettext("Chosen by churn-agent actions plan; customers in the control group are not listed.")
    capacity = ngettext(
        "You can call {n} before the next report.", "You can call {n} before the next report.", portfolio.capacity
    )
    if len(portfolio.early_warnings) < portfolio.capacity:
        return f"{capacity} {gettext('The list ends where reasons for a call end.')}"
    return capacity


def calibration_words(portfolio: Portfolio) -> str:
    """Says how far the numbers can be trusted."""
    method = portfolio.method
    if method is None:
        return gettext(
            "The numbers are scores: they rank customers and are not probabilities. To calibrate them with past "
            "outcomes, run: {command}.",
            command="churn-agent calibrate --labels outcomes.csv",
        )
    if not portfolio.calibrated:
        return gettext(
            "The numbers come from {method}, trained on {n} outcomes. They rank customers.",
            method=method.name,
            n=number(method.n),
        )
    return gettext(
        "Probabilities were calibrated on {n} past outcomes ({churned} churned) and tested on held-out customers: of "
        "one who churned and one who stayed, they rank the one who churned higher in {auroc} of cases.",
        n=number(method.n),
        churned=share(method.churned / method.n),
        auroc=share(method.auroc),
    )
