"""Renewals and their risk as a calendar (iCalendar, RFC 5545)."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from churn_agent import extras
from churn_agent.reports.language import gettext, in_its_language
from churn_agent.reports.portfolio.accounts import Account, Portfolio
from churn_agent.reports.portfolio.phrases import number_words, to_do
from churn_agent.reports.sentences import translated
from churn_agent.reports.wording import RISK_WORDS

if TYPE_CHECKING:
    from icalendar import Component, Event


@in_its_language
def to_ics(portfolio: Portfolio) -> bytes | None:
    """Returns an all-day entry for each upcoming renewal of a customer at medium or high risk.

    Former customers and those who need a person's attention have none.

    Returns:
        None if there is no such renewal: programs refuse a calendar without entries.
    """
    with extras.importing("reports"):
        import icalendar

    calendar = icalendar.Calendar()
    name = gettext("Renewals at risk, {company}", company=portfolio.card.company)
    _fill(calendar, {"prodid": "-//churn-agent//renewals//EN", "version": "2.0", "x-wr-calname": name})
    for account in portfolio.accounts:
        stays = not (account.assessment.former or account.assessment.care)
        if stays and account.renewal and (account.days_to_renewal or 0) >= 0 and account.risky:
            calendar.add_component(_entry(account, portfolio))
    return calendar.to_ical() if calendar.subcomponents else None


def _entry(account: Account, portfolio: Portfolio) -> "Event":
    with extras.importing("reports"):
        import icalendar

    assessment = account.assessment
    assert account.renewal
    assert assessment.band
    entry = icalendar.Event()
    # Stable from week to week, so that a calendar that imports the file again keeps one entry per renewal.
    key = f"{portfolio.card.company}/{assessment.customer_id}/{account.renewal}"
    lines = [number_words(account)]
    lines += [translated(reason.statement) for reason in account.risks[:3]]
    lines += to_do(account)
    properties = {
        "uid": f"{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}@churn-agent",
        "dtstamp": portfolio.run.updated_at or datetime.now(UTC),
        "dtstart": account.renewal,
        "summary": gettext(
            "Renewal of {customer}: {risk}", customer=_who(account), risk=gettext(RISK_WORDS[assessment.band])
        ),
        "description": "\n".join(lines),
    }
    _fill(entry, properties | ({"contact": account.owner} if account.owner else {}))
    return entry


def _who(account: Account) -> str:
    id_ = account.assessment.customer_id
    return f"{account.name} ({id_})" if account.name else id_


def _fill(component: "Component", properties: Mapping[str, object]) -> None:
    for name, value in properties.items():
        component.add(name, value)  # pyright: ignore[reportUnknownMemberType] - it takes values of any type
