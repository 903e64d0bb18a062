"""The hidden state of a fictional customer, and what follows from it.

Service incidents lower satisfaction, good answers raise it, need drifts, prices rise once. Messages and a weekly hazard
of leaving depend on the state; messages never depend on leaving itself.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from churn_agent.domain.interactions import Direction, Label, Speaker

AS_OF = date(2026, 3, 1)
END = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 21, 0, tzinfo=UTC)
"""Nothing in a book is later."""
HORIZON_DAYS = 90
WEEKS_AHEAD = round(HORIZON_DAYS / 7)
MOST_WEEKS = 70
TROUBLES = frozenset({"angry", "fading", "price", "rival", "unresolved"})
GOOD_NEWS = frozenset({"growth", "praise", "solved"})


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
    """Theme of a message by the customer."""
    speaker: Speaker | None = None
    due: date | None = None
    paid: date | None = None
    """Days by which a bill is due and on which it was paid."""


@dataclass(frozen=True)
class Measured:
    """The measurements of a week, which starts on a Monday."""

    week: date
    values: dict[str, int]


@dataclass
class DemoCustomer:
    """A customer of the book, with the outcome after `AS_OF`."""

    customer_id: str
    language: str
    attributes: dict[str, str]
    events: list[Event] = field(default_factory=list[Event])
    measurements: list[Measured] = field(default_factory=list[Measured])
    churned: bool = False
    notice_on: date | None = None
    left_on: date | None = None

    @property
    def label(self) -> Label:
        """Outcome of the customer after `AS_OF`; of those who left earlier, after a day before they gave notice."""
        day = AS_OF
        if self.notice_on and self.left_on and self.left_on <= AS_OF:
            day = date.fromordinal(self.notice_on.toordinal() - HORIZON_DAYS)
        return Label(
            self.customer_id,
            day.isoformat(),
            self.churned,
            HORIZON_DAYS,
            left_on=self.left_on.isoformat() if self.left_on else None,
            notice_on=self.notice_on.isoformat() if self.notice_on else None,
        )


@dataclass
class State:
    """Three quantities from 0 to 1 that nobody sees, and an open problem."""

    satisfaction: float
    need: float
    pressure: float
    """Pressure of prices."""
    patience: float
    trend: float
    """Change of need per week: some customers outgrow the product, others need it more."""
    open_problem: int = 0
    """Weeks since a problem was opened; 0 for none."""

    @classmethod
    def draw(cls, rng: random.Random) -> "State":
        """Draws the state of a new customer."""
        return cls(
            satisfaction=unit(rng.gauss(0.65, 0.2)),
            need=unit(rng.gauss(0.7, 0.2)),
            pressure=unit(rng.gauss(0.25, 0.2)),
            patience=rng.uniform(0.1, 0.6),
            trend=rng.gauss(-0.008, 0.012),
        )

    def drift(self, rng: random.Random) -> None:
        """Moves the state by a week."""
        self.satisfaction = unit(self.satisfaction + rng.gauss(0.003, 0.02))
        self.need = unit(self.need + rng.gauss(self.trend, 0.03))
        self.pressure = unit(self.pressure + rng.gauss(0, 0.02))

    @property
    def hazard(self) -> float:
        """Probability of leaving this week."""
        push = 6.5 * (1 - self.satisfaction) + 5.5 * (1 - self.need) + 3.0 * self.pressure
        return 1 / (1 + math.exp(10.0 - push))

    def themes(self, rng: random.Random) -> Iterator[str]:
        """Yields the themes of this week's messages; incidents and answers change the state."""
        if rng.random() < 0.05:
            yield "question"
        if self.open_problem:
            self.open_problem += 1
            if rng.random() < 0.45:
                self.open_problem = 0
                self.satisfaction = unit(self.satisfaction + 0.1)
                if rng.random() < 0.5:
                    yield "solved"
            else:
                self.satisfaction = unit(self.satisfaction - 0.07)
                if rng.random() > self.patience:
                    yield rng.choice(["unresolved", "unresolved", "angry"])
        elif rng.random() < 0.04:
            self.open_problem = 1
            self.satisfaction = unit(self.satisfaction - 0.1)
            if rng.random() < 0.75:
                yield "incident"
        chances = {
            "price": 0.08 * self.pressure,
            "rival": 0.2 * max(0.0, self.pressure + 0.4 - self.satisfaction),
            "angry": 0.25 * max(0.0, 0.55 - self.satisfaction),
            "fading": 0.2 * max(0.0, 0.5 - self.need),
            "praise": 0.2 * max(0.0, self.satisfaction - 0.5),
            "growth": 0.16 * max(0.0, self.need - 0.4) * self.satisfaction,
        }
        for theme, chance in chances.items():
            if rng.random() < chance:
                yield theme


def unit(x: float) -> float:
    """Returns a number moved into 0 to 1."""
    return min(1.0, max(0.0, x))
