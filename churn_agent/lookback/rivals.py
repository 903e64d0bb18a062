"""A score, band or list from elsewhere on the same accounts and dates, with the same capacity."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn_agent.domain.days import real_day
from churn_agent.domain.headers import header_name
from churn_agent.errors import FileFormatError
from churn_agent.lookback.estimates import Share, bootstrapped, exact_share
from churn_agent.lookback.flags import lead_days, listed
from churn_agent.lookback.observing import Course, Observation
from churn_agent.measuring import comparing
from churn_agent.measuring.comparing import Conclusion
from churn_agent.measuring.metrics import Interval

_CUSTOMER = ("customer_id", "customer", "account", "account_id", "company_id", "id")
_DATE = ("date", "as_of", "day", "scored_on", "month", "timestamp")
_SCORE = ("score", "risk", "risk_score", "churn_risk", "probability", "churn_probability")
_HEALTH = ("health", "health_score")
"""Columns in which a low number means risk."""
_BAND = ("band", "risk_band", "colour", "color", "status", "health_band")
_BANDS: Mapping[str, float] = {
    **dict.fromkeys(("high", "red", "at risk", "at_risk", "poor", "rot", "hoch"), 2.0),
    **dict.fromkeys(("medium", "yellow", "amber", "orange", "gelb", "mittel"), 1.0),
    **dict.fromkeys(("low", "green", "healthy", "good", "gruen", "grün", "niedrig"), 0.0),
}
_LISTED = 2.0
OLDEST_DAYS = 31
"""A score counts at a month end if it is at most so old, and never if it is later."""


@dataclass(frozen=True)
class Rival:
    """Scores from elsewhere; the higher, the more at risk."""

    name: str
    kind: str
    """`score`, `band` or `list`."""
    rows: Mapping[str, Sequence[tuple[date, float]]]
    """Customer -> (day, score), oldest first."""
    inverted: bool = False
    """Whether low numbers meant risk in the file."""

    def at(self, customer_id: str, day: date) -> float | None:
        """The score at a month end: the latest one up to that day. Who is not on a list of that month has 0."""
        known = [score for when, score in self.rows.get(customer_id, ()) if 0 <= (day - when).days < OLDEST_DAYS]
        if known:
            return known[-1]
        return 0.0 if self.kind == "list" and self._has_list(day) else None

    def _has_list(self, day: date) -> bool:
        return any(0 <= (day - when).days < OLDEST_DAYS for when in self._days)

    @cached_property
    def _days(self) -> frozenset[date]:
        return frozenset(when for rows in self.rows.values() for when, _ in rows)


def read_rival(path: Path, *, low_is_risk: bool = False) -> Rival:
    """Reads a CSV file with a customer, an ISO date, and a score or a band; without either, it is a list.

    Args:
        path: the file.
        low_is_risk: whether low numbers mean risk; columns named `health` or `health_score` are always read so.

    Raises:
        FileFormatError: a column is missing, or a value is no date, number or known band.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"cannot read {str(path)!r} as UTF-8 text: {error}") from error
    lines = io.StringIO(text)
    first = text.partition("\n")[0]
    reader = csv.reader(lines, delimiter=max(",;\t", key=first.count))
    header = [header_name(name) for name in next(reader, list[str]())]
    columns = {
        name: next((header.index(column) for column in names if column in header), None)
        for name, names in (("customer", _CUSTOMER), ("date", _DATE), ("score", _SCORE), ("health", _HEALTH),
                            ("band", _BAND))
    }  # fmt: skip
    for name in ("customer", "date"):
        if columns[name] is None:
            raise FileFormatError(
                f"{path}: no column for the {name}; the header has {', '.join(header)[:200]}. Name one {name!r}"
            )
    kind = "score" if columns["score"] is not None or columns["health"] is not None else "list"
    kind = "band" if kind == "list" and columns["band"] is not None else kind
    inverted = kind == "score" and (low_is_risk or columns["score"] is None)
    used = columns[{"score": "score" if columns["score"] is not None else "health", "band": "band"}.get(kind, "date")]
    rows: dict[str, list[tuple[date, float]]] = {}
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path}:{reader.line_num}"
        cells += [""] * (len(header) - len(cells))
        day = real_day(cells[columns["date"] or 0].strip())
        if day is None:
            raise FileFormatError(f"{where}: {cells[columns['date'] or 0]!r} is not an ISO date such as 2026-03-31")
        value = _value(cells[used or 0].strip(), kind, where)
        if value is not None:
            rows.setdefault(cells[columns["customer"] or 0].strip(), []).append((day, -value if inverted else value))
    if not rows:
        raise FileFormatError(f"{path}: no row has a value")
    return Rival(path.name, kind, {id_: sorted(of) for id_, of in rows.items()}, inverted)


def _value(text: str, kind: str, where: str) -> float | None:
    """The number of a cell; None for an empty one."""
    if kind == "list":
        return _LISTED
    if not text:
        return None
    if kind == "band":
        if text.casefold() not in _BANDS:
            raise FileFormatError(f"{where}: {text!r} is not a band; use {', '.join(sorted(_BANDS))}")
        return _BANDS[text.casefold()]
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number != number:
        raise FileFormatError(f"{where}: {text!r} is not a number")
    return number


