"""What acting is worth: a control group at the margin of capacity, and what came of both.

Those most at risk are always acted on. Around the last of them stand customers for whom it is nearly the same whether
they get a call; there chance decides, so that leaving some alone costs least.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from scipy import stats

from churn_agent.history import assignments as decided
from churn_agent.history import book
from churn_agent.history.assignments import Arm, Assignment
from churn_agent.history.runs import NEWEST
from churn_agent.measuring.comparing import DETECTED
from churn_agent.reports.portfolio.building import CAPACITY, Portfolio, build
from churn_agent.store.store import Store

_FEWEST = 5
"""Of a kind in each arm, below which nothing is said."""
SEASONS = (1, 2, 4, 8)
"""Quarters that a plan is judged for. All through one the same customers may stand at the margin."""
_POINTLESS = 0.5
"""Share of churn that acting would have to prevent to be detected, above which a control group teaches nothing."""


@dataclass(frozen=True)
class Plan:
    """Whom to act on after a run."""

    run_id: str
    assignments: Sequence[Assignment]
    expected: float
    """Mean number of those between whom chance decides."""

    calibrated: bool
    """Whether those numbers are probabilities."""

    @property
    def drawn(self) -> int:
        """Customers in each arm (in the smaller one) between whom chance decides."""
        arms = Counter(each.arm for each in self.assignments if each.drawn)
        return min(arms["act"], arms["control"])

    def detectable(self, seasons: int) -> float:
        """The smallest difference of churn rates that so many quarters find four times out of five, 0 to 1.

        There are other customers at the margin in each quarter.
        """
        return detectable(self.expected, self.drawn * seasons)

    @property
    def pointless(self) -> bool:
        """Whether acting would have to keep more than half of those who leave, for two years, to be detected."""
        return not self.drawn or self.detectable(SEASONS[-1]) > _POINTLESS * self.expected

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "assignments": self.assignments,
            "expected": self.expected,
            "calibrated": self.calibrated,
            "detectable": {n: self.detectable(n) for n in SEASONS} if self.drawn else None,
            "pointless": self.pointless,
        }


def detectable(rate: float, n: int) -> float:
    """The smallest difference of two churn rates that is found four times out of five (normal approximation).

    Args:
        rate: that both are near, 0 to 1.
        n: customers in each arm.
    """
    return math.inf if n == 0 else DETECTED * math.sqrt(2 * rate * (1 - rate) / n)


def plan(portfolio: Portfolio, *, share: float) -> Plan:
    """Divides the customers worth a call.

    From the last of those who are sure of a place on, everybody's lot says whether they have one of the places left or
    are left alone, until all places are taken.

    Args:
        share: of the capacity for whose places chance decides, 0 to 1.
    """
    worth = [each for each in portfolio.accounts if each.worth_a_call]
    ids = [each.assessment.customer_id for each in worth]
    places = min(round(share * portfolio.capacity), max(0, len(ids) - portfolio.capacity))
    sure = min(portfolio.capacity, len(ids)) - places

    def assigned(customer_id: str, arm: Arm, *, drawn: bool) -> Assignment:
        return Assignment(portfolio.run.id, customer_id, portfolio.as_of, arm, drawn)

    found = [assigned(id_, "act", drawn=False) for id_ in ids[:sure]]
    numbers: list[float] = []
    for each in worth[sure:]:
        if not places:
            break
        arm = _lot(each.assessment.customer_id, portfolio.as_of)
        found.append(assigned(each.assessment.customer_id, arm, drawn=True))
        numbers.append(each.number or 0.0)
        places -= arm == "act"
    return Plan(portfolio.run.id, found, sum(numbers) / len(numbers) if numbers else 0.0, portfolio.calibrated)


def plan_run(
    store: Store, run: str = NEWEST, *, capacity: int = CAPACITY, share: float = 0.25, dry_run: bool = False
) -> Plan:
    """Plans whom to act on after a batch, and stores that in place of an earlier plan.

    Args:
        store: of the batch.
        run: the beginning of the batch's id, or `latest`.
        capacity: customers that can be called.
        share: of the capacity for whose places chance decides, 0 to 1.
        dry_run: store nothing.

    Raises:
        InputError: there is no such batch.
    """
    planned = plan(build(store, store.run(run), capacity=capacity, cards=0), share=share)
    if not dry_run:
        decided.replace(store.history, planned.run_id, planned.assignments)
    return planned


def _lot(customer_id: str, day: date) -> Arm:
    """The same all through a quarter, so that nobody is called one week and left alone the next."""
    drawn = hashlib.sha256(f"{_season(day)}/{customer_id}".encode("utf-8", "surrogatepass")).digest()
    return "act" if drawn[0] % 2 else "control"


def _season(day: date) -> str:
    return f"{day.year}-{(day.month - 1) // 3 + 1}"


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
        """For JSON."""
        return asdict(self) | {"verdict": self.verdict}


def measured_uplift(store: Store) -> Uplift:
    """What acting did, by all plans and outcomes of a store; see `uplift`."""
    return uplift(decided.all_assignments(store.history), book.outcomes(store.history))


def uplift(assignments: Sequence[Assignment], outcomes: Mapping[tuple[str, date], bool]) -> Uplift:
    """Reads out what acting did. A customer counts once a quarter, at the first date whose outcome is known.

    Args:
        outcomes: (customer, date) -> whether they churned within the horizon after it.
    """
    known: dict[Arm, list[bool]] = {"act": [], "control": []}
    counted: set[tuple[str, str]] = set()
    for each in sorted(assignments, key=lambda each: each.as_of):
        in_season, key = (each.customer_id, _season(each.as_of)), (each.customer_id, each.as_of)
        if each.drawn and key in outcomes and in_season not in counted:
            counted.add(in_season)
            known[each.arm].append(outcomes[key])
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
