"""What a way to flag customers was worth: lift, lead time, coverage and false alarms over the replayed month ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from more_itertools import map_reduce

from churn_agent.lookback.estimates import (
    Estimate,
    Lead,
    Share,
    clustered_share,
    exact_share,
    lead,
    lift,
)
from churn_agent.lookback.flags import Flagged, alarms, lead_days, only_confirmed
from churn_agent.lookback.observing import Course

Name = TypeVar("Name", bound=str)
SHOWN_FROM = 5
"""Groups with fewer customers are not named."""


@dataclass(frozen=True)
class Frame:
    """What all measures of a look-back share."""

    horizon_days: int
    last_day: date
    """Last day up to which notices are known."""

    def is_ripe(self, day: date) -> bool:
        """Whether the horizon after a day has passed."""
        return day + timedelta(days=self.horizon_days) <= self.last_day


@dataclass(frozen=True)
class Measures:
    """The worth of a way to flag customers. A customer-month is a customer at a month end before notice."""

    customers: int
    months: int
    """Customer-months."""
    not_ripe: int
    """Customer-months whose horizon has not passed: in no rate."""
    flags: Share
    """Flagged customer-months, of all."""
    base_rate: Share
    """Ripe customer-months after which notice came within the horizon."""
    rate: Share
    """The same among the flagged ones."""
    lift: Estimate | None
    """`rate` divided by `base_rate`."""
    left: int
    """Customers who left after at least one replayed month end."""
    coverage: Share
    """Those of them whom a flag warned of."""
    lead: Lead | None
    confirmed: int
    """Those who were flagged only from the notice on."""
    false_alarms: Share
    """Alarms that did not come true, of those whose horizon has passed."""
    open_alarms: int
    """Alarms whose horizon has not passed."""


def measure(courses: Sequence[Course], flagged: Flagged, frame: Frame) -> Measures:
    """Measures a way to flag customers.

    Args:
        courses: what was seen of the customers.
        flagged: whether a customer is flagged at a month end.
        frame: horizon and last day.
    """
    seen = [course for course in courses if course.before]
    horizon = frame.horizon_days
    counts = [counts_of(course, flagged, frame) for course in seen]
    of_alarms = [alarms(course, flagged, horizon) for course in seen]
    over = [[alarm for alarm in of if alarm.is_over(horizon, frame.last_day)] for of in of_alarms]
    left = [course for course in seen if course.event]
    leads = [days for course in left if (days := lead_days(course, flagged, horizon)) is not None]
    months = [len(course.before) for course in seen]
    return Measures(
        customers=len(seen),
        months=sum(months),
        not_ripe=sum(months) - int(sum(all_ for _, _, all_, _ in counts)),
        flags=clustered_share([sum(map(flagged, course.before)) for course in seen], months),
        base_rate=clustered_share([left_ for *_, left_ in counts], [all_ for _, _, all_, _ in counts]),
        rate=clustered_share([right for _, right, _, _ in counts], [flags for flags, *_ in counts]),
        lift=lift(counts),
        left=len(left),
        coverage=exact_share(len(leads), len(left)),
        lead=lead(leads),
        confirmed=sum(only_confirmed(course, flagged, horizon) for course in left),
        false_alarms=clustered_share(
            [sum(not alarm.came_true for alarm in of) for of in over], [len(of) for of in over]
        ),
        open_alarms=sum(map(len, of_alarms)) - sum(map(len, over)),
    )


def counts_of(course: Course, flagged: Flagged, frame: Frame) -> tuple[float, float, float, float]:
    """Ripe customer-months: flagged, flagged and right, all, all after which notice came."""
    ripe = [
        (flagged(seen), course.left_within(seen.as_of, frame.horizon_days))
        for seen in course.before
        if frame.is_ripe(seen.as_of)
    ]
    return (
        sum(flag for flag, _ in ripe),
        sum(flag and left for flag, left in ripe),
        len(ripe),
        sum(left for _, left in ripe),
    )


@dataclass(frozen=True)
class Group:
    """The measures of a group of customers, or of a way to flag them."""

    name: str
    measures: Measures


@dataclass(frozen=True)
class Groups:
    """The groups of one kind, largest first."""

    kind: str
    groups: Sequence[Group]
    not_named: int = 0
    """Groups with fewer than five customers."""
    in_not_named: int = 0
    """Customers in those."""
    without: int = 0
    """Customers of whom the group is not known."""


def by_group(kind: str, courses: Sequence[Course], flagged: Flagged, frame: Frame) -> Groups:
    """Measures each group of customers by itself, with its own base rate."""
    known = [course for course in courses if course.before and course.groups.get(kind)]
    members = map_reduce(known, lambda course: course.groups[kind])
    ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    small = [of_group for _, of_group in ordered if len(of_group) < SHOWN_FROM]
    return Groups(
        kind,
        [Group(name, measure(of_group, flagged, frame)) for name, of_group in ordered if len(of_group) >= SHOWN_FROM],
        not_named=len(small),
        in_not_named=sum(map(len, small)),
        without=sum(1 for course in courses if course.before) - len(known),
    )


def by_flag(
    kind: str, names: Sequence[Name], courses: Sequence[Course], flag_of: Callable[[Name], Flagged], frame: Frame
) -> Groups:
    """Measures several ways to flag the same customers, such as one for each signal."""
    return Groups(kind, [Group(name, measure(courses, flag_of(name), frame)) for name in names])


def coverage_by_month(courses: Sequence[Course], flagged: Flagged, frame: Frame) -> list[tuple[date, int, int]]:
    """Returns (first day of the month of the notice, customers warned of, customers who left), by month."""
    left = [course for course in courses if course.before and course.event]
    months = map_reduce(left, lambda course: course.event.replace(day=1) if course.event else date.min)
    return [
        (month, sum(lead_days(course, flagged, frame.horizon_days) is not None for course in of_month), len(of_month))
        for month, of_month in sorted(months.items())
    ]