@dataclass(frozen=True)
class Compared:
    """Two lists on the same accounts, dates and capacity."""

    name: str
    kind: str
    inverted: bool
    months: int
    """Month ends with scores of both."""
    accounts: int
    places: int
    """Places on the lists over all month ends, the same number for both."""
    left: int
    """Customers of both who left."""
    ours: Share
    """Those of them who were on our list in time."""
    theirs: Share
    both: int
    conclusion: Conclusion | None
    """Of the paired test by count (McNemar, exact); None if nobody left."""
    revenue: float
    """Yearly value lost with the customers who left, where it is known."""
    our_revenue: float
    their_revenue: float
    difference: Interval | None
    """Share of the revenue that was on our list in time minus that on theirs, with the interval of a paired bootstrap
    over customers who left; None if no value is known."""


def compare_with(courses: Sequence[Course], rival: Rival, *, capacity: int, horizon_days: int) -> Compared:
    """Compares the score with another one: as many places for both at each month end, on the accounts that both know.

    A list or a band has its own length: those listed, or in the highest band. A score has `capacity` places. Ties are
    broken at random, in the same way for both.

    Args:
        courses: what was seen of the customers.
        rival: the other score.
        capacity: places at each month end, for a score.
        horizon_days: a customer was on a list in time if notice came within the horizon after it.
    """
    shared: dict[date, list[tuple[Observation, float]]] = {}
    for course in courses:
        for seen in course.before:
            other = rival.at(course.customer_id, seen.as_of)
            if other is not None and seen.number is not None:
                shared.setdefault(seen.as_of, []).append((seen, other))
    ours: set[tuple[str, date]] = set()
    theirs: set[tuple[str, date]] = set()
    for day, rows in shared.items():
        places = capacity if rival.kind == "score" else sum(other >= _LISTED for _, other in rows)
        ours |= _top(day, [(seen.customer_id, seen.number or 0.0) for seen, _ in rows], places)
        theirs |= _top(day, [(seen.customer_id, other) for seen, other in rows], places)
    known = {(seen.customer_id, day) for day, rows in shared.items() for seen, _ in rows}
    left = [
        course
        for course in courses
        if course.event and any((course.customer_id, seen.as_of) in known for seen in course.before)
    ]
    by_us, by_them = (_in_time(left, places, horizon_days) for places in (ours, theirs))
    values = np.array([course.value or 0.0 for course in left])
    return Compared(
        rival.name,
        rival.kind,
        rival.inverted,
        len(shared),
        len({id_ for id_, _ in known}),
        len(ours),
        len(left),
        exact_share(int(by_us.sum()), len(left)),
        exact_share(int(by_them.sum()), len(left)),
        int((by_us & by_them).sum()),
        _conclusion(by_us, by_them),
        float(values.sum()),
        float(values[by_us].sum()),
        float(values[by_them].sum()),
        bootstrapped(_revenue_difference, np.column_stack([by_us, by_them, values])) if values.any() else None,
    )


def top_places(courses: Iterable[Course], capacity: int) -> frozenset[tuple[str, date]]:
    """Returns the customers with the highest numbers at each month end before their notice."""
    numbers: dict[date, list[tuple[str, float]]] = {}
    for course in courses:
        for seen in course.before:
            if seen.number is not None:
                numbers.setdefault(seen.as_of, []).append((seen.customer_id, seen.number))
    return frozenset(place for day, rows in numbers.items() for place in _top(day, rows, capacity))


def _top(day: date, rows: Sequence[tuple[str, float]], places: int) -> set[tuple[str, date]]:
    ordered = sorted(rows, key=lambda row: (-row[1], _drawn(row[0], day)))
    return {(id_, day) for id_, _ in ordered[:places]}


def _drawn(customer_id: str, day: date) -> str:
    """A random order that is the same in each call."""
    return hashlib.sha256(f"{customer_id}\0{day}".encode("utf-8", "surrogatepass")).hexdigest()


def _in_time(left: Sequence[Course], places: set[tuple[str, date]], horizon_days: int) -> NDArray[np.bool_]:
    flagged = listed(frozenset(places))
    return np.array([lead_days(course, flagged, horizon_days) is not None for course in left], dtype=bool)


def _conclusion(by_us: NDArray[np.bool_], by_them: NDArray[np.bool_]) -> Conclusion | None:
    if not len(by_us):
        return None
    labels = np.ones(len(by_us), dtype=bool)
    difference = comparing.difference("accuracy", labels, by_us.astype(float), by_them.astype(float))
    return comparing.judge([difference])[0]


def _revenue_difference(rows: NDArray[Any]) -> float:
    total = rows[:, 2].sum()
    return float(((rows[:, 0] - rows[:, 1]) * rows[:, 2]).sum() / total) if total else float("nan")
