"""Stored assessments. They are added and never changed."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, Engine, func, select

from churn_agent.domain.assessment import Assessment, LeftOut
from churn_agent.history.database import from_stored, now
from churn_agent.history.tables import records

FORGOTTEN = "forgotten:"
"""Prefix of the anonymous ids of erased customers. Their numbers count in statistics and are not shown."""
_BATCH = 500
_KNOWN = records.c.customer_id.not_like(f"{FORGOTTEN}%")


def add(engine: Engine, assessment: Assessment, *, run_id: str | None = None) -> None:
    """Stores a record; with the id of the run that it belongs to, if it belongs to one."""
    with engine.begin() as connection:
        connection.execute(
            records.insert().values(
                created_at=now(),
                run_id=run_id,
                customer_id=assessment.customer_id,
                as_of=assessment.as_of,
                status=assessment.status,
                record=assessment.model_dump(mode="json"),
            )
        )


def stripped(assessment: Assessment, *, customer_id: str | None = None, withdrawn: bool = False) -> Assessment:
    """Returns a record with its number, date and provenance only, without words and facts of the customer.

    Args:
        assessment: the record.
        customer_id: another id for the customer.
        withdrawn: mark it as one on withdrawn data.
    """
    empty: dict[str, Any] = dict.fromkeys(("reasons", "actions", "facts", "signals", "care", "corrected"), ())
    before = assessment.provenance
    marked = {"evidence_ids": (), "on_withdrawn_data": withdrawn or before.on_withdrawn_data}
    bare = {
        "customer_id": customer_id or assessment.customer_id,
        "status_reason": None,
        "leaning": None,
        "announced": None,
        "promised": None,
        "former": None,
        "rest": None,
        "left_out": LeftOut(),
        "provenance": before.model_copy(update=marked),
    }
    return assessment.model_copy(update=empty | bare)


def rests_on(assessment: Assessment, interaction_ids: Collection[str]) -> bool:
    """Whether a model read one of the interactions, or a reason, a flag, an announcement or a promise cites one."""
    cited = {citation.interaction_id for reason in assessment.reasons for citation in reason.citations}
    cited |= {flag.citation.interaction_id for flag in assessment.care}
    for statement in (assessment.announced, assessment.promised):
        if statement and statement.citation:
            cited.add(statement.citation.interaction_id)
    return not cited.union(assessment.provenance.evidence_ids).isdisjoint(interaction_ids)


def resting_on(connection: Connection, customer_ids: Collection[str], interaction_ids: Collection[str]) -> set[int]:
    """Returns the ids of the customers' records that rest on interactions."""
    resting: set[int] = set()
    for batch in chunked(customer_ids, _BATCH):
        query = select(records.c.id, records.c.record).where(records.c.customer_id.in_(batch))
        for row in connection.execute(query):
            if rests_on(Assessment.model_validate(row.record), interaction_ids):
                resting.add(row.id)
    return resting


def withdraw(connection: Connection, ids: Collection[int]) -> None:
    """Strips records and marks them as made on withdrawn data."""
    for batch in chunked(ids, _BATCH):
        for row in connection.execute(select(records.c.id, records.c.record).where(records.c.id.in_(batch))).all():
            values = stripped(Assessment.model_validate(row.record), withdrawn=True).model_dump(mode="json")
            connection.execute(records.update().where(records.c.id == row.id).values(record=values))


def withdrawn(engine: Engine) -> set[tuple[str, date]]:
    """Returns (customer, date) of the records on withdrawn data."""
    mark = records.c.record["provenance"]["on_withdrawn_data"].as_boolean()
    with engine.connect() as connection:
        query = select(records.c.customer_id, records.c.as_of).where(mark)
        return {(row.customer_id, row.as_of) for row in connection.execute(query)}


def of_customer(engine: Engine, customer_id: str) -> list[Assessment]:
    """Returns all assessments of a customer, newest first."""
    query = select(records.c.record).where(records.c.customer_id == customer_id).order_by(records.c.id.desc())
    with engine.connect() as connection:
        return [Assessment.model_validate(record) for record in connection.scalars(query)]


def before(
    engine: Engine, customer_id: str, day: date, *, method: str | None, row_id: int | None = None
) -> Assessment | None:
    """Returns the newest assessment of a customer at an earlier date with a number; None if there is none.

    Args:
        engine: database of the history.
        customer_id: the customer.
        day: only assessments before this date.
        method: only by this trained method, in any version; None for no trained method.
        row_id: only assessments stored before this one; see `rows_of_run`.
    """
    query = (
        select(records.c.record)
        .where(records.c.customer_id == customer_id, records.c.as_of < day, records.c.status == "assessed")
        .order_by(records.c.as_of.desc(), records.c.id.desc())
    )
    if row_id is not None:
        query = query.where(records.c.id < row_id)
    with engine.connect() as connection:
        earlier = map(Assessment.model_validate, connection.scalars(query))
        return next((record for record in earlier if _family(record.provenance.method) == _family(method)), None)


