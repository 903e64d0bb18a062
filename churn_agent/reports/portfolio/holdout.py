"""What acting is worth: a control group at the margin of capacity, and what came of both.

Those most at risk are always acted on. Around the last of them stand customers for whom it is nearly the same whether
they get a call; there chance decides, so that leaving some alone costs least.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from scipy import stats

from churn_agent.history.assignments import Arm, Assignment
from churn_agent.measuring.comparing import DETECTED
from churn_agent.reports.portfolio.building import Portfolio

_FEWEST = 5
"""Of a kind in each arm, below which nothing is said."""


@dataclass(frozen=True)
class Plan:
    """Whom to act on after a run."""

    assignments: Sequence[Assignment]
    expected: float
    """Mean number of those between whom chance decides."""

    @property
    def drawn(self) -> int:
        """Customers in each arm between whom chance decides."""
        return sum(each.drawn and each.arm == "control" for each in self.assignments)

    def detectable(self, reports: int) -> float:
        """The smallest difference of churn rates that so many reports find four times out of five, 0 to 1."""
        return detectable(self.expected, self.drawn * reports)


def detectable(rate: float, n: int) -> float:
    """The smallest difference of two churn rates, near `rate`, that `n` customers in each arm find four times out of
    five (normal approximation)."""
    return math.inf if n == 0 else DETECTED * math.sqrt(2 * rate * (1 - rate) / n)


def plan(portfolio: Portfolio, *, share: float) -> Plan:
    """Divides the customers worth a call.

    Args:
        share: of the capacity for whose places chance decides between twice as many, 0 to 1.
    """
    worth = [each for each in portfolio.accounts if each.worth_a_call]
    ids = [each.assessment.customer_id for each in worth]
    places = min(round(share * portfolio.capacity), max(0, len(ids) - portfolio.capacity))
    sure = min(portfolio.capacity, len(ids)) - places
    margin = worth[sure : sure + 2 * places]
    season = f"{portfolio.as_of.year}-{(portfolio.as_of.month - 1) // 3 + 1}"
    lots = sorted(margin, key=lambda each: _lot(each.assessment.customer_id, season))
    chosen = {each.assessment.customer_id for each in lots[:places]}

    def assigned(customer_id: str, arm: Arm, *, drawn: bool) -> Assignment:
        return Assignment(portfolio.run.id, customer_id, portfolio.as_of, arm, drawn)

    found = [assigned(id_, "act", drawn=False) for id_ in ids[:sure]]
    for each in margin:
        id_ = each.assessment.customer_id
        found.append(assigned(id_, "act" if id_ in chosen else "control", drawn=True))
    numbers = [each.number or 0.0 for each in margin]
    return Plan(found, sum(numbers) / len(numbers) if numbers else 0.0)


def _lot(customer_id: str, season: str) -> str:
    """The same all through a quarter, so that nobody is called one week and left alone the next."""
    return hashlib.sha256(f"{season}/{customer_id}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Uplift:
    """What acting did, among those between whom chance decided; everybody counts in the arm they were drawn into."""

    acted: int
    acted_churned: int
    control: int
    control_churned: int
    difference: float
    """Churn rate of the control group less that of those acted on: above 0, acting kept customers."""
    low: float
    high: float
    """95 % interval (Newcombe 1998, hybrid of Wilson's)."""

    @property
    def verdict(self) -> str:
        """In words."""
        if min(self.acted, self.control) < _FEWEST:
            return "cannot tell: too few outcomes are known"
        if self.low > 0:
            return "acting keeps customers"
        if self.high < 0:
            return "acting loses customers"
        rate = (self.acted_churned + self.control_churned) / (self.acted + self.control)
        return (
            "cannot tell: as many customers would find a difference of "
            f"{detectable(rate, min(self.acted, self.control)):.0%} or more"
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict}


def uplift(assignments: Sequence[Assignment], outcomes: Mapping[tuple[str, date], bool]) -> Uplift:
    """Reads out what acting did.

    Args:
        outcomes: (customer, date) -> whether they churned within the horizon after it.
    """
    drawn: dict[tuple[str, date], Arm] = {(e.customer_id, e.as_of): e.arm for e in assignments if e.drawn}
    known: dict[Arm, list[bool]] = {"act": [], "control": []}
    for key, arm in drawn.items():
        if key in outcomes:
            known[arm].append(outcomes[key])
    acted, control = known["act"], known["control"]
    if not acted or not control:
        return Uplift(len(acted), sum(acted), len(control), sum(control), math.nan, math.nan, math.nan)
    (p, p_low, p_high), (q, q_low, q_high) = (_rate(each) for each in (control, acted))
    difference = p - q
    return Uplift(
        len(acted),
        sum(acted),
        len(control),
        sum(control),
        difference,
        difference - math.hypot(p - p_low, q_high - q),
        difference + math.hypot(p_high - p, q - q_low),
    )


def _rate(outcomes: Sequence[bool]) -> tuple[float, float, float]:
    found = stats.binomtest(sum(outcomes), len(outcomes)).proportion_ci(method="wilson")
    return sum(outcomes) / len(outcomes), float(found.low), float(found.high)
