"""Runs over many customers: what was asked for, and what it came to."""

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
    """When it was last gone on with; None if it never came to an end of any kind."""
    spec: Mapping[str, Any]
    """What was asked for, and of which model, prompt and method."""
    summary: Mapping[str, Any]
    """How many customers came to what."""


def start(engine: Engine, run_id: str, spec: Mapping[str, Any]) -> None:
    """Notes a run; starting the same one again changes nothing."""
    with engine.begin() as connection:
        if connection.scalar(select(table.c.id).where(table.c.id == run_id)) is None:
            connection.execute(table.insert().values(id=run_id, created_at=now(), spec=dict(spec)))


def finish(engine: Engine, run_id: str, summary: Mapping[str, Any]) -> None:
    """Notes what a run has come to so far."""
    with engine.begin() as connection:
        connection.execute(table.update().where(table.c.id == run_id).values(updated_at=now(), summary=dict(summary)))


def all_runs(engine: Engine) -> list[Run]:
    """Every run, the one that was worked on last first."""
    with engine.connect() as connection:
        found = [_from_row(row) for row in connection.execute(select(table)).mappings()]
    return sorted(found, key=lambda run: run.updated_at or run.created_at, reverse=True)


def find(engine: Engine, name: str) -> Run:
    """The run whose id begins so; `latest` is the one that was worked on last.

    Raises:
        InputError: there is none, or several begin so.
    """
    found = all_runs(engine)
    fitting = found[:1] if name == NEWEST else [run for run in found if run.id.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(f"several runs begin with {name!r}; give more of the id: churn-agent runs list")
    there = ", ".join(run.id[:8] for run in found[:5]) or "none yet; run: churn-agent batch"
    raise InputError(f"no run {name!r} in this store; there are: {there}")


def _from_row(row: Mapping[Any, Any]) -> Run:
    updated = row["updated_at"]
    return Run(
        id=row["id"],
        created_at=from_stored(row["created_at"]),
        updated_at=from_stored(updated) if updated else None,
        spec=row["spec"],
        summary=row["summary"] or {},
    )
