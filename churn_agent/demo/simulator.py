"""Simulates the customers of a fictional company, week by week.

Each customer has a hidden state (`state`), on which actions, messages and a weekly hazard of leaving depend. Consumers
who left before the date of assessment are not in the book; accounts (`accounts`) are, as former customers.
"""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from churn_agent.demo import accounts
from churn_agent.demo.phrases import DemoDomain, Writer, load
from churn_agent.demo.state import (
    AS_OF,
    END,
    GOOD_NEWS,
    HORIZON_DAYS,
    MOST_WEEKS,
    TROUBLES,
    WEEKS_AHEAD,
    DemoCustomer,
    Event,
    State,
    unit,
)

DOMAINS = ("software", "telecom", "ecommerce", "finance", "education")
_SEGMENTS = ("private", "family", "small business")
_OWNERS = ("Ana Silva", "Ben Okafor", "Chloe Martin")
_SHOWN = range(4, 10)
"""Allowed numbers of messages of the example customer."""
_LATELY_DAYS = 21
_YEARLY_VALUE = {"private": 300, "family": 600, "small business": 2400}


def simulate(domain_name: str, n: int, *, seed: int) -> Iterator[DemoCustomer]:
    """Yields `n` customers who have not left by `AS_OF`; the same seed gives the same book."""
    if domain_name == "software":
        yield from accounts.simulate(n, seed=seed)
        return
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


def showcase(domain_name: str, customers: Iterable[DemoCustomer]) -> str:
    """Returns the id of an example customer, whose assessment shows many parts of the tool.

    It has a few messages in English, the latest one recent, about many different troubles and some good news.

    Args:
        domain_name: one of `DOMAINS`.
        customers: the customers of the book, at least one.
    """
    if domain_name == "software":
        return accounts.example(customers)

    def worth(customer: DemoCustomer) -> tuple[bool, int, int]:
        messages = [event for event in customer.events if event.theme]
        recent = {event.theme for event in messages if (END - event.at).days < HORIZON_DAYS}
        fits = customer.language == "en" and len(messages) in _SHOWN and (END - messages[-1].at).days < _LATELY_DAYS
        good = len(recent & GOOD_NEWS)
        return fits, len(recent & TROUBLES) if good else 0, good

    return max(customers, key=worth).customer_id  # the first of equals


def _simulate_one(domain: DemoDomain, customer_id: str, rng: random.Random) -> DemoCustomer | None:
    writer = Writer(domain, rng)
    customer = DemoCustomer(
        customer_id,
        writer.language,
        {"segment": rng.choice(_SEGMENTS), "region": rng.choice(["north", "south", "east", "west"])},
    )
    state = State.draw(rng)
    weeks = rng.randrange(8, MOST_WEEKS)
    price_rise = rng.randrange(MOST_WEEKS)
    for week in range(weeks, -WEEKS_AHEAD, -1):
        state.drift(rng)
        if week == price_rise:
            state.pressure = unit(state.pressure + 0.3)
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
    domain: DemoDomain, writer: Writer, state: State, rng: random.Random, monday: date, week: int
) -> Iterator[Event]:
    def moment() -> datetime:
        day = monday + timedelta(days=rng.randrange(7))
        return datetime(day.year, day.month, day.day, rng.randrange(7, 22), rng.randrange(60), tzinfo=UTC)

    activity = domain.activity
    if rng.random() < 0.8 * state.need**1.5:
        amount = round(activity.amount * rng.lognormvariate(0, 0.4), 2) if activity.amount else None
        text = writer.fill(rng.choice(activity.texts), amount=amount, day=monday)
        yield Event(min(moment(), END), activity.channel, text, amount=amount)
    charge = domain.charge
    if charge and week % charge.every_weeks == 0:
        amount = round(charge.amount * (1 + state.pressure / 4), 2)
        yield Event(min(moment(), END), charge.channel, writer.fill(charge.text, amount=amount), amount=amount)
    for theme in state.themes(rng):
        at = min(moment(), END)
        channel = rng.choice(
            ["chat", "email", "call", "social"] if theme in ("angry", "praise") else ["chat", "email", "call"]
        )
        yield Event(at, channel, writer.message(theme), "inbound", "customer", theme=theme)
