"""Facts from measurements: each metric compared with the customer's own usual level, as of a day."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from statistics import mean

from churn_agent.domain.assessment import Fact
from churn_agent.domain.measurements import SAME_WEEKS_LAST_YEAR, WINDOW_DAYS, Series, Window
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence import facts_pause

LEVELS = frozenset(
    """nps csat ces score rating health satisfaction licences licenses licence license seats users members mrr arr
    balance plan_price price utilisation utilization rate share percent percentage index""".split()
)
"""Words in names of metrics whose values are levels, which are averaged; values of others are summed."""
_MONEY_AND_TROUBLE = frozenset(
    """mrr arr revenue balance amount price spend cost failed failures errors outages complaints tickets incidents
    overdue returns umsatz saldo betrag fehler beschwerden störungen""".split()
)
"""Words in names of metrics that do not count use."""
_SCORES = frozenset("nps csat ces score rating satisfaction health".split())
_BASELINE = (1, 2, 3)
"""Windows of the usual level."""
_FEWEST_BASELINE = 2
_MOST_METRICS = 5
_LESS = 0.8
"""A drop is a size below this share of the usual."""
_FEWEST_ACTIVE_DAYS = 6
"""Fewest active days before a stop from which it can be told."""
_LONGEST_LOOK = 13
"""Windows before a stop in which active days are looked for, if the last three have too few: a year."""
_SHORTEST_STOP_DAYS = 14
_USUAL_GAPS = 4
"""A stop is a silence of so many usual gaps."""


def compute(snapshot: Snapshot) -> Iterator[Fact]:
    """Yields the facts of the metrics, the most unusual metric first; no stops during an announced pause."""
    pauses = facts_pause.pause_of(snapshot) is not None
    series = sorted(snapshot.measurements, key=lambda one: (_ratio(one) is None, _ratio(one) or 0.0, one.metric))
    for one in series[:_MOST_METRICS]:
        yield from _trend(one)
        yield from _per_seat(one)
        yield from () if pauses else _stop(one)
        yield from _score(one)


@dataclass(frozen=True)
class Use:
    """A metric of use, compared with the customer's own usual level."""

    metric: str
    ratio: float
    """Size of the latest window, in ratio to the usual size."""
    explained: bool
    """Whether it is low by season, as in the same weeks of last year, or by chance: for part of an active day."""
    stopped_days: int
    """Days since it stopped suddenly; 0 if it has not."""
    last_active: date | None
    """The last day with a value other than 0."""

    @property
    def stopped_long_ago(self) -> bool:
        """Whether it stopped before the windows of the usual level."""
        return self.stopped_days > (1 + len(_BASELINE)) * WINDOW_DAYS


def usage(snapshot: Snapshot) -> Iterator[Use]:
    """Yields the metrics that count use: no levels, no money and no troubles."""
    for one in snapshot.measurements:
        ratio = _ratio(one)
        if is_level(one.metric) or not _MONEY_AND_TROUBLE.isdisjoint(_words(one.metric)) or ratio is None:
            continue
        last_year = _ratio(one, SAME_WEEKS_LAST_YEAR)
        seasonal = last_year is not None and max(ratio, last_year) < _LESS and ratio > _LESS * last_year
        explained = seasonal or (ratio < _LESS and _lacks_part_of_a_day(one))
        stop = next(_stop(one), None)
        yield Use(one.metric, ratio, explained, int(stop.value) if stop else 0, one.last_active)


def is_level(metric: str) -> bool:
    """Whether the values of a metric are levels (scores, licences), not amounts of something in a time."""
    return not LEVELS.isdisjoint(_words(metric))


def _words(metric: str) -> list[str]:
    return re.split(r"[-_ ]", metric.casefold())


def _size(series: Series, window: Window | None) -> float | None:
    if is_level(series.metric):
        return window.mean if window else None
    return window.total if window else 0.0


def _usual(series: Series, first: int = 0) -> float | None:
    """The mean size of the three windows before window `first`; None if fewer than two of them have data.

    If the customer has had nothing for so long that hardly one of them has, the usual level is that before the silence.
    """
    if first == 0 and not is_level(series.metric) and _silent_windows(series) >= len(_BASELINE):
        first = _silent_windows(series)
    numbers = [first + n for n in _BASELINE]
    if sum(n in series.windows for n in numbers) < _FEWEST_BASELINE:
        return None
    known = [n for n in numbers if n <= max(series.windows)]
    sizes = [size for n in known if (size := _size(series, series.windows.get(n))) is not None]
    return mean(sizes) if sizes and mean(sizes) > 0 else None


