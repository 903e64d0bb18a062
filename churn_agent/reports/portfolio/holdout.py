"""The effect of acting: a control group at the margin of capacity, and the outcomes of both groups.

The customers most at risk are always acted on. At the margin of capacity, a call makes the least difference. There,
chance decides, so that the control group costs least.
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
from churn_agent.reports.portfolio.accounts import Portfolio
from churn_agent.reports.portfolio.building import CAPACITY, build
from churn_agent.store.store import Store

_FEWEST = 5
"""Fewest customers in each arm for a verdict."""
SEASONS = (1, 2, 4, 8)
"""Numbers of quarters that a plan is evaluated for. Within a quarter, the customers at the margin may not change."""
_POINTLESS = 0.5
"""A control group is pointless if only preventing more than this share of churn would be detected."""


@dataclass(frozen=True)
class Plan:
    """The customers to act on after a run, and the control group."""

    run_id: str
    assignments: Sequence[Assignment]
    expected: float
    """Mean number of the customers drawn at random."""
    calibrated: bool
    """Whether the numbers are probabilities."""

    @property
    def drawn(self) -> int:
        """Number of customers drawn at random into the smaller arm."""
        arms = Counter(assignment.arm for assignment in self.assignments if assignment.drawn)
        return min(arms["act"], arms["control"])

    def detectable(self, seasons: int) -> float:
        """Returns the smallest difference of churn rates, 0 to 1, that so many quarters detect four times out of five.

        Each quarter has other customers at the margin.
        """
        return detectable(self.expected, self.drawn * seasons)

    @property
    def pointless(self) -> bool:
        """Whether two years of calls would have to keep more than half of the leaving customers to be detected."""
        return not self.drawn or self.detectable(SEASONS[-1]) > _POINTLESS * self.expected

    def as_dict(self) -> dict[str, Any]:
        """Returns the plan for JSON."""
        return {
            "assignments": self.assignments,
            "expected": self.expected,
            "calibrated": self.calibrated,
            "detectable": {n: self.detectable(n) for n in SEASONS} if self.drawn else None,
            "pointless": self.pointless,
        }


def detectable(rate: float, n: int) -> float:
    """Returns the smallest difference of two churn rates detected four times out of five (normal approximation).

    Args:
        rate: churn rate near both, 0 to 1.
        n: number of customers in each arm.
    """
    return math.inf if n == 0 else DETECTED * math.sqrt(2 * rate * (1 - rate) / n)


def plan(portfolio: Portfolio, *, share: float) -> Plan:
    """Assigns the customers worth a call to the two arms.

    Customers at the top are sure of a call. After them, each customer's lot decides between a call and the control
    group, until the capacity is used up. Customers who have given notice are not part of the experiment.

    Args:
        portfolio: the report of a run, with its capacity.
        share: share of the capacity that is assigned by chance, 0 to 1.
    """
    worth = [account for account in portfolio.accounts if account.listed == "early warnings"]
    ids = [account.assessment.customer_id for account in worth]
    places = min(round(share * portfolio.capacity), max(0, len(ids) - portfolio.capacity))
    sure = min(portfolio.capacity, len(ids)) - places

    def assigned(customer_id: str, arm: Arm, *, drawn: bool) -> Assignment:
        return Assignment(portfolio.run.id, customer_id, portfolio.as_of, arm, drawn)

    assignments = [assigned(id_, "act", drawn=False) for id_ in ids[:sure]]
    numbers: list[float] = []
    for account in worth[sure:]:
        if not places:
            break
        arm = _lot(account.assessment.customer_id, portfolio.as_of)
        assignments.append(assigned(account.assessment.customer_id, arm, drawn=True))
        numbers.append(account.number or 0.0)
        places -= arm == "act"
    return Plan(portfolio.run.id, assignments, sum(numbers) / len(numbers) if numbers else 0.0, portfolio.calibrated)


def plan_run(
    store: Store, run: str = NEWEST, *, capacity: int = CAPACITY, share: float = 0.25, dry_run: bool = False
) -> Plan:
    """Plans the calls after a batch and stores the plan in place of an earlier one.

    Args:
        store: the store of the batch.
        run: start of the batch's id, or `latest`.
        capacity: number of customers that can be called.
        share: share of the capacity that is assigned by chance, 0 to 1.
        dry_run: store nothing.

    Raises:
        InputError: there is no such batch.
    """
    planned = plan(build(store, store.run(run), capacity=capacity, cards=0), share=share)
    if not dry_run:
        decided.replace(store.history, planned.run_id, planned.assignments)
    return planned


def _lot(customer_id: str, day: date) -> Arm:
    """Draws an arm that stays the same for a quarter, so that a customer does not change arms from week to week."""
    digest = hashlib.sha256(f"{_season(day)}/{customer_id}".encode("utf-8", "surrogatepass")).digest()
    return "act" if digest[0] % 2 else "control"


def _season(day: date) -> str:
    return f"{day.year}-{(day.month - 1) // 3 + 1}"


@dataclass(frozen=True)
class Uplift:
    """The effect of acting on the customers drawn at random, each counted in the arm they were drawn into."""

    acted: int
    acted_churned: int
    control: int
    control_churned: int
    difference: float
    """Churn rate of the control group minus that of the customers acted on; above 0, acting kept customers."""
    low: float
    high: float
    """Upper bound of the 95 % interval, like `low` (Newcombe 1998, hybrid score interval from Wilson's)."""

    @property
    def verdict(self) -> str:
        """The result in words."""
        if min(self.acted, self.control) < _FEWEST:
            return "cannot tell: too few outcomes are known"
        if self.low > 0:
            return "acting keeps customers"
        if self.high < 0:
            return "acting loses customers"
        rate = (self.acted_churned + self.control_churned) / (self.acted + self.control)
        return (
            "cannot tell: with this many customers, only a difference of "
            f"{detectable(rate, min(self.acted, self.control)):.0%} or more would show"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"verdict": self.verdict}


def measured_uplift(store: Store) -> Uplift:
    """Measures the effect of acting from all plans and outcomes of a store; see `uplift`."""
    return uplift(decided.all_assignments(store.history), book.outcomes(store.history))


def uplift(assignments: Sequence[Assignment], outcomes: Mapping[tuple[str, date], bool]) -> Uplift:
    """Measures the effect of acting. A customer counts once a quarter, at the first date with a known outcome.

    Args:
        assignments: the arms of all plans.
        outcomes: (customer, date) -> whether they churned within the horizon after it.
    """
    known: dict[Arm, list[bool]] = {"act": [], "control": []}
    counted: set[tuple[str, str]] = set()
    for assignment in sorted(assignments, key=lambda assignment: assignment.as_of):
        customer_id, day = assignment.customer_id, assignment.as_of
        in_season, key = (customer_id, _season(day)), (customer_id, day)
        if assignment.drawn and key in outcomes and in_season not in counted:
            counted.add(in_season)
            known[assignment.arm].append(outcomes[key])
    acted, control = known["act"], known["control"]
    if not acted or not control:
        return Uplift(len(acted), sum(acted), len(control), sum(control), math.nan, math.nan, math.nan)
    (p, p_low, p_high), (q, q_low, q_high) = (_rate(outcomes_of_arm) for outcomes_of_arm in (control, acted))
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
    interval = stats.binomtest(sum(outcomes), len(outcomes)).proportion_ci(method="wilson")
    return sum(outcomes) / len(outcomes), float(interval.low), float(interval.high)
