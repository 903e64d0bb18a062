"""Simulates the customers of a fictional company, week by week.

Each customer has a hidden state (satisfaction, need, price pressure). Service incidents lower satisfaction, good
answers raise it, need drifts, prices rise once. Actions, messages and a weekly hazard of leaving depend on the state;
messages never depend on leaving itself. Customers who left before the date of assessment are not in the book.
"""

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from churn_agent.demo.phrases import DemoDomain, Language, Writer, load
from churn_agent.domain.interactions import Direction, Label

AS_OF = date(2026, 3, 1)
HORIZON_DAYS = 90
_WEEKS_AHEAD = round(HORIZON_DAYS / 7)
_MOST_WEEKS = 70
_SEGMENTS = ("private", "family", "small business")
_OWNERS = ("Ana Silva", "Ben Okafor", "Chloe Martin")
_TROUBLES = frozenset({"angry", "fading", "price", "rival", "unresolved"})
_GOOD_NEWS = frozenset({"growth", "praise", "solved"})
_SHOWN = range(4, 10)
"""Allowed numbers of messages of the example customer."""
_LATELY_DAYS = 21
_YEARLY_VALUE = {"private": 300, "family": 600, "small business": 2400}


@dataclass(frozen=True)
class Event:
    """An interaction."""

    at: datetime
    channel: str
    text: str
    direction: Direction | None = None
    author: str | None = None
    amount: float | None = None
    theme: str | None = None
    """Theme of a message."""


@dataclass
class DemoCustomer:
    """A customer of the book, with the outcome after `AS_OF`."""

    customer_id: str
    language: Language
    attributes: dict[str, str]
    events: list[Event] = field(default_factory=list[Event])
    churned: bool = False

    @property
    def label(self) -> Label:
        """Outcome of the customer."""
        return Label(self.customer_id, AS_OF.isoformat(), self.churned, HORIZON_DAYS)


@dataclass
class _State:
    satisfaction: float
    need: float
    pressure: float
    patience: float
    trend: float
    """Change of need per week: some customers outgrow the product, others need it more."""
    open_problem: int = 0
    """Weeks since a problem was opened; 0 for none."""

    def drift(self, rng: random.Random) -> None:
        self.satisfaction = _unit(self.satisfaction + rng.gauss(0.003, 0.02))
        self.need = _unit(self.need + rng.gauss(self.trend, 0.03))
        self.pressure = _unit(self.pressure + rng.gauss(0, 0.02))

    @property
    def hazard(self) -> float:
        """Probability of leaving this week."""
        push = 6.5 * (1 - self.satisfaction) + 5.5 * (1 - self.need) + 3.0 * self.pressure
        return 1 / (1 + math.exp(10.0 - push))


def simulate(domain_name: str, n: int, *, seed: int) -> Iterator[DemoCustomer]:
    """Yields `n` customers who have not left by `AS_OF`; the same seed gives the same book."""
    domain = load().domains[domain_name]
    number = 0
    for attempt in range(n * 20):
        rng = random.Random(f"{seed}/{domain_name}/{attempt}")  # noqa: S311 - a simulation, not a secret
        customer = _simulate_one(domain, f"c-{number + 101}", rng)
        if customer is not None:
            number += 1
            customer.attributes |= _account(customer, random.Random(f"{seed}/{number}"))  # noqa: S311
            yield customer
        if number == n:
            return


def showcase(customers: Iterable[DemoCustomer]) -> str:
    """Returns the id of an example customer, whose assessment shows many parts of the tool.

    It has a few messages in English, the latest one recent, about many different troubles and some good news.

    Args:
        customers: the customers of the book, at least one.
    """

    def worth(customer: DemoCustomer) -> tuple[bool, int, int]:
        messages = [event for event in customer.events if event.theme]
        recent = {event.theme for event in messages if (_END - event.at).days < HORIZON_DAYS}
        fits = customer.language == "en" and len(messages) in _SHOWN and (_END - messages[-1].at).days < _LATELY_DAYS
        good = len(recent & _GOOD_NEWS)
        return fits, len(recent & _TROUBLES) if good else 0, good

    return max(customers, key=worth).customer_id  # the first of equals


