"""The report as Markdown, for chat and mail."""

from collections.abc import Mapping

from churn_agent.batch.changes import Change
from churn_agent.reports.files import escape
from churn_agent.reports.language import day, gettext, in_its_language, ngettext
from churn_agent.reports.portfolio.accounts import Account, Portfolio
from churn_agent.reports.portfolio.phrases import (
    change_words,
    head,
    in_quotes_of,
    money_words,
    number_words,
    status_lines,
    title,
    to_do,
    why,
)
from churn_agent.reports.sentences import translated


@in_its_language
def to_markdown(portfolio: Portfolio, changes: Mapping[str, Change]) -> str:
    """Returns the summary and the customers to call. Text from data is escaped."""
    lines = [
        f"# {escape(title(portfolio))}, {day(portfolio.as_of)}",
        "",
        *(f"- {escape(line)}" for line in head(portfolio)),
        "",
    ]
    for heading, accounts in (
        (gettext("Notice given"), portfolio.notice_given),
        (gettext("Early warnings: call first"), portfolio.early_warnings),
    ):
        if accounts:
            lines += [f"## {heading} ({len(accounts)})", ""]
            for n, account in enumerate(accounts, start=1):
                lines += _account(n, account, portfolio, changes.get(account.assessment.customer_id))
            lines.append("")
    if portfolio.drivers:
        lines += [f"## {gettext('Main drivers')}", ""]
        lines += [
            f"- {escape(translated(driver.statement))} {ngettext('{n} customer.', '{n} customers.', driver.customers)}"
            for driver in portfolio.drivers[:5]
        ]
    return "\n".join(lines) + "\n"


def _account(n: int, account: Account, portfolio: Portfolio, change: Change | None) -> list[str]:
    amount = money_words(account.at_risk, portfolio)
    value = f", {gettext('{amount} at risk', amount=amount)}" if amount else ""
    owner = f" ({escape(account.owner)})" if account.owner else ""
    name = f" {escape(account.name)}" if account.name else ""
    lines = [f"{n}. **{escape(account.assessment.customer_id)}**{name}{owner}: {number_words(account)}{escape(value)}"]
    lines += [f"   - {escape(line)}" for line in status_lines(account)]
    if account.risks:
        lines.append(f"   - {escape(f'{why(account)} {in_quotes_of(account)}')}")
    lines += [f"   - {escape(line)}" for line in to_do(account)]
    if change:
        lines.append(f"   - {escape(change_words(change))}")
    return lines
