"""Facts of the contract: the next renewal, its notice, a term that ended, and the number of seats."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from statistics import mean

from churn_agent.domain.assessment import Fact
from churn_agent.domain.days import real_day
from churn_agent.domain.interactions import as_number
from churn_agent.domain.measurements import Series
from churn_agent.domain.snapshot import Snapshot
from churn_agent.domain.wording import counted
from churn_agent.evidence import contract_terms

_ENDS = """renewal_date renewal next_renewal renews_on contract_end contract_end_date contract_ends term_end
term_ends min_term_end minimum_term_end expires_on expiry_date expiration_date vertragsende laufzeitende
laufzeit_bis verlängerung verlaengerung""".split()
"""Attributes with the end of the term, besides that of the card."""
_NOTICES = "notice_period notice_period_days notice_period_months notice kündigungsfrist kuendigungsfrist".split()
_RENEWS = "auto_renew auto_renewal auto_renews renews_automatically automatic_renewal".split()
_YES = frozenset("1 yes true y ja".split())
_LONGEST_ENDED_DAYS = 365
"""An end longer ago is out of date rather than news."""
_GOES_ON = frozenset("bill billing charge invoice payment renewal statement subscription".split())
"""Channels that show that a contract went on after its term."""
_DAYS_A_MONTH = 30.4375
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_IN_DAYS = re.compile(r"(\d+)\s*-?(?:calendar )?(?:days?|tagen?|tage)(?: notice)?", re.IGNORECASE)

_SEATS = frozenset("seats licences licenses licence license lizenzen sims".split())
_SEATS_BEFORE = "{}_before {}_last_year previous_{} {}_previous {}_vorher {}_vorjahr initial_{}".split()
_BASELINE = (1, 2, 3)


def compute(snapshot: Snapshot) -> Iterator[Fact]:
    """Yields the facts of the term and of the seats."""
    yield from _term(snapshot)
    yield from _seats(snapshot)


def runs_on_since(snapshot: Snapshot) -> date | None:
    """The end of a term after which the contract went on without a new one; None if there is none."""
    end = end_of_term(snapshot)
    return end if end and end < snapshot.as_of and not _renews(snapshot) and _goes_on(snapshot, end) else None


def end_of_term(snapshot: Snapshot) -> date | None:
    """The end of the current term by the attributes, which may be over; None if no attribute says it."""
    names = dict.fromkeys((snapshot.card.renewal_attribute, *_ENDS))
    return next((day for name in names if (day := real_day(snapshot.attributes.get(name)))), None)


def notice_days(attributes: Mapping[str, str]) -> int | None:
    """The notice period in days; None if no attribute says it in a way that can be parsed.

    A number alone means months up to 12, and days above.
    """
    for name in _NOTICES:
        text = attributes.get(name, "").strip()
        if _NUMBER.fullmatch(text):
            unit = _DAYS_A_MONTH if name.endswith("months") or (float(text) <= 12 and not name.endswith("days")) else 1
            return round(float(text) * unit)
        if in_days := _IN_DAYS.fullmatch(text):
            return int(in_days[1])
        months = contract_terms.months(text) if text else None
        if months is not None:
            return round(months * _DAYS_A_MONTH)
    return None


def _term(snapshot: Snapshot) -> Iterator[Fact]:
    end = end_of_term(snapshot)
    if end is None:
        return
    days = (end - snapshot.as_of).days
    if days < 0:
        if -days <= _LONGEST_ENDED_DAYS and not _renews(snapshot) and not _goes_on(snapshot, end):
            text = f"Their term ended on {end}, {counted(-days, 'day')} before, and no new one is on record."
            yield Fact(name="term_ended", value=-days, unit="days", text=text)
        return
    text = f"Their contract ends or renews on {end}, in {counted(days, 'day')}."
    yield Fact(name="days_to_renewal", value=days, unit="days", text=text)
    notice = notice_days(snapshot.attributes)
    if notice:
        last = end - timedelta(days=notice)
        left = (last - snapshot.as_of).days
        when = f"is {last}, in {counted(left, 'day')}" if left >= 0 else f"was {last}"
        text = f"The last day to give notice {when}."
        yield Fact(name="notice_deadline", value=left, unit="days", text=text)


def _renews(snapshot: Snapshot) -> bool:
    """Whether an attribute says that the contract renews by itself."""
    return any(snapshot.attributes.get(name, "").strip().casefold() in _YES for name in _RENEWS)


def _goes_on(snapshot: Snapshot, end: date) -> bool:
    """Whether a bill after the end of the term shows that the contract went on."""
    return any(
        row.channel.casefold() in _GOES_ON and snapshot.card.local(row.occurred_at).date() > end
        for row in snapshot.interactions
    )


def _seats(snapshot: Snapshot) -> Iterator[Fact]:
    change = next(filter(None, (*map(_measured, snapshot.measurements), _from_attributes(snapshot.attributes))), None)
    if change is None:
        return
    before, now = change
    if before <= 0 or before == now:
        return
    verb = "fell" if now < before else "rose"
    text = f"Their seats {verb} from {before:,.4g} to {now:,.4g}."
    yield Fact(name="seats_change", value=round(now / before, 2), unit="ratio", text=text)


def _measured(series: Series) -> tuple[float, float] | None:
    """The usual number of seats and the latest one, of a metric that counts them or has them beside it."""
    if not _SEATS.isdisjoint(re.split(r"[\W_]+", series.metric.casefold())):
        before = [series.windows[n].mean for n in _BASELINE if n in series.windows]
        return (mean(before), series.latest) if before else None
    before = [seats for n in _BASELINE if n in series.windows and (seats := series.windows[n].seats)]
    now = series.windows[0].seats if 0 in series.windows else None
    return (mean(before), now) if before and now is not None else None


def _from_attributes(attributes: Mapping[str, str]) -> tuple[float, float] | None:
    for name in sorted(_SEATS.intersection(attributes)):
        now = as_number(attributes[name])
        before = next(
            (n for place in _SEATS_BEFORE if (n := as_number(attributes.get(place.format(name)))) is not None), None
        )
        if now is not None and before is not None:
            return before, now
    return None
