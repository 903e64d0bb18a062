"""Judgements and decisions of account managers about assessments."""

from collections.abc import Iterable
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, select

from churn_agent.history.database import now
from churn_agent.history.tables import feedback as table

Opinion = Literal["agree", "disagree", "already known"]


class Feedback(BaseModel):
    """Feedback on one assessment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str | None = None
    customer_id: str
    as_of: date
    verdict: Opinion | None = None
    decision: str | None = Field(default=None, max_length=200)
    """The id of an action of the playbook, `none` or `other`."""
    note: str | None = Field(default=None, max_length=2000)


def add(engine: Engine, rows: Iterable[Feedback]) -> int:
    """Stores feedback without duplicates. Returns the number of new rows."""
    known = set(all_feedback(engine))
    new = [row for row in dict.fromkeys(rows) if row not in known]
    if new:
        with engine.begin() as connection:
            connection.execute(table.insert(), [{"created_at": now(), **row.model_dump()} for row in new])
    return len(new)


def all_feedback(engine: Engine) -> list[Feedback]:
    """Returns all feedback, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(table).order_by(table.c.id)).mappings()
        return [Feedback(**{name: row[name] for name in Feedback.model_fields}) for row in rows]
