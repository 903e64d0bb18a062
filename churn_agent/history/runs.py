"""The log of batch runs: their options and results."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from churn_agent.errors import InputError
from churn_agent.history.database import from_stored, now
from churn_agent.history.tables import runs as table

NEWEST = "latest"


@dataclass(frozen=True)
class Run:
    """A run in the log."""

    id: str
    created_at: datetime
    updated_at: datetime | None
    """Time of the last update; None if the run never finished or stopped in order."""
    spec: Mapping[str, Any]
    """Options, model, prompt and method."""
    summary: Mapping[str, Any]
    """Numbers of customers by status."""


def start(engine: Engine, run_id: str, spec: Mapping[str, Any]) -> None:
    """Logs a run; starting the same run again changes nothing."""
    with engine.begin() as connection:
        if connection.scalar(select(table.c.id).where(table.c.id == run_id)) is None:
            connection.execute(table.insert().values(id=run_id, created_at=now(), spec=dict(spec)))


def finish(engine: Engine, run_id: str, summary: Mapping[str, Any]) -> None:
    """Logs the result of a run so far."""
    with engine.begin() as connection:
        connection.execute(table.update().where(table.c.id == run_id).values(updated_at=now(), summary=dict(summary)))


def all_runs(engine: Engine) -> list[Run]:
    """Returns all runs, the last updated first."""
    with engine.connect() as connection:
        logged = [_from_row(row) for row in connection.execute(select(table)).mappings()]
    return sorted(logged, key=lambda run: run.updated_at or run.created_at, reverse=True)


def find(engine: Engine, name: str) -> Run:
    """Returns the run whose id starts with `name`; `latest` is the last updated one.

    Raises:
        InputError: there is no such run, or more than one.
    """
    logged = all_runs(engine)
    matches = logged[:1] if name == NEWEST else [run for run in logged if run.id.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise InputError(f"several runs start with {name!r}; give more of the id (churn-agent runs list shows it)")
    if not logged:
        raise InputError(f"no run {name!r} in this store, which has no runs yet; run: churn-agent batch")
    raise InputError(f"no run {name!r} in this store; choose from {', '.join(run.id[:8] for run in logged[:5])}")


def _from_row(row: Mapping[Any, Any]) -> Run:
    updated = row["updated_at"]
    return Run(
        id=row["id"],
        created_at=from_stored(row["created_at"]),
        updated_at=from_stored(updated) if updated else None,
        spec=row["spec"],
        summary=row["summary"] or {},
    )
