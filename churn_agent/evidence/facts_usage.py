"""Facts of usage: compared with the customer's own usual level, with seasons, chance and announced pauses taken out.

Where there are measurements, they count; otherwise the records that show use, such as logins and visits. Under a
contract these are what silent customers can be told by (Ascarza & Hardie 2013, "A joint model of usage and churn in
contractual settings").
"""

from collections.abc import Iterator
from datetime import date, timedelta
from statistics import mean

from churn_agent.domain.assessment import Fact
from churn_agent.domain.measurements import WINDOW_DAYS
from churn_agent.domain.snapshot import Snapshot
from churn_agent.domain.wording import counted
from churn_agent.evidence import facts_measurements, facts_pause

USE_CHANNELS = frozenset(
    """login session usage platform_usage visit checkin check_in attendance class assessment transaction transactions
    event""".split()
)
"""Channels of records that show that a customer uses what they pay for."""
_SEASONAL = 0.8
"""A low level is seasonal if the same weeks of last year were as low, in ratio to their usual."""
_WINDOWS = 3
_FEWEST_DAYS = 6
_YEAR_DAYS = 364


def compute(snapshot: Snapshot) -> Iterator[Fact]:
    """Yields `usage_trend` and `usage_stop`; nothing during an announced pause."""
    if facts_pause.pause_of(snapshot) is not None:
        return
    measured = list(facts_measurements.usage(snapshot))
    if measured:
        # A product dropped long ago says nothing beside one in use.
        lately = [use for use in measured if not use.stopped_long_ago]
        lowest = min((use for use in lately or measured if not use.explained), key=lambda use: use.ratio, default=None)
        if lowest:
            size = f"{lowest.ratio:.0%} of their own usual level"
            text = f"Usage ({lowest.metric}) in the last {WINDOW_DAYS} days is {size}."
            yield Fact(name="usage_trend", value=round(lowest.ratio, 2), unit="ratio", text=text)
        stopped = [use for use in measured if use.stopped_days]
        if stopped and not stopped[0].explained and all(use.stopped_days or use.ratio < _SEASONAL for use in measured):
            use = max(stopped, key=lambda use: use.stopped_days)
            before = f"{counted(use.stopped_days, 'day')} before the end of the data"
            text = f"Usage ({use.metric}) stopped on {use.last_active}, {before}."
            yield Fact(name="usage_stop", value=use.stopped_days, unit="days", text=text)
        return
    yield from _from_records(snapshot)


def _from_records(snapshot: Snapshot) -> Iterator[Fact]:
    """Active days of use in the last four weeks, compared with the mean of the twelve weeks before them, or a stop."""
    days = {
        snapshot.card.local(row.occurred_at).date()
        for row in snapshot.interactions
        if row.channel.casefold() in USE_CHANNELS and row.by_customer
    }
    if not days or (snapshot.as_of - min(days)).days < (1 + _WINDOWS) * WINDOW_DAYS:
        return
    ratio = _ratio(days, min(snapshot.as_of, max(days) + timedelta(days=WINDOW_DAYS)))
    if ratio is None:
        return
    last_year = _ratio(days, snapshot.as_of - timedelta(days=_YEAR_DAYS))
    if (
        ratio < _SEASONAL
        and last_year is not None
        and last_year < _SEASONAL
        and ratio / max(last_year, 0.01) > _SEASONAL
    ):
        return
    text = f"In the last {WINDOW_DAYS} days they used it on {ratio:.0%} of their own usual number of days."
    yield Fact(name="usage_trend", value=round(ratio, 2), unit="ratio", text=text)
    if ratio == 0:
        silence = (snapshot.as_of - max(days)).days
        text = f"They stopped using it on {max(days)}, {counted(silence, 'day')} before."
        yield Fact(name="usage_stop", value=silence, unit="days", text=text)


def _ratio(days: set[date], end: date) -> float | None:
    sizes = [
        sum(n * WINDOW_DAYS <= (end - day).days < (n + 1) * WINDOW_DAYS for day in days) for n in range(1 + _WINDOWS)
    ]
    usual = mean(sizes[1:])
    return sizes[0] / usual if sum(sizes[1:]) >= _FEWEST_DAYS else None
