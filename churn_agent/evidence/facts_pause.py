"""Announced pauses: a customer who rests by agreement is not a silent one.

A pause without an end explains a silence only for a time: afterwards, the customer may well not come back.
"""

from collections.abc import Iterator
from datetime import date

from churn_agent.domain.assessment import Fact
from churn_agent.domain.days import real_day
from churn_agent.domain.snapshot import Snapshot

_UNTIL = """paused_until pause_until pause_end pause_ends pause_ends_on on_hold_until frozen_until suspended_until
resumes_on pausiert_bis pause_bis pausenende ruht_bis stillgelegt_bis""".split()
_FROM = """paused_from pause_from pause_start paused_since paused_on on_hold_from frozen_from pausiert_ab pause_ab
ruht_ab""".split()
_FLAGS = "paused is_paused on_hold pause pausiert ruhend".split()
_STATUS = (
    "status account_status subscription_status contract_status membership_status kundenstatus vertragsstatus".split()
)
_YES = frozenset("1 yes true y ja wahr x".split())
_PAUSED = frozenset("paused on_hold frozen pausiert pause ruhend ruht stillgelegt".split())


LONGEST_OPEN_DAYS = 182
"""Days for which a pause without an end explains a silence."""


def pause_of(snapshot: Snapshot) -> tuple[date | None, str] | None:
    """Returns the last day of a pause that lasts on the day of the snapshot, and the attribute that says it.

    The day is None if the pause has no end. Returns None without a pause, and for one without an end that has lasted
    longer than `LONGEST_OPEN_DAYS`.
    """
    pause = _stated(snapshot)
    if pause and pause[0] is None and _open_days(snapshot) > LONGEST_OPEN_DAYS:
        return None
    return pause


def _stated(snapshot: Snapshot) -> tuple[date | None, str] | None:
    attributes = snapshot.attributes
    start = _start(snapshot)
    if start and start > snapshot.as_of:
        return None
    for name in _UNTIL:
        until = real_day(attributes.get(name))
        if until:
            return (until, name) if until >= snapshot.as_of else None
    for name in (*_FLAGS, *_STATUS):
        word = "_".join(attributes.get(name, "").casefold().replace("-", " ").split())
        if word in (_YES if name in _FLAGS else _PAUSED):
            return None, name
    return None


def _start(snapshot: Snapshot) -> date | None:
    return next((day for name in _FROM if (day := real_day(snapshot.attributes.get(name)))), None)


def _open_days(snapshot: Snapshot) -> int:
    """Days since a pause without an end began; if no attribute says it, since the last sign of the customer."""
    acted = (snapshot.card.local(row.occurred_at).date() for row in snapshot.interactions if row.by_customer)
    used = (series.last_active for series in snapshot.measurements if series.last_active)
    start = _start(snapshot) or max((*acted, *used), default=snapshot.as_of)
    return (snapshot.as_of - start).days


def compute(snapshot: Snapshot) -> Iterator[Fact]:
    """Yields `paused`, the days that are left of the pause (0: no end), or `paused_long`, the days it has lasted."""
    stated = _stated(snapshot)
    if stated is None:
        return
    until, name = stated
    if pause_of(snapshot) is None:
        days = _open_days(snapshot)
        lasted = f"A pause without an end date (attribute {name}) has lasted {days} days"
        text = f"{lasted}, so it no longer explains the silence."
        yield Fact(name="paused_long", value=days, unit="days", text=text)
        return
    days = (until - snapshot.as_of).days if until else 0
    when = f"until {until}" if until else "without an end date"
    text = f"An agreed pause lasts {when} (attribute {name}), so silence says nothing."
    yield Fact(name="paused", value=days, unit="days", text=text)
