"""A short report for mail and chat: the customers to call and the reasons."""

import re
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import partial
from importlib.resources import files
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from churn_agent import extras
from churn_agent.errors import InputError, Unavailable
from churn_agent.reports import wording
from churn_agent.reports.language import current, day, gettext, in_its_language, ngettext, number
from churn_agent.reports.portfolio.accounts import Account, Portfolio
from churn_agent.reports.portfolio.phrases import (
    head,
    number_words,
    shown_reasons,
    status_lines,
    title,
    to_do,
    value_words,
)
from churn_agent.reports.sentences import translated

_ATTEMPTS = 4
_LONGEST_PAUSE_S = 20.0
_TIMEOUT_S = 10.0
_MOST_BLOCKS = 40
"""Slack allows fifty blocks in a message."""
_LONGEST_BLOCK = 3000
"""Most characters that Slack allows in a block."""


_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_NOBODY = "churn-agent@localhost"
"""Sender of a mail without any address."""


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


@in_its_language
def to_eml(
    portfolio: Portfolio, accounts: Sequence[Account], *, to: str | None = None, sender: str | None = None
) -> bytes:
    """Returns a mail about the customers, with quotes: plain text, and the same as HTML.

    Args:
        portfolio: the report of a run.
        accounts: the customers that the mail names.
        to: the recipient.
        sender: the address in `From`; the recipient's, if not given, so that the file opens as a draft to send.

    Raises:
        InputError: the sender is not a mail address.
    """
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = _subject(portfolio, accounts)
    mail["From"] = Address(
        display_name=gettext("Churn report of {company}", company=_one_line(portfolio.card.company)),
        addr_spec=_sender(sender, to),
    )
    if to:
        mail["To"] = _one_line(to)
    if portfolio.run.updated_at:
        mail["Date"] = format_datetime(portfolio.run.updated_at)
    lines = [f"{title(portfolio)}, {day(portfolio.as_of)}", "", *(f"* {line}" for line in head(portfolio))]
    for account in accounts:
        lines += ["", *_lines(account, portfolio, with_texts=True)]
    mail.set_content("\n".join(lines) + "\n")
    mail.add_alternative(_html(portfolio, accounts), subtype="html")
    return mail.as_bytes()


def _sender(sender: str | None, to: str | None) -> str:
    address = parseaddr(_one_line(sender or to or ""))[1]
    if _ADDRESS.fullmatch(address):
        return address
    if sender:
        raise InputError(f"{sender!r} is not a mail address; use one such as reports@example.org")
    return _NOBODY


def _subject(portfolio: Portfolio, accounts: Sequence[Account]) -> str:
    return ngettext(
        "{n} to call: {title}, {day}",
        "{n} to call: {title}, {day}",
        len(accounts),
        title=_one_line(title(portfolio)),
        day=day(portfolio.as_of),
    )


def _html(portfolio: Portfolio, accounts: Sequence[Account]) -> str:
    with extras.importing("reports"):
        import jinja2

    source = files("churn_agent.reports.portfolio").joinpath("digest.html").read_text(encoding="utf-8")
    return (
        jinja2.Environment(autoescape=True, trim_blocks=True)
        .from_string(source)
        .render(
            p=portfolio,
            accounts=accounts,
            lang=str(current().locale).replace("_", "-"),
            title=title(portfolio),
            head=head(portfolio),
            lists=[
                (heading, [account for account in accounts if account.listed == name])
                for name, heading in (
                    ("notice given", gettext("Notice given")),
                    ("early warnings", gettext("Early warnings: call first")),
                )
            ],
            _=gettext,
            say=translated,
            day=day,
            in_their_words=wording.in_their_words,
            number_words=number_words,
            shown_reasons=shown_reasons,
            value_words=partial(value_words, portfolio=portfolio),
            status_lines=status_lines,
            to_do=to_do,
        )
    )


@in_its_language
def to_chat(portfolio: Portfolio, accounts: Sequence[Account], *, with_texts: bool = False) -> dict[str, Any]:
    """Returns a message for Slack's incoming webhooks and compatible ones.

    Args:
        portfolio: the report of a run.
        accounts: the customers that the message names.
        with_texts: include quotes of customers; without it, the message contains no customer text.
    """
    summary = f"{_subject(portfolio, accounts)}. {head(portfolio)[0]}"
    parts = ["\n".join(_lines(account, portfolio, with_texts=with_texts)) for account in accounts[:_MOST_BLOCKS]]
    if len(accounts) > _MOST_BLOCKS:
        parts.append(gettext("and {n} more", n=number(len(accounts) - _MOST_BLOCKS)))
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
    who = _one_line(account.assessment.customer_id)
    who = f"{_one_line(account.name)} ({who})" if account.name else who
    parts = [number_words(account), value_words(account, portfolio)]
    if account.renewal:
        parts.append(gettext("renewal {day}", day=day(account.renewal)))
    lines = [f"{account.rank}. {who}: {', '.join(filter(None, parts))}"]
    for reason in shown_reasons(account):
        quote = f" {wording.in_their_words(reason.citations[0])}" if reason.citations and with_texts else ""
        lines.append(f"   {translated(reason.statement)}{quote}")
    lines += [f"   {line}" for line in (*status_lines(account), *to_do(account))]
    return lines


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """Escapes text for Slack, so that nothing becomes a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
