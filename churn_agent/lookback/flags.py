"""Flags, alarms and lead time.

* A customer is *flagged* at a month end if the score said so on that day: by default, the highest band.
* An *alarm* is an unbroken run of flags of a customer before notice. A month end without a number neither continues nor
  breaks it.
* A flag *comes true* if notice comes within the horizon after it, and an alarm if one of its flags does.
* The *first flag that led to notice* is the first flag of the earliest alarm that came true. The lead time is the
  number of days from that flag to notice. A flag that had gone out more than a horizon before notice led to nothing.
* Flags from the day of the notice on confirm it. They are neither warnings nor false alarms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from churn_agent.domain.assessment import Band
from churn_agent.lookback.observing import Course, Observation

Flagged = Callable[[Observation], bool]
"""Whether a customer is flagged at a month end."""
_ORDER: tuple[Band, ...] = ("low", "medium", "high")


def at_least(band: Band) -> Flagged:
    """Flags the customers in this band or a higher one."""
    return lambda seen: seen.band is not None and _ORDER.index(seen.band) >= _ORDER.index(band)


def in_band(band: Band) -> Flagged:
    """Flags the customers in this band."""
    return lambda seen: seen.band == band


def with_signal(signal: str) -> Flagged:
    """Flags the customers in whose words a signal of risk was read."""
    return lambda seen: signal in seen.signals


def listed(places: frozenset[tuple[str, date]]) -> Flagged:
    """Flags the customers on a list of (customer, month end)."""
    return lambda seen: (seen.customer_id, seen.as_of) in places


@dataclass(frozen=True)
class Alarm:
    """An unbroken run of flags before notice."""

    first: date
    last: date
    came_true: bool

    def is_over(self, horizon_days: int, last_day: date) -> bool:
        """Whether the horizon after its last flag has passed, so that it can be called false."""
        return self.last + timedelta(days=horizon_days) <= last_day


def alarms(course: Course, flagged: Flagged, horizon_days: int) -> list[Alarm]:
    """Returns the alarms of a customer, oldest first."""
    runs: list[list[date]] = []
    running = False
    for seen in course.before:
        if flagged(seen):
            if not running:
                runs.append([])
            runs[-1].append(seen.as_of)
            running = True
        elif seen.number is not None:
            running = False
    return [Alarm(run[0], run[-1], any(course.left_within(day, horizon_days) for day in run)) for run in runs]


def lead_days(course: Course, flagged: Flagged, horizon_days: int) -> int | None:
    """Returns the days from the first flag that led to notice to the notice; None if no flag led to it."""
    led = [alarm for alarm in alarms(course, flagged, horizon_days) if alarm.came_true]
    return (course.event - led[0].first).days if led and course.event else None


def only_confirmed(course: Course, flagged: Flagged, horizon_days: int) -> bool:
    """Whether a customer who left was flagged only from the notice on."""
    return lead_days(course, flagged, horizon_days) is None and any(map(flagged, course.after))


def seen_between(course: Course, least: int, most: int) -> Sequence[Observation]:
    """Returns the month ends that many days before notice."""
    if course.event is None:
        return ()
    return [seen for seen in course.before if least <= (course.event - seen.as_of).days <= most]
