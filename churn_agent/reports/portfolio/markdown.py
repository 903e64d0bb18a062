"""The report for chat and mail."""

from churn_agent.reports.files import escape
from churn_agent.reports.portfolio.building import Account, Portfolio
from churn_agent.reports.portfolio.phrases import head, money, number_words, title


def to_markdown(portfolio: Portfolio) -> str:
    """The head, and whom to call. What came from data is escaped."""
    lines = [
        f"# {escape(title(portfolio))}, {portfolio.as_of}",
        "",
        *(f"- {escape(line)}" for line in head(portfolio)),
        "",
    ]
    if portfolio.to_call:
        lines += [f"## Call first ({len(portfolio.to_call)})", ""]
        lines += [line for n, each in enumerate(portfolio.to_call, start=1) for line in _account(n, each, portfolio)]
    if portfolio.drivers:
        lines += ["", "## What drives it", ""]
        lines += [f"- {escape(each.statement)} {each.customers} customers." for each in portfolio.drivers[:5]]
    return "\n".join(lines) + "\n"


def _account(n: int, account: Account, portfolio: Portfolio) -> list[str]:
    assessment = account.assessment
    value = f", {money(account.at_risk, portfolio)} at risk" if account.at_risk is not None else ""
    owner = f" ({escape(account.owner)})" if account.owner else ""
    lines = [f"{n}. **{escape(assessment.customer_id)}**{owner}: {number_words(account)}{escape(value)}"]
    for reason in account.risks[:1]:
        quote = f" \u201c{escape(reason.citations[0].quote)}\u201d" if reason.citations else ""
        lines.append(f"   - {escape(reason.statement)}{quote}")
    if assessment.actions:
        lines.append(f"   - To do: {escape(assessment.actions[0].title)}")
    return lines
