"""Renewals by month, with the risk of the customers whose contracts end or renew in it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from churn_agent.domain.assessment import Band
from churn_agent.reports.portfolio.accounts import BANDS, Account

MONTHS = 12
"""Number of months with their own row, starting with the month of the report."""


@dataclass(frozen=True)
class Month:
    """The renewals of a month."""

    first: date | None
    """First day of the month; None for all later renewals together."""
    accounts: Sequence[Account]
    """In the order of the report."""

    @property
    def bands(self) -> Mapping[Band | None, int]:
        """Band -> customers; None for those without a band."""
        counts = Counter(account.assessment.band for account in self.accounts)
        return {band: counts[band] for band in (*BANDS, None)}

    @property
    def yearly_value(self) -> float | None:
        """Sum of the known yearly values; None if none is known."""
        return _sum(account.yearly_value for account in self.accounts)

    @property
    def at_risk(self) -> float | None:
        """Sum of the yearly values at risk; None if none is known."""
        return _sum(account.at_risk for account in self.accounts)

    @property
    def risky(self) -> Sequence[Account]:
        """The customers at medium or high risk."""
        return [account for account in self.accounts if account.risky]


def by_month(accounts: Sequence[Account], as_of: date) -> list[Month]:
    """Returns the months with renewals to come, in their order, without former customers."""
    of_month: dict[date, list[Account]] = {}
    later: list[Account] = []
    last = _index(as_of) + MONTHS
    for account in accounts:
        if account.renewal is None or account.renewal < as_of or account.assessment.former:
            continue
        if _index(account.renewal) < last:
            of_month.setdefault(account.renewal.replace(day=1), []).append(account)
        else:
            later.append(account)
    months = [Month(first, of_month[first]) for first in sorted(of_month)]
    return [*months, *([Month(None, later)] if later else [])]


def _index(day: date) -> int:
    return 12 * day.year + day.month


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