def _simulate_one(domain: DemoDomain, customer_id: str, rng: random.Random) -> DemoCustomer | None:
    writer = Writer(domain, rng)
    customer = DemoCustomer(
        customer_id,
        writer.language,
        {"segment": rng.choice(_SEGMENTS), "region": rng.choice(["north", "south", "east", "west"])},
    )
    state = _State(
        satisfaction=_unit(rng.gauss(0.65, 0.2)),
        need=_unit(rng.gauss(0.7, 0.2)),
        pressure=_unit(rng.gauss(0.25, 0.2)),
        patience=rng.uniform(0.1, 0.6),
        trend=rng.gauss(-0.008, 0.012),
    )
    weeks = rng.randrange(8, _MOST_WEEKS)
    price_rise = rng.randrange(_MOST_WEEKS)
    for week in range(weeks, -_WEEKS_AHEAD, -1):
        state.drift(rng)
        if week == price_rise:
            state.pressure = _unit(state.pressure + 0.3)
        if rng.random() < state.hazard:
            if week > 0:
                return None
            customer.churned = True
            break
        if week > 0:
            customer.events += _week(domain, writer, state, rng, AS_OF - timedelta(days=7 * week - 1), week)
    customer.events.sort(key=lambda event: event.at)
    return customer if customer.events else None


def _account(customer: DemoCustomer, rng: random.Random) -> dict[str, str]:
    """Returns the account manager, yearly value and end of contract, which nothing else depends on."""
    value = _YEARLY_VALUE[customer.attributes["segment"]] * rng.lognormvariate(0, 0.4)
    renewal = AS_OF + timedelta(days=rng.randrange(7, 365))
    return {"owner": rng.choice(_OWNERS), "yearly_value": f"{value:.0f}", "renewal_date": renewal.isoformat()}


def _week(
    domain: DemoDomain, writer: Writer, state: _State, rng: random.Random, monday: date, week: int
) -> Iterator[Event]:
    def moment() -> datetime:
        day = monday + timedelta(days=rng.randrange(7))
        return datetime(day.year, day.month, day.day, rng.randrange(7, 22), rng.randrange(60), tzinfo=UTC)

    activity = domain.activity
    if rng.random() < 0.8 * state.need**1.5:
        amount = round(activity.amount * rng.lognormvariate(0, 0.4), 2) if activity.amount else None
        text = writer.fill(rng.choice(activity.texts), amount=amount, day=monday)
        yield Event(min(moment(), _END), activity.channel, text, amount=amount)
    charge = domain.charge
    if charge and week % charge.every_weeks == 0:
        amount = round(charge.amount * (1 + state.pressure / 4), 2)
        yield Event(min(moment(), _END), charge.channel, writer.fill(charge.text, amount=amount), amount=amount)
    for theme in _themes(state, rng):
        at = min(moment(), _END)
        channel = rng.choice(
            ["chat", "email", "call", "social"] if theme in ("angry", "praise") else ["chat", "email", "call"]
        )
        yield Event(at, channel, writer.message(theme), "inbound", "customer", theme=theme)


def _themes(state: _State, rng: random.Random) -> Iterator[str]:
    """Yields the themes of this week's messages; incidents and answers change the state."""
    if rng.random() < 0.05:
        yield "question"
    if state.open_problem:
        state.open_problem += 1
        if rng.random() < 0.45:
            state.open_problem = 0
            state.satisfaction = _unit(state.satisfaction + 0.1)
            if rng.random() < 0.5:
                yield "solved"
        else:
            state.satisfaction = _unit(state.satisfaction - 0.07)
            if rng.random() > state.patience:
                yield rng.choice(["unresolved", "unresolved", "angry"])
    elif rng.random() < 0.04:
        state.open_problem = 1
        state.satisfaction = _unit(state.satisfaction - 0.1)
        if rng.random() < 0.75:
            yield "incident"
    chances = {
        "price": 0.08 * state.pressure,
        "rival": 0.2 * max(0.0, state.pressure + 0.4 - state.satisfaction),
        "angry": 0.25 * max(0.0, 0.55 - state.satisfaction),
        "fading": 0.2 * max(0.0, 0.5 - state.need),
        "praise": 0.2 * max(0.0, state.satisfaction - 0.5),
        "growth": 0.16 * max(0.0, state.need - 0.4) * state.satisfaction,
    }
    for theme, chance in chances.items():
        if rng.random() < chance:
            yield theme


_END = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 21, 0, tzinfo=UTC)


def _unit(x: float) -> float:
    return min(1.0, max(0.0, x))
