"""Renewals and their risk as a calendar (iCalendar, RFC 5545)."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from churn_agent import extras
from churn_agent.reports.portfolio.building import Account, Portfolio
from churn_agent.reports.portfolio.phrases import number_words, to_do

if TYPE_CHECKING:
    from icalendar import Component, Event


def to_ics(portfolio: Portfolio) -> bytes | None:
    """Returns an all-day entry for each upcoming renewal of a customer at medium or high risk.

    Former customers and those who need a person's attention have none.

    Returns:
        None if there is no such renewal: programs refuse a calendar without entries.
    """
    with extras.importing("reports"):
        import icalendar

    calendar = icalendar.Calendar()
    name = f"Renewals at risk, {portfolio.card.company}"
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
    entry = icalendar.Event()
    # Stable from week to week, so that a calendar that imports the file again keeps one entry per renewal.
    key = f"{portfolio.card.company}/{assessment.customer_id}/{account.renewal}"
    lines = [number_words(account)]
    lines += [reason.statement for reason in account.risks[:3]]
    lines += to_do(account)
    properties = {
        "uid": f"{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}@churn-agent",
        "dtstamp": portfolio.run.updated_at or datetime.now(UTC),
        "dtstart": account.renewal,
        "summary": f"Renewal of {assessment.customer_id}: {assessment.band} risk",
        "description": "\n".join(lines),
    }
    _fill(entry, properties | ({"contact": account.owner} if account.owner else {}))
    return entry


def _fill(component: "Component", properties: Mapping[str, object]) -> None:
    for name, value in properties.items():
        component.add(name, value)  # pyright: ignore[reportUnknownMemberType] - it takes values of any type
