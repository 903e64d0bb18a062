"""The contents of a report: customers with what is known of them, and the whole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from churn_agent.domain.assessment import Assessment, Band, Reason
from churn_agent.domain.interactions import Direction
from churn_agent.domain.snapshot import Card
from churn_agent.history.feedback import Feedback
from churn_agent.history.runs import Run
from churn_agent.history.tasks import Task
from churn_agent.learning.stored import MethodInfo
from churn_agent.outcomes.auditing import Audit
from churn_agent.reports import wording
from churn_agent.reports.portfolio import acting, listing
from churn_agent.reports.portfolio.listing import ListName

BANDS: Sequence[Band] = ("high", "medium", "low")


class LastContact(NamedTuple):
    """The company's last message to a customer, or call."""

    on: date
    """Day in the book's time zone."""
    author: str | None


class Amount(NamedTuple):
    """An amount of money."""

    value: float
    currency: str


@dataclass(frozen=True)
class Event:
    """An interaction on a card: its text in pieces, with the cited ones marked."""

    day: date
    channel: str
    direction: Direction | None
    pieces: Sequence[tuple[str, bool]]
    """Pairs of text and whether it is cited."""

    @property
    def cited(self) -> bool:
        """Whether a reason cites it."""
        return any(marked for _, marked in self.pieces)


@dataclass(frozen=True)
class Account:
    """A customer in a report."""

    rank: int
    assessment: Assessment
    owner: str | None
    yearly_value: float | None
    """None if it is unknown or negative."""
    renewal: date | None
    """None if it is unknown, or a date that programs write for "none"; see `days.real_day`."""
    call: bool
    """Whether to call the customer before the next report."""
    control: bool = False
    """Whether the customer is in the control group: not called, to measure the effect of calls."""
    left_out: Sequence[Amount | str] = ()
    """Amounts that are not in the yearly value, because they are in other currencies, or texts because they are not one
    number."""
    judged: Feedback | None = None
    """The latest feedback of an account manager on this assessment."""
    not_listed: str | None = None
    """Why the customer is on no list although the number might put them on one; None if nothing speaks against it."""
    last_contact: LastContact | None = None
    """The company's last message or call."""
    name: str | None = None
    """Name for readers; None if the data has none."""
    no_action: str | None = None
    """Why no action is suggested to a customer to call."""
    earlier: Sequence[tuple[date, float]] = ()
    """Dates and numbers of earlier assessments of the same kind, oldest first."""
    task: Task | None = None
    """The open risk item, as it is today."""
    timeline: Sequence[Event] | None = None
    """None without a card."""

    @property
    def label(self) -> str:
        """The name, or the id without one."""
        return self.name or self.assessment.customer_id

    @property
    def number(self) -> float | None:
        """The calibrated probability, or the score."""
        probability = self.assessment.churn_probability
        return None if probability is None else probability.shown

    @property
    def risky(self) -> bool:
        """Whether the customer is at medium or high risk."""
        return self.assessment.band in ("high", "medium")

    @property
    def worth_a_call(self) -> bool:
        """Whether the customer is risky or has an uncalibrated score, which ranks customers and rules none out."""
        probability = self.assessment.churn_probability
        return probability is not None and (self.risky or not probability.calibrated)

    @property
    def listed(self) -> ListName | None:
        """The list that the customer belongs to, whether or not the capacity suffices for a call."""
        return listing.list_of(self.assessment, self.not_listed, worth_a_call=self.worth_a_call, bound=self.bound)

    @property
    def bound(self) -> bool:
        """Whether the customer has a contract."""
        return self.renewal is not None or any(fact.name == "monthly_contract" for fact in self.assessment.facts)

    @property
    def ends_on(self) -> date | None:
        """The end of the contract of a customer who has given notice, where it is known."""
        announced = self.assessment.announced
        return announced.ends_on if announced and announced.stands else None

    @property
    def due(self) -> date | None:
        """The day by which the first action is due; None without an action."""
        ends = (self.ends_on, acting.last_day_for_notice(self.assessment), self.renewal)
        return acting.due(self.assessment, ends=ends)

    @property
    def unanswered(self) -> int:
        """Number of the customer's last messages without an answer: an open case."""
        return int(next((fact.value for fact in self.assessment.facts if fact.name == "unanswered"), 0))

    @property
    def risks(self) -> Sequence[Reason]:
        """The reasons for churn, strongest first; under a contract without those that justify no call."""
        risks = wording.cases(self.assessment)[0]
        return [reason for reason in risks if not (self.bound and reason.concept in listing.NO_REASON_UNDER_CONTRACT)]

    @property
    def at_risk(self) -> float | None:
        """Yearly value times `number`."""
        return None if self.number is None or self.yearly_value is None else self.number * self.yearly_value

    @property
    def days_to_renewal(self) -> int | None:
        """Days from the assessment to the renewal; None where that is not known."""
        return (self.renewal - self.assessment.as_of).days if self.renewal else None


