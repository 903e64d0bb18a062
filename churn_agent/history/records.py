"""Assessments as they were given. They are added and never changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from churn_agent.domain.assessment import Assessment
from churn_agent.history.database import from_stored, now
from churn_agent.history.tables import records

FORGOTTEN = "forgotten:"
"""Begins the names of customers who were taken out of the history: their numbers are judged, and shown to nobody."""
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


def of_customer(engine: Engine, customer_id: str) -> list[Assessment]:
    """All stored assessments of a customer, newest first."""
    query = select(records.c.record).where(records.c.customer_id == customer_id).order_by(records.c.id.desc())
    with engine.connect() as connection:
        return [Assessment.model_validate(record) for record in connection.scalars(query)]


def before(engine: Engine, customer_id: str, day: date, *, method: str | None) -> Assessment | None:
    """The newest assessment of a customer at an earlier date that came to a number.

    Args:
        method: that gave it, whichever version of it; None: no trained method.
    """
    query = (
        select(records.c.record)
        .where(records.c.customer_id == customer_id, records.c.as_of < day, records.c.status == "assessed")
        .order_by(records.c.as_of.desc(), records.c.id.desc())
    )
    with engine.connect() as connection:
        found = map(Assessment.model_validate, connection.scalars(query))
        return next((each for each in found if _family(each.provenance.method) == _family(method)), None)


def read_before(engine: Engine, customer_id: str, day: date, *, model: str, prompt_hash: str) -> set[str]:
    """Ids of the interactions of a customer that a model read at earlier dates, for an assessment or a screening."""
    made = records.c.record["provenance"]
    query = select(made["evidence_ids"]).where(
        records.c.customer_id == customer_id,
        records.c.as_of < day,
        records.c.status != "failed",
        made["model_id"].as_string() == model,
        made["prompt_hash"].as_string() == prompt_hash,
    )
    with engine.connect() as connection:
        return {id_ for ids in connection.scalars(query) for id_ in ids}


def _family(method: str | None) -> str | None:
    """Of `calibrated-3`, `calibrated`."""
    return method.rpartition("-")[0] if method else None


@dataclass(frozen=True)
class Given:
    """An assessment, when it was given, and by which run."""

    assessment: Assessment
    at: datetime
    run_id: str | None


def assessed(engine: Engine, customer_id: str | None = None) -> Iterator[Given]:
    """Every assessment that came to a number, as they were stored; of one customer, or of all."""
    query = select(records).where(records.c.status == "assessed").order_by(records.c.id)
    if customer_id is not None:
        query = query.where(records.c.customer_id == customer_id)
    with engine.connect() as connection:
        for row in connection.execution_options(yield_per=500).execute(query):
            yield Given(Assessment.model_validate(row.record), from_stored(row.created_at), row.run_id)


def latest(engine: Engine) -> Iterator[Assessment]:
    """The newest assessment of every customer and date, newest first."""
    seen: set[tuple[str, Any]] = set()
    query = select(records.c.customer_id, records.c.as_of, records.c.record).where(_KNOWN).order_by(records.c.id.desc())
    with engine.connect() as connection:
        for customer_id, as_of, record in connection.execution_options(yield_per=500).execute(query):
            if (customer_id, as_of) not in seen:
                seen.add((customer_id, as_of))
                yield Assessment.model_validate(record)


def newest_day(engine: Engine, *, before: date) -> dict[str, date]:
    """Customer -> the latest date, of those before a day, that an assessment of them was made for and did not fail."""
    query = (
        select(records.c.customer_id, func.max(records.c.as_of))
        .where(records.c.as_of < before, records.c.status != "failed")
        .group_by(records.c.customer_id)
    )
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def of_run(engine: Engine, run_id: str) -> Iterator[Assessment]:
    """The assessments of a run by customer; of several of one customer the newest."""
    newest = select(func.max(records.c.id)).where(records.c.run_id == run_id).group_by(records.c.customer_id)
    query = select(records.c.record).where(records.c.id.in_(newest), _KNOWN).order_by(records.c.customer_id)
    with engine.connect() as connection:
        for record in connection.execution_options(yield_per=500).scalars(query):
            yield Assessment.model_validate(record)


def newest(engine: Engine, n: int) -> list[Assessment]:
    """The last records that were stored, the newest first."""
    query = select(records.c.record).order_by(records.c.id.desc()).limit(n)
    with engine.connect() as connection:
        return [Assessment.model_validate(record) for record in connection.scalars(query)]
