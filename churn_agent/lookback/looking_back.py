"""The look-back over a book: replay, measures, the tests that people quote, another score, and money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.assessment import Band
from churn_agent.history import book
from churn_agent.history.languages import main_languages
from churn_agent.lookback import rivals
from churn_agent.lookback.flags import Flagged, at_least, in_band, listed, with_signal
from churn_agent.lookback.measures import Frame, Groups, Measures, by_flag, by_group, coverage_by_month, measure
from churn_agent.lookback.money import Money, money
from churn_agent.lookback.observing import Course, courses
from churn_agent.lookback.quoted import Quoted, quoted_tests
from churn_agent.lookback.replaying import Progress, Replay, ReplaySpec, replay
from churn_agent.lookback.rivals import Compared, Rival

By = Literal["signal", "band", "segment", "region", "language"]
BYS: tuple[By, ...] = ("signal", "band", "segment", "region", "language")
TREATED: tuple[By, ...] = ("language", "region", "segment")
"""Kinds of groups by which it is shown whom the score treats worse."""
FlagName = Literal["high", "medium", "top"]
_BANDS: tuple[Band, ...] = ("high", "medium", "low")
CAPACITY = 20
"""Usual number of customers that can be called after a month end."""


@dataclass(frozen=True)
class LookBackSpec:
    """The options of a look-back."""

    replay: ReplaySpec = field(default_factory=ReplaySpec)
    flag: FlagName | None = None
    """`high`: the highest band; `medium`: the two highest; `top`: the highest numbers of each month end, as many as
    `capacity`. Default: `high`, or `top` if no number has a band."""
    by: By | None = None
    rival: Rival | None = None
    capacity: int = CAPACITY
    call_cost: float | None = None


@dataclass(frozen=True)
class LookBack:
    """The result of a look-back."""

    days: Sequence[date]
    """The replayed month ends."""
    last_day: date
    horizon_days: int
    flag: FlagName
    capacity: int
    overall: Measures
    tests: Sequence[Quoted]
    by: Groups | None
    treated: Sequence[Groups]
    """The same measures by language, region and segment, where more than one group is known."""
    coverage: Sequence[tuple[date, int, int]]
    """Month of notice, customers warned of, customers who left."""
    money: Money
    against: Compared | None
    attributes_left_out: Sequence[str]
    not_described: int
    undated: int
    """Customers who left on an unknown day."""
    without_month_end: int
    """Customers who left within the period before their first month end."""
    learned: str | None
    plain_days: Sequence[date]
    failed: int
    left: int
    """Customer-months that the budget did not cover."""


def look_back(
    agent: ChurnAgent,
    spec: LookBackSpec,
    *,
    values: Mapping[str, float] | None = None,
    progress: Progress = lambda done, total: None,
) -> LookBack:
    """Replays month ends of the past and measures what the score would have been worth.

    Args:
        agent: whose store, model, prompt and method are used.
        spec: the options.
        values: customer -> yearly value; it weighs customers and has no part in any score.
        progress: see `replay`.

    Raises:
        EmptyStore: there is no history.
        InputError: see `replay`.
        Unavailable: the model or the store cannot be used.
    """
    replayed = replay(agent, spec.replay, progress=progress)
    of_customers = courses(replayed.observations, replayed.departures, groups=groups_of(agent), values=values)
    return measured(replayed, of_customers, spec)


def measured(replayed: Replay, of_customers: Sequence[Course], spec: LookBackSpec) -> LookBack:
    """Measures a replay.

    Args:
        replayed: the replay.
        of_customers: its observations, by customer.
        spec: the options.
    """
    frame = Frame(replayed.horizon_days, replayed.last_day)
    banded = any(seen.band for course in of_customers for seen in course.before)
    flag: FlagName = spec.flag or ("high" if banded else "top")
    flagged = flagged_by(flag, of_customers, spec.capacity)
    seen = {course.customer_id for course in of_customers if course.before}
    within = [
        departure for departure in replayed.departures.values() if replayed.days[0] < departure.day <= replayed.last_day
    ]
    return LookBack(
        days=replayed.days,
        last_day=replayed.last_day,
        horizon_days=replayed.horizon_days,
        flag=flag,
        capacity=spec.capacity,
        overall=measure(of_customers, flagged, frame),
        tests=quoted_tests(of_customers, frame),
        by=_grouped(spec.by, of_customers, flagged, frame) if spec.by else None,
        treated=[
            groups for kind in TREATED if len((groups := by_group(kind, of_customers, flagged, frame)).groups) > 1
        ],
        coverage=coverage_by_month(of_customers, flagged, frame),
        money=money(of_customers, capacity=spec.capacity, horizon_days=replayed.horizon_days, call_cost=spec.call_cost),
        against=rivals.compare_with(
            of_customers, spec.rival, capacity=spec.capacity, horizon_days=replayed.horizon_days
        )
        if spec.rival
        else None,
        attributes_left_out=replayed.attributes_left_out,
        not_described=replayed.not_described,
        undated=replayed.undated,
        without_month_end=sum(departure.customer_id not in seen for departure in within)
        if not spec.replay.limit
        else 0,
        learned=replayed.learned,
        plain_days=replayed.plain_days,
        failed=replayed.failed,
        left=replayed.left,
    )


def flagged_by(flag: FlagName, of_customers: Sequence[Course], capacity: int) -> Flagged:
    """Returns the way to flag customers that an option names."""
    return listed(rivals.top_places(of_customers, capacity)) if flag == "top" else at_least(flag)


def _grouped(by: By, of_customers: Sequence[Course], flagged: Flagged, frame: Frame) -> Groups:
    if by == "band":
        return by_flag("band", _BANDS, of_customers, in_band, frame)
    if by == "signal":
        names = sorted({name for course in of_customers for seen in course.before for name in seen.signals})
        return by_flag("signal", names, of_customers, with_signal, frame)
    return by_group(by, of_customers, flagged, frame)


def groups_of(agent: ChurnAgent) -> dict[str, dict[str, str]]:
    """Returns customer -> language, region and segment as they are known today. Groups have no part in any score."""
    store = agent.store
    groups: dict[str, dict[str, str]] = {
        id_: {"language": name}
        for id_, name in main_languages(store.history, holds_words=store.card.holds_words).items()
    }
    for id_, attributes in book.all_attributes(store.history).items():
        for kind in ("region", "segment"):
            value = attributes.get(kind, "").strip()
            if value:
                groups.setdefault(id_, {})[kind] = value
    return groups
