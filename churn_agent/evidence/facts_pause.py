"""Announced pauses: a customer who rests by agreement is not a silent one."""

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


def pause_of(snapshot: Snapshot) -> tuple[date | None, str] | None:
    """Returns the last day of a pause that lasts on the day of the snapshot, and the attribute that says it.

    The day is None if the pause has no end. Returns None without a pause.
    """
    attributes = snapshot.attributes
    from_day = next((day for name in _FROM if (day := real_day(attributes.get(name)))), None)
    if from_day and from_day > snapshot.as_of:
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


def compute(snapshot: Snapshot) -> Iterator[Fact]:
    """Yields `paused`: the days that are left of the pause, 0 if it has no end."""
    pause = pause_of(snapshot)
    if pause is None:
        return
    until, name = pause
    days = (until - snapshot.as_of).days if until else 0
    when = f"until {until}" if until else "without an end date"
    text = f"An agreed pause lasts {when} (attribute {name}), so silence says nothing."
    yield Fact(name="paused", value=days, unit="days", text=text)