def read_before(engine: Engine, customer_id: str, day: date, *, model: str, prompt_hashes: Collection[str]) -> set[str]:
    """Returns the ids of a customer's interactions that a model read at earlier dates (assessments and screenings)."""
    provenance = records.c.record["provenance"]
    query = select(provenance["evidence_ids"]).where(
        records.c.customer_id == customer_id,
        records.c.as_of < day,
        records.c.status != "failed",
        provenance["model_id"].as_string() == model,
        provenance["prompt_hash"].as_string().in_(prompt_hashes),
    )
    with engine.connect() as connection:
        return {id_ for ids in connection.scalars(query) for id_ in ids}


def _family(method: str | None) -> str | None:
    """Returns `calibrated` for `calibrated-3`."""
    return method.rpartition("-")[0] if method else None


@dataclass(frozen=True)
class Given:
    """An assessment, with its time and run."""

    assessment: Assessment
    at: datetime
    run_id: str | None


def assessed(engine: Engine, customer_id: str | None = None) -> Iterator[Given]:
    """Yields the assessments with a number, in stored order, of one customer or of all."""
    query = select(records).where(records.c.status == "assessed").order_by(records.c.id)
    if customer_id is not None:
        query = query.where(records.c.customer_id == customer_id)
    with engine.connect() as connection:
        for row in connection.execution_options(yield_per=500).execute(query):
            yield Given(Assessment.model_validate(row.record), from_stored(row.created_at), row.run_id)


def latest(engine: Engine) -> Iterator[Assessment]:
    """Yields the newest assessment of every customer and date, newest first."""
    yielded: set[tuple[str, Any]] = set()
    query = select(records.c.customer_id, records.c.as_of, records.c.record).where(_KNOWN).order_by(records.c.id.desc())
    with engine.connect() as connection:
        for customer_id, as_of, record in connection.execution_options(yield_per=500).execute(query):
            if (customer_id, as_of) not in yielded:
                yielded.add((customer_id, as_of))
                yield Assessment.model_validate(record)


def newest_day(engine: Engine, *, before: date) -> dict[str, date]:
    """Returns customer -> the latest date before a day with an assessment that did not fail."""
    query = (
        select(records.c.customer_id, func.max(records.c.as_of))
        .where(records.c.as_of < before, records.c.status != "failed")
        .group_by(records.c.customer_id)
    )
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def of_run(engine: Engine, run_id: str) -> Iterator[Assessment]:
    """Yields the newest assessment of each customer in a run, sorted by customer."""
    for _, assessment in rows_of_run(engine, run_id):
        yield assessment


def in_runs(engine: Engine, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Assessment]:
    """Returns (run, customer) -> the newest record, for the given ones that are stored."""
    by_run: dict[str, list[str]] = {}
    for run_id, customer_id in keys:
        by_run.setdefault(run_id, []).append(customer_id)
    found: dict[tuple[str, str], Assessment] = {}
    with engine.connect() as connection:
        for run_id, customers in by_run.items():
            for batch in chunked(customers, _BATCH):
                query = (
                    select(records.c.customer_id, records.c.record)
                    .where(records.c.run_id == run_id, records.c.customer_id.in_(batch))
                    .order_by(records.c.id)
                )
                for row in connection.execute(query):
                    found[run_id, row.customer_id] = Assessment.model_validate(row.record)
    return found


def customers_of_run(engine: Engine, run_id: str) -> set[str]:
    """Returns the ids of the customers in a run, without erased ones."""
    with engine.connect() as connection:
        return set(connection.scalars(select(records.c.customer_id).where(records.c.run_id == run_id, _KNOWN)))


def rows_of_run(engine: Engine, run_id: str) -> Iterator[tuple[int, Assessment]]:
    """Yields the same assessments with the ids of their rows, which grow with each stored assessment."""
    newest = select(func.max(records.c.id)).where(records.c.run_id == run_id).group_by(records.c.customer_id)
    columns = records.c.id, records.c.record
    query = select(*columns).where(records.c.id.in_(newest), _KNOWN).order_by(records.c.customer_id)
    with engine.connect() as connection:
        for row in connection.execution_options(yield_per=500).execute(query):
            yield row.id, Assessment.model_validate(row.record)


def newest(engine: Engine, n: int) -> list[Assessment]:
    """Returns the last stored records, newest first."""
    query = select(records.c.record).order_by(records.c.id.desc()).limit(n)
    with engine.connect() as connection:
        return [Assessment.model_validate(record) for record in connection.scalars(query)]
