"""The report as Markdown, for chat and mail."""

from collections.abc import Mapping

from churn_agent.batch.changes import Change
from churn_agent.reports.files import escape
from churn_agent.reports.portfolio.building import Account, Portfolio
from churn_agent.reports.portfolio.phrases import change_words, head, money, number_words, status_lines, title, to_do


def to_markdown(portfolio: Portfolio, changes: Mapping[str, Change]) -> str:
    """Returns the summary and the customers to call. Text from data is escaped."""
    lines = [
        f"# {escape(title(portfolio))}, {portfolio.as_of}",
        "",
        *(f"- {escape(line)}" for line in head(portfolio)),
        "",
    ]
    for heading, accounts in (
        ("Notice given", portfolio.notice_given),
        ("Early warnings: call first", portfolio.early_warnings),
    ):
        if accounts:
            lines += [f"## {heading} ({len(accounts)})", ""]
            for n, account in enumerate(accounts, start=1):
                lines += _account(n, account, portfolio, changes.get(account.assessment.customer_id))
            lines.append("")
    if portfolio.drivers:
        lines += ["## Main drivers", ""]
        lines += [f"- {escape(driver.statement)} {driver.customers} customers." for driver in portfolio.drivers[:5]]
    return "\n".join(lines) + "\n"


def _account(n: int, account: Account, portfolio: Portfolio, change: Change | None) -> list[str]:
    assessment = account.assessment
    value = f", {money(account.at_risk, portfolio)} at risk" if account.at_risk is not None else ""
    owner = f" ({escape(account.owner)})" if account.owner else ""
    lines = [f"{n}. **{escape(assessment.customer_id)}**{owner}: {number_words(account)}{escape(value)}"]
    lines += [f"   - {escape(line)}" for line in status_lines(account)]
    for reason in account.risks[:1]:
        quote = f" \u201c{escape(reason.citations[0].quote)}\u201d" if reason.citations else ""
        lines.append(f"   - {escape(reason.statement)}{quote}")
    lines += [f"   - {escape(line)}" for line in to_do(account)]
    if change:
        lines.append(f"   - {escape(change_words(change))}")
    return lines