def _silent_windows(series: Series) -> int:
    """Number of whole windows since the last active day."""
    return (series.end - series.last_active).days // WINDOW_DAYS if series.last_active else 0


def _ratio(series: Series, first: int = 0) -> float | None:
    usual = _usual(series, first)
    size = _size(series, series.windows.get(first))
    return None if usual is None or size is None else size / usual


def _lacks_part_of_a_day(series: Series) -> bool:
    """Whether the latest window has less than one active day fewer than usual, and those it has are of usual size.

    Who orders every four weeks has now one order in a window, now two.
    """
    now = series.windows.get(0)
    before = [series.windows[n] for n in _BASELINE if n in series.windows]
    days = sum(window.active_days for window in before)
    if now is None or not now.active_days or not days:
        return False
    usual_size = sum(window.total for window in before) / days
    fewer = days / len(before) - now.active_days
    return 0 < fewer < 1 and now.total / now.active_days >= _LESS * usual_size


def _trend(series: Series) -> Iterator[Fact]:
    ratio, usual = _ratio(series), _usual(series)
    if ratio is None or usual is None:
        return
    what = "average" if is_level(series.metric) else "total"
    size = _size(series, series.windows.get(0)) or 0.0
    text = (
        f"Measured {series.metric}: the {what} of the last {WINDOW_DAYS} days is {size:,.4g}, {ratio:.0%} of their "
        f"usual {usual:,.4g}."
    )
    yield Fact(name="measured_trend", value=round(ratio, 2), unit="ratio", text=text)
    last_year = _ratio(series, SAME_WEEKS_LAST_YEAR)
    if last_year is not None and max(ratio, last_year) < _LESS:
        text = (
            f"A year ago, {series.metric} of the same weeks was {last_year:.0%} of the usual too, so this looks "
            "seasonal."
        )
        yield Fact(name="measured_season", value=round(ratio / max(last_year, 0.01), 2), unit="ratio", text=text)


def _per_seat(series: Series) -> Iterator[Fact]:
    now = series.windows.get(0)
    before = [series.windows[n] for n in _BASELINE if n in series.windows and series.windows[n].seats]
    if is_level(series.metric) or now is None or not now.seats or len(before) < _FEWEST_BASELINE:
        return
    usual = mean(window.total / window.seats for window in before if window.seats)
    if usual > 0:
        rate = now.total / now.seats
        text = f"Measured {series.metric} per seat is {rate:,.3g}, {rate / usual:.0%} of their usual {usual:,.3g}."
        yield Fact(name="measured_per_seat", value=round(rate / usual, 2), unit="ratio", text=text)


def _stop(series: Series) -> Iterator[Fact]:
    if is_level(series.metric) or series.last_active is None:
        return
    gap = _usual_gap(series)
    silence = (series.end - series.last_active).days
    if gap is not None and silence > max(_SHORTEST_STOP_DAYS, _USUAL_GAPS * gap):
        text = (
            f"Measured {series.metric} stopped on {series.last_active}, {silence} days before the end of the data; "
            f"until then it came every {gap:.1f} days."
        )
        yield Fact(name="measured_stop", value=silence, unit="days", text=text)


def _usual_gap(series: Series) -> float | None:
    """The mean number of days between active days before the silence; None if there are too few.

    Three windows show it, or as many as are needed, up to a year: what comes once a month stops, too.
    """
    behind, active_days = _silent_windows(series), 0
    for n in range(1, 1 + _LONGEST_LOOK):
        window = series.windows.get(behind + n)
        active_days += window.active_days if window else 0
        if n >= len(_BASELINE) and active_days >= _FEWEST_ACTIVE_DAYS:
            return n * WINDOW_DAYS / active_days
    return None


def _score(series: Series) -> Iterator[Fact]:
    if not _SCORES.isdisjoint(_words(series.metric)):
        text = f"Their last {series.metric} is {series.latest:g}, on {series.latest_on}."
        yield Fact(name="measured_score", value=series.latest, unit="points", text=text)
