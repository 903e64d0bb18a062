"""What account managers say of assessments, and what they decided."""

from collections.abc import Iterable
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, select

from churn_agent.history.database import now
from churn_agent.history.tables import feedback as table

Verdict = Literal["agree", "disagree", "already known"]


class Feedback(BaseModel):
    """One judgement of one assessment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str | None = None
    customer_id: str
    as_of: date
    verdict: Verdict | None = None
    decision: str | None = Field(default=None, max_length=200)
    """The id of an action of the playbook, `none` or `other`."""
    note: str | None = Field(default=None, max_length=2000)


def add(engine: Engine, given: Iterable[Feedback]) -> int:
    """Stores judgements; one that is stored already is not stored twice. Returns how many were new."""
    known = set(all_feedback(engine))
    new = [each for each in dict.fromkeys(given) if each not in known]
    if new:
        with engine.begin() as connection:
            connection.execute(table.insert(), [{"created_at": now(), **each.model_dump()} for each in new])
    return len(new)


def all_feedback(engine: Engine) -> list[Feedback]:
    """All judgements, the oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(table).order_by(table.c.id)).mappings()
        return [Feedback(**{name: row[name] for name in Feedback.model_fields}) for row in rows]