@dataclass(frozen=True)
class Driver:
    """A signal or fact, counted over all customers for whom it is a reason for churn."""

    concept: str
    statement: str
    customers: int
    yearly_value: float


@dataclass(frozen=True)
class Portfolio:
    """The contents of a report."""

    run: Run
    card: Card
    as_of: date
    accounts: Sequence[Account]
    """Most at risk first."""
    drivers: Sequence[Driver]
    capacity: int
    planned: bool
    """Whether `actions plan` chose the customers to call; otherwise the capacity alone does."""
    method: MethodInfo | None
    """The trained method that made the numbers, if any."""
    audit: Audit | None = None
    """The newest audit that people have marked cards of."""
    owner: str | None = None
    """The report covers only this account manager's customers; None for all."""

    @property
    def calibrated(self) -> bool:
        """Whether any number is a calibrated probability."""
        return any(a.assessment.churn_probability and a.assessment.churn_probability.calibrated for a in self.accounts)

    @property
    def bands(self) -> Mapping[Band, int]:
        """Number of customers in each band, without former ones."""
        counts = Counter(account.assessment.band for account in self.accounts if not account.assessment.former)
        return {band: counts[band] for band in BANDS}

    @property
    def to_call(self) -> Sequence[Account]:
        """The customers to call before the next report."""
        return [account for account in self.accounts if account.call]

    @property
    def notice_given(self) -> Sequence[Account]:
        """The customers whose announcement to leave stands, the nearest end first; unknown ends come last."""
        given = [account for account in self.accounts if account.listed == "notice given"]
        return sorted(given, key=lambda account: (account.ends_on is None, account.ends_on or self.as_of, account.rank))

    @property
    def early_warnings(self) -> Sequence[Account]:
        """The customers to call who have not given notice, most at risk first."""
        return [account for account in self.to_call if account.listed == "early warnings"]

    @property
    def former(self) -> Sequence[Account]:
        """Those who are no customers any more; they are on no list."""
        return [account for account in self.accounts if account.assessment.former]

    @property
    def value_at_risk(self) -> tuple[float, float | None, float | None] | None:
        """Expected yearly value lost and its bounds; None without known values or calibrated probabilities."""
        valued = [
            (account.assessment.churn_probability, account.yearly_value)
            for account in self.accounts
            if account.assessment.churn_probability
            and account.yearly_value is not None
            and not account.assessment.former
        ]
        if not valued or not self.calibrated:
            return None
        low = sum((p.shown if p.low is None else p.low) * value for p, value in valued)
        high = sum((p.shown if p.high is None else p.high) * value for p, value in valued)
        return sum(p.shown * value for p, value in valued), low, high

    def counted(self, depth: str) -> int:
        """Returns how many customers were `assessed`, `screened`, `abstained` or `failed`."""
        return sum(depth_of(account.assessment) == depth for account in self.accounts)


def depth_of(assessment: Assessment) -> str:
    """Returns `assessed`, `screened`, `abstained` or `failed`."""
    return "screened" if assessment.screening is not None else assessment.status
