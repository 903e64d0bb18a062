"""Replays month ends of the past: the records as they would have been, from data up to that day alone.

The records are kept in the store, one file a month end, so that an interrupted replay is resumed. They are no runs: no
report, ledger or later assessment sees them. Another import, card or outcome starts a new replay, whose readings come
from the cache of answers.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from more_itertools import chunked

from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.assessing.pipeline import BATCH, Setup
from churn_agent.batch.budget import Budget, Meter, Prices
from churn_agent.batch.choosing import choose
from churn_agent.batch.record_file import RecordFile
from churn_agent.batch.running import BatchSpec, default_path
from churn_agent.domain import sensitive
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Snapshot
from churn_agent.errors import InputError
from churn_agent.history import book, interactions
from churn_agent.lookback.learning_then import LearningThen, learned_by
from churn_agent.lookback.observing import Departure, Observation, departures, month_ends
from churn_agent.outcomes.samples import Sample
from churn_agent.store.places.files import LOOKBACKS

MONTHS = 12
"""Usual number of month ends."""
MOST_MONTHS = 24


@dataclass(frozen=True)
class ReplaySpec:
    """The options of a replay."""

    months: int = MONTHS
    where: str | None = None
    """A condition on today's attributes."""
    limit: int | None = None
    """Only the first customers by id, up to this number."""
    customer_id: str | None = None
    """Only this customer."""
    budget: Budget = field(default_factory=Budget)


@dataclass
class Replay:
    """What a replay found, and what it did not use."""

    days: Sequence[date]
    """The month ends, oldest first."""
    last_day: date
    horizon_days: int
    departures: Mapping[str, Departure]
    undated: int
    """Customers who left on an unknown day: they count as unknown and are left out."""
    attributes_left_out: Sequence[str]
    """Attributes without a date."""
    not_described: int
    """Customers without any attribute, such as those missing from today's customer file."""
    learned: str | None = None
    """Method that was fitted anew at each month end, on outcomes known by then."""
    plain_days: Sequence[date] = ()
    """Month ends at which too few outcomes were known for it."""
    observations: list[Observation] = field(default_factory=list[Observation])
    done: int = 0
    """Customer-months assessed in this call."""
    done_earlier: int = 0
    failed: int = 0
    left: int = 0
    """Customer-months that the budget did not cover."""

    @property
    def total(self) -> int:
        """Customer-months in all."""
        return self.done + self.done_earlier + self.left


Progress = Callable[[int, int], None]
"""Called with the number of customer-months done, and of all."""


def plan(agent: ChurnAgent, spec: ReplaySpec) -> tuple[Replay, dict[date, list[str]]]:
    """Returns an empty replay, and the customers of each month end. Nothing is assessed.

    A customer is there from the first interaction to the day on which they left, or to the end of the horizon after
    their notice if that day is unknown. Today's customer file plays no part.

    Raises:
        EmptyStore: there is no history.
        InputError: a condition cannot be parsed; there is no such customer; the history is shorter than a month.
    """
    store = agent.store
    last_day, horizon = store.default_as_of(), timedelta(days=store.card.horizon_days)
    dated, undated = departures(store.labels())
    days = month_ends(last_day, spec.months)
    excluded = {label.customer_id for label in store.labels() if label.churned} - dated.keys()
    chosen = set(choose(agent, days[-1], where=spec.where)[: spec.limit]) - excluded
    if spec.customer_id is not None:
        chosen &= {spec.customer_id}
    of_days: dict[date, list[str]] = {}
    for day in days:
        there = [
            id_
            for id_ in interactions.customer_ids(store.history, until=store.card.end_of_day(day))
            if id_ in chosen and not (id_ in dated and day >= (dated[id_].left_on or dated[id_].day + horizon))
        ]
        if there:
            of_days[day] = there
    if not of_days:
        if spec.customer_id is not None:
            store.snapshot(spec.customer_id)  # raises for an unknown customer
            raise InputError(f"customer {spec.customer_id!r} has no month end in the past {spec.months} months")
        raise InputError(
            f"no customer has a history at a month end before {last_day}; look-back needs at least one month"
        )
    seen = {id_ for ids in of_days.values() for id_ in ids}
    found = Replay(
        days=list(of_days),
        last_day=last_day,
        horizon_days=horizon.days,
        departures=dated,
        undated=undated,
        attributes_left_out=book.undated_attributes(store.history, after=max(of_days)),
        not_described=len(seen - book.described(store.history)),
    )
    return found, of_days


def replay(agent: ChurnAgent, spec: ReplaySpec, *, progress: Progress = lambda done, total: None) -> Replay:
    """Replays month ends. Messages that were read at an earlier month end are not read again.

    Args:
        agent: whose store, model, prompt and method are used.
        spec: which month ends and customers, and within which budget.
        progress: called after each batch of customers.

    Raises:
        EmptyStore: there is no history.
        InputError: see `plan`.
        Unavailable: the model or the store cannot be used.
    """
    found, of_days = plan(agent, spec)
    total = sum(map(len, of_days.values()))
    plain = agent.varied(method=NO_METHOD)
    name = learned_by(agent)
    learner = LearningThen(plain, name) if name else None
    setup, meter = plain.setup(), Meter(spec.budget, Prices.named(agent.settings))
    before: dict[str, Assessment] = {}
    for day, ids in of_days.items():
        if meter.spent:
            found.left += len(ids)
            continue
        method = learner.at(day) if learner else None
        file = _file(plain, day, spec, name)
        here = _Month(plain, replace(setup, method=method), day, file, before)
        for records in here.assessed(ids, meter):
            found.done += len(records)
            progress(found.done + found.done_earlier + here.done_earlier, total)
        found.done_earlier += here.done_earlier
        found.left += here.left
        wanted = set(ids)
        records = {record.customer_id: record for record in file.records() if record.customer_id in wanted}
        found.failed += sum(record.status == "failed" for record in records.values())
        seen = [observed(record) for record in records.values() if record.former is None]
        found.observations += seen
        before |= {id_: _lean(record) for id_, record in records.items() if record.status == "assessed"}
        if learner:
            learner.saw([sample for each in seen if (sample := _sample(each, found))])
    found.learned = name
    found.plain_days = tuple(learner.without) if learner else ()
    return found


