"""A short report for mail and chat: the customers to call and the reasons."""

from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from churn_agent.errors import InputError, Unavailable
from churn_agent.reports.portfolio.building import Account, Portfolio
from churn_agent.reports.portfolio.phrases import head, money, number_words, title, to_do

_ATTEMPTS = 4
_LONGEST_PAUSE_S = 20.0
_TIMEOUT_S = 10.0
_MOST_BLOCKS = 40
"""Slack allows fifty blocks in a message."""
_LONGEST_BLOCK = 3000
"""Most characters that Slack allows in a block."""


def chosen(portfolio: Portfolio, *, false_alarms: float | None = None) -> list[Account]:
    """Returns the customers that a digest names: those to call, up to a number of expected false alarms.

    Args:
        portfolio: the report of a run.
        false_alarms: the most customers named who can be expected not to churn; None for no limit.

    Raises:
        InputError: `false_alarms` is given, but the numbers are not probabilities.
    """
    if false_alarms is None:
        return list(portfolio.to_call)
    if not portfolio.calibrated:
        raise InputError("false alarms can be counted in probabilities only; run: churn-agent calibrate --labels FILE")
    named: list[Account] = []
    expected = 0.0
    for account in portfolio.to_call:
        expected += 1 - (account.number or 0.0)
        if expected > false_alarms:
            break
        named.append(account)
    return named


def to_eml(portfolio: Portfolio, accounts: Sequence[Account], *, to: str | None = None) -> bytes:
    """Returns a plain-text mail about the customers, with quotes."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"{len(accounts)} to call: {_one_line(title(portfolio))}, {portfolio.as_of}"
    if portfolio.run.updated_at:
        mail["Date"] = format_datetime(portfolio.run.updated_at)
    if to:
        mail["To"] = _one_line(to)
    lines = [f"{title(portfolio)}, {portfolio.as_of}", "", *(f"* {line}" for line in head(portfolio))]
    for account in accounts:
        lines += ["", *_lines(account, portfolio, with_texts=True)]
    mail.set_content("\n".join(lines) + "\n")
    return mail.as_bytes()


def to_chat(portfolio: Portfolio, accounts: Sequence[Account], *, with_texts: bool = False) -> dict[str, Any]:
    """Returns a message for Slack's incoming webhooks and compatible ones.

    Args:
        portfolio: the report of a run.
        accounts: the customers that the message names.
        with_texts: include quotes of customers; without it, the message contains no customer text.
    """
    summary = f"{title(portfolio)}, {portfolio.as_of}: {len(accounts)} to call. {head(portfolio)[0]}"
    parts = ["\n".join(_lines(account, portfolio, with_texts=with_texts)) for account in accounts[:_MOST_BLOCKS]]
    if len(accounts) > _MOST_BLOCKS:
        parts.append(f"and {len(accounts) - _MOST_BLOCKS} more")
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": _escaped(part)[:_LONGEST_BLOCK]}}
        for part in (summary, *parts)
    ]
    return {"text": _escaped(summary), "blocks": blocks}


def post(message: Mapping[str, Any], url: str) -> None:
    """Sends a message to a webhook; retries with growing pauses if the server is busy or unreachable.

    Raises:
        InputError: the URL is not a webhook's, or the webhook rejects the message.
        Unavailable: the webhook cannot be reached.
    """
    if not url.startswith(("https://", "http://")):
        raise InputError(f"{url!r} is not a webhook URL; it must start with https://")
    try:
        for attempt in Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential_jitter(max=_LONGEST_PAUSE_S),
            retry=retry_if_exception(_is_temporary),
            reraise=True,
        ):
            with attempt:
                httpx.post(url, json=dict(message), timeout=_TIMEOUT_S).raise_for_status()
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        if _is_temporary(error):
            raise Unavailable(f"the webhook returned status {code} {_ATTEMPTS} times; try again later") from error
        raise InputError(f"the webhook rejected the message with status {code}; check its URL") from error
    except httpx.InvalidURL as error:
        raise InputError(f"{url!r} is not a webhook URL: {error}") from error
    except httpx.HTTPError as error:
        raise Unavailable(f"the webhook cannot be reached: {error}; check its URL and your connection") from error


def _is_temporary(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx.TransportError)


def _lines(account: Account, portfolio: Portfolio, *, with_texts: bool) -> list[str]:
    assessment = account.assessment
    value = f", {money(account.yearly_value, portfolio)} a year" if account.yearly_value is not None else ""
    renewal = f", renewal {account.renewal}" if account.renewal else ""
    lines = [f"{account.rank}. {_one_line(assessment.customer_id)}: {number_words(account)}{value}{renewal}"]
    for reason in account.risks[:2]:
        quote = f" \u201c{_one_line(reason.citations[0].quote)}\u201d" if reason.citations and with_texts else ""
        lines.append(f"   {reason.statement}{quote}")
    lines += [f"   {line}" for line in to_do(account)]
    return lines


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """Escapes text for Slack, so that nothing becomes a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
