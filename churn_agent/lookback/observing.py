"""Customers at month ends, and the departures that they are compared with. Plain data, without store or model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from more_itertools import map_reduce

from churn_agent.domain.assessment import Band
from churn_agent.domain.days import real_day
from churn_agent.domain.interactions import Label


@dataclass(frozen=True)
class Observation:
    """A customer at the end of a month, as the score saw them on that day."""

    customer_id: str
    as_of: date
    number: float | None
    """Calibrated probability or score, 0 to 1; None if there is none."""
    band: Band | None = None
    signals: frozenset[str] = frozenset()
    """Signals of risk with a verified quote."""
    announced_on: date | None = None
    """Day on which the customer said that they leave, while that stands; only from their own words."""


@dataclass(frozen=True)
class Departure:
    """A customer who left."""

    customer_id: str
    notice_on: date | None
    left_on: date | None
    amount: float | None = None
    """Yearly value lost, if the outcome has it."""

    @property
    def day(self) -> date:
        """Day of the notice, or of leaving if no notice is known or it came later."""
        return min(day for day in (self.notice_on, self.left_on) if day)


@dataclass(frozen=True)
class Course:
    """What was seen of a customer, before and after they gave notice."""

    customer_id: str
    before: tuple[Observation, ...]
    """Month ends before the notice, oldest first: all of them for customers who stayed."""
    after: tuple[Observation, ...] = ()
    """Month ends from the day of the notice on: they confirm, they do not warn."""
    event: date | None = None
    """Day of the notice; see `courses`."""
    departure: Departure | None = None
    groups: Mapping[str, str] = field(default_factory=dict[str, str])
    """Kind of group (`language`, `segment`, `region`) -> the customer's."""
    value: float | None = None
    """Yearly value, in the book's currency; None if it is unknown."""

    def left_within(self, day: date, horizon_days: int) -> bool:
        """Whether notice came within the horizon after a day."""
        return self.event is not None and day < self.event <= day + timedelta(days=horizon_days)


def month_ends(last_day: date, months: int) -> list[date]:
    """Returns the last days of that many months, oldest first, all before `last_day`."""
    ends: list[date] = []
    day = last_day.replace(day=1) - timedelta(days=1)
    for _ in range(months):
        ends.append(day)
        day = day.replace(day=1) - timedelta(days=1)
    return sorted(ends)


def departures(labels: Iterable[Label]) -> tuple[dict[str, Departure], int]:
    """Returns the first departure of each customer with a date, and the number of customers who left without one.

    Args:
        labels: all outcomes of the book.
    """
    dated: dict[str, Departure] = {}
    undated: set[str] = set()
    for customer_id, of_customer in map_reduce(labels, lambda label: label.customer_id).items():
        lost = [label for label in of_customer if label.churned]
        candidates = [
            Departure(customer_id, notice, left, label.amount)
            for label in lost
            for notice, left in [(real_day(label.notice_on), real_day(label.left_on))]
            if notice or left
        ]
        if candidates:
            first = min(candidates, key=lambda departure: departure.day)
            same = [departure for departure in candidates if departure.day == first.day]
            dated[customer_id] = next((departure for departure in same if departure.amount is not None), first)
        elif lost:
            undated.add(customer_id)
    return dated, len(undated)


def courses(
    observations: Iterable[Observation],
    left: Mapping[str, Departure],
    *,
    groups: Mapping[str, Mapping[str, str]] | None = None,
    values: Mapping[str, float] | None = None,
) -> list[Course]:
    """Divides what was seen of each customer at their notice. Month ends after they had left are dropped.

    Notice is `notice_on` of the outcome. If only `left_on` is known, it is the day on which the customer announced it
    in their own words, if the score read that before they left; else `left_on`.

    Args:
        observations: customers at month ends.
        left: customer -> departure.
        groups: customer -> kind of group -> the customer's.
        values: customer -> yearly value.
    """
    seen = map_reduce(observations, lambda observation: observation.customer_id)
    return [
        _course(
            id_,
            sorted(of_customer, key=lambda observation: observation.as_of),
            left.get(id_),
            groups or {},
            values or {},
        )
        for id_, of_customer in sorted(seen.items())
    ]


def _course(
    customer_id: str,
    seen: Sequence[Observation],
    departure: Departure | None,
    groups: Mapping[str, Mapping[str, str]],
    values: Mapping[str, float],
) -> Course:
    value, of_groups = values.get(customer_id), groups.get(customer_id, {})
    if departure is None:
        return Course(customer_id, tuple(seen), groups=of_groups, value=value)
    event = departure.day
    gone = departure.left_on or date.max
    if departure.notice_on is None:
        announced = [
            observation.announced_on for observation in seen if observation.announced_on and observation.as_of < gone
        ]
        event = min([event, *announced])
    return Course(
        customer_id,
        tuple(observation for observation in seen if observation.as_of < event),
        tuple(observation for observation in seen if event <= observation.as_of < gone),
        event,
        departure,
        of_groups,
        value if departure.amount is None else departure.amount,
    )