@dataclass
class _Month:
    """One month end."""

    agent: ChurnAgent
    setup: Setup
    day: date
    file: RecordFile
    before: Mapping[str, Assessment]
    """The previous record of each customer, whose band and announcement carry on."""
    done_earlier: int = 0
    left: int = 0

    def assessed(self, ids: Sequence[str], meter: Meter) -> Iterator[list[Assessment]]:
        """Assesses the customers that are not in the file yet, and appends them to it."""
        to_do = [id_ for id_ in ids if self.file.statuses.get(id_) in (None, "failed")]
        self.done_earlier = len(ids) - len(to_do)
        with self.file.appending() as append:
            for n, batch in enumerate(chunked(to_do, BATCH)):
                if meter.spent:
                    self.left = len(to_do) - n * BATCH
                    return
                snapshots = [dated(self.agent, id_, self.day) for id_ in batch]
                records = self.agent.judge(snapshots, self.setup, before=[self.before.get(id_) for id_ in batch])
                for record in records:
                    meter.count(record.provenance.prompt_tokens, record.provenance.output_tokens)
                    append(record)
                yield records


def observed(record: Assessment) -> Observation:
    """What a record says of a customer at its date."""
    number = record.churn_probability
    announced = record.announced
    return Observation(
        record.customer_id,
        record.as_of,
        number.shown if number else None,
        record.band,
        frozenset(
            signal.concept
            for signal in record.signals
            if signal.polarity == "risk" and any(citation.verified for citation in signal.citations)
        ),
        announced.date if announced and announced.stands and announced.citation else None,
    )


def _sample(seen: Observation, found: Replay) -> Sample | None:
    """A customer-month with its outcome; None from the notice on."""
    departure = found.departures.get(seen.customer_id)
    if departure is None:
        return Sample(seen.customer_id, seen.as_of, churned=False)
    if departure.day <= seen.as_of:
        return None
    over = seen.as_of + timedelta(days=found.horizon_days)
    return Sample(seen.customer_id, seen.as_of, churned=departure.day <= over)


def dated(agent: ChurnAgent, customer_id: str, day: date) -> Snapshot:
    """A snapshot whose attributes were known on its day, even if the card says that all of them are."""
    snapshot = agent.store.snapshot(customer_id, as_of=day)
    if snapshot.card.attributes_as_of == "import":
        return snapshot
    known = book.attributes(agent.store.history, customer_id, known_at=day, as_of=day)
    return replace(snapshot, attributes=sensitive.usable(known, snapshot.card))


def _lean(record: Assessment) -> Assessment:
    """A record without its long parts, to keep one of each customer in memory."""
    return record.model_copy(update=dict.fromkeys(("reasons", "actions", "facts", "signals", "care"), ()))


def replayed(agent: ChurnAgent, day: date, spec: ReplaySpec) -> Iterator[Assessment]:
    """Yields the records of a month end that an earlier call has made."""
    name = learned_by(agent)
    file = RecordFile(_path(agent.varied(method=NO_METHOD), day, spec, name)[0])
    file.read(lambda record, where: None)
    return file.records()


def _file(agent: ChurnAgent, day: date, spec: ReplaySpec, learned: str | None) -> RecordFile:
    """Opens the file of a month end; files of the same options with other data are removed."""
    path, outdated = _path(agent, day, spec, learned)
    path.parent.mkdir(parents=True, exist_ok=True)
    for other in outdated:
        other.unlink()
    file = RecordFile(path)
    file.read(lambda record, where: None)
    file.rewrite()
    return file


def _path(agent: ChurnAgent, day: date, spec: ReplaySpec, learned: str | None) -> tuple[Path, list[Path]]:
    """Returns the file of a month end, and those of the same options with other data."""
    folder = agent.settings.store / LOOKBACKS
    options = default_path(agent, BatchSpec(as_of=day, where=spec.where)).stem
    if learned:  # what was learned depends on the month ends and customers before
        options += f"-{learned}-{spec.months}-{spec.limit or 'all'}"
    path = folder / f"{options}-{_data(agent)}.jsonl"
    return path, [other for other in folder.glob(f"{options}-????????.jsonl") if other != path]


def _data(agent: ChurnAgent) -> str:
    """Identifies the data of a store: imports, interactions, outcomes and card."""
    store = agent.store
    parts = {
        "imports": [(each.id, each.state) for each in store.imports()],
        "interactions": interactions.count(store.history),
        "outcomes": [str(label) for label in store.labels()],
        "card": store.card.model_dump(mode="json", exclude={"sources"}),
        "playbook": agent.playbook.content_hash,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]
