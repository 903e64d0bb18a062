"""One customer in retrospect: what could be known when, what the score said, what was done, what stood in the words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.domain.assessment import Assessment, Band
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Snapshot
from churn_agent.history import feedback
from churn_agent.lookback.flags import at_least, lead_days
from churn_agent.lookback.observing import Departure, courses
from churn_agent.lookback.replaying import MOST_MONTHS, ReplaySpec, dated, observed, plan
from churn_agent.outcomes import ledger
from churn_agent.outcomes.deriving import TREATMENTS, is_treatment

_WORDS = 240
"""Most characters shown of a message."""


@dataclass(frozen=True)
class Known:
    """A reason that the score had at a month end."""

    statement: str
    risk: bool
    quote: str | None
    said_on: date | None
    new: bool
    """Whether it was no reason at the month end before."""


@dataclass(frozen=True)
class Moment:
    """A month end before the notice, or after it."""

    as_of: date
    number: float | None
    band: Band | None
    flagged: bool
    after_notice: bool
    reasons: Sequence[Known]
    messages: int
    """Messages of the customer since the month end before."""
    status: str | None
    """Why there is no number."""


@dataclass(frozen=True)
class Forecast:
    """A number that was given ahead of time, not in this look-back."""

    as_of: date
    number: float
    band: Band | None


@dataclass(frozen=True)
class Done:
    """Something that the company did or decided."""

    day: date
    what: str
    words: str = ""


@dataclass(frozen=True)
class ToRead:
    """A message of the customer in the horizon before the notice."""

    day: date
    channel: str
    words: str
    signals: Sequence[str]
    """Signals that were read in it at the last month end before notice; none if nothing was."""
    was_read: bool
    """Whether it was among the evidence at that month end."""


@dataclass(frozen=True)
class Retro:
    """A customer in retrospect."""

    customer_id: str
    departure: Departure | None
    notice: date | None
    """Day of the notice, as in a look-back."""
    first_flag: date | None
    """First flag that led to it."""
    lead_days: int | None
    moments: Sequence[Moment]
    forecasts: Sequence[Forecast]
    done: Sequence[Done]
    contacts: int
    """Texts of the company to the customer in the horizon before the notice, actions included."""
    to_read: Sequence[ToRead]
    unattributed: int
    """Texts of unknown authors in the same time, which are not read."""


def retro(agent: ChurnAgent, customer_id: str, *, months: int = MOST_MONTHS) -> Retro:
    """Replays the month ends of one customer. The plain score of the mode counts, as no method can learn from one.

    Args:
        agent: whose store, model and prompt are used.
        customer_id: the customer.
        months: month ends to replay, at most.

    Raises:
        UnknownCustomer, EmptyStore: there is no such history.
        InputError: the customer has no month end in that time.
        Unavailable: the model or the store cannot be used.
    """
    replay, of_days = plan(agent, ReplaySpec(months=months, customer_id=customer_id))
    plain = agent.varied(method=NO_METHOD)
    setup = plain.setup()
    records: list[Assessment] = []
    snapshots: list[Snapshot] = []
    before: Assessment | None = None
    for day in of_days:
        snapshot = dated(plain, customer_id, day)
        [record] = plain.judge([snapshot], setup, before=[before])
        before = record if record.status == "assessed" else before
        records.append(record)
        snapshots.append(snapshot)
    departure = replay.departures.get(customer_id)
    [course] = courses([observed(record) for record in records], replay.departures)
    lead = lead_days(course, at_least("high"), replay.horizon_days)
    end = course.event or replay.last_day
    whole = agent.store.snapshot(customer_id, as_of=end)
    since = end - timedelta(days=replay.horizon_days)
    late = [row for row in whole.interactions if since < whole.card.local(row.occurred_at).date() <= end]
    last = next((record for record in reversed(records) if record.as_of < end), None)
    texts = {row.id for row in whole.messages}
    unknown = {row.id for row in whole.unattributed}
    return Retro(
        customer_id=customer_id,
        departure=departure,
        notice=course.event,
        first_flag=course.event - timedelta(days=lead) if course.event and lead is not None else None,
        lead_days=lead,
        moments=_moments(records, snapshots, course.event),
        forecasts=[
            Forecast(forecast.assessment.as_of, forecast.number, forecast.assessment.band)
            for forecast in ledger.forecasts(agent.store, customer_id)
            if not forecast.back_test
        ],
        done=_done(agent, whole, customer_id),
        contacts=sum(row.direction == "outbound" and bool(row.text.strip()) for row in late),
        to_read=[_to_read(row, whole, last) for row in late if row.id in texts],
        unattributed=sum(row.id in unknown for row in late),
    )


def _moments(records: Sequence[Assessment], snapshots: Sequence[Snapshot], notice: date | None) -> list[Moment]:
    flagged = at_least("high")
    moments: list[Moment] = []
    concepts: set[str] = set()
    seen = 0
    for record, snapshot in zip(records, snapshots, strict=True):
        number = record.churn_probability
        moments.append(
            Moment(
                record.as_of,
                number.shown if number else None,
                record.band,
                flagged(observed(record)),
                notice is not None and record.as_of >= notice,
                [
                    Known(
                        reason.statement,
                        reason.polarity == "risk",
                        _cut(reason.citations[0].quote) if reason.citations else None,
                        reason.citations[0].occurred_at.date() if reason.citations else None,
                        reason.concept not in concepts,
                    )
                    for reason in record.reasons
                ],
                len(snapshot.messages) - seen,
                record.status_reason,
            )
        )
        concepts = {reason.concept for reason in record.reasons}
        seen = len(snapshot.messages)
    return moments


def _done(agent: ChurnAgent, whole: Snapshot, customer_id: str) -> list[Done]:
    actions = [
        Done(
            whole.card.local(row.occurred_at).date(),
            next(row.metadata[name] for name in TREATMENTS if row.metadata.get(name)),
            _cut(row.text),
        )
        for row in whole.interactions
        if is_treatment(row)
    ]
    judged = [
        Done(row.as_of, row.decision or row.verdict or "note", _cut(row.note or ""))
        for row in feedback.all_feedback(agent.store.history)
        if row.customer_id == customer_id
    ]
    return sorted([*actions, *judged], key=lambda done: done.day)


def _to_read(row: Interaction, whole: Snapshot, last: Assessment | None) -> ToRead:
    signals = [
        signal.concept
        for signal in (last.signals if last else ())
        if any(citation.interaction_id == row.id for citation in signal.citations)
    ]
    read = last is not None and row.id in last.provenance.evidence_ids
    return ToRead(whole.card.local(row.occurred_at).date(), row.channel, _cut(row.text), signals, read)


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _WORDS else f"{words[: _WORDS - 1].rstrip()}\u2026"
