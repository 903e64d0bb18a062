"""Assessments as they were given, and the runs they belong to."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Engine, select

from churn_agent.domain.assessment import Assessment
from churn_agent.history.database import now
from churn_agent.history.tables import records, runs


def add(engine: Engine, assessment: Assessment, *, run_id: str | None = None) -> None:
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


def before(engine: Engine, customer_id: str, day: date) -> Assessment | None:
    """The newest assessment of a customer at an earlier date, if it came to a number."""
    query = (
        select(records.c.record)
        .where(records.c.customer_id == customer_id, records.c.as_of < day, records.c.status == "assessed")
        .order_by(records.c.as_of.desc(), records.c.id.desc())
        .limit(1)
    )
    with engine.connect() as connection:
        found = connection.scalar(query)
    return Assessment.model_validate(found) if found else None


def latest(engine: Engine) -> Iterator[Assessment]:
    """The newest assessment of every customer and date, newest first."""
    seen: set[tuple[str, Any]] = set()
    query = select(records.c.customer_id, records.c.as_of, records.c.record).order_by(records.c.id.desc())
    with engine.connect() as connection:
        for customer_id, as_of, record in connection.execution_options(yield_per=500).execute(query):
            if (customer_id, as_of) not in seen:
                seen.add((customer_id, as_of))
                yield Assessment.model_validate(record)


def start_run(engine: Engine, run_id: str, spec: Mapping[str, Any]) -> None:
    """Notes a run; starting the same one again changes nothing."""
    with engine.begin() as connection:
        if connection.scalar(select(runs.c.id).where(runs.c.id == run_id)) is None:
            connection.execute(runs.insert().values(id=run_id, created_at=now(), spec=dict(spec)))
