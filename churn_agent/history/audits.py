"""Audits: cards drawn from a run at random, and people's marks on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine, select

from churn_agent.history.database import from_stored, now
from churn_agent.history.tables import audits as table

Mark = Literal["right", "wrong", "unclear"]


@dataclass(frozen=True)
class Marks:
    """What a person marked on a card."""

    reasons: Mapping[str, Mark]
    """Item, such as `r1` -> mark."""
    actions: Mapping[str, Mark]
    """Item, such as `a1` -> mark."""
    missed: Sequence[str] | None
    """Ids of signals that the messages show and the card does not name; None if the person did not look."""


@dataclass(frozen=True)
class AuditCard:
    """A card in an audit."""

    audit_id: str
    customer_id: str
    created_at: datetime
    run_id: str
    card: int
    """Number of the card in the audit, from 1."""
    stratum: str
    weight: float
    """Number of customers of the run that the card stands for."""
    reasons: int
    """Number of reasons on the card."""
    quoted: Sequence[str]
    """Items of the reasons that quote the customer; the others are computed facts."""
    actions: int
    marks: Mapping[str, Marks]
    """Person -> marks."""


def add(engine: Engine, cards: Sequence[AuditCard]) -> None:
    """Stores the cards of a new audit."""
    if not cards:
        return
    with engine.begin() as connection:
        connection.execute(table.insert(), [{**vars(card), "created_at": now(), "marks": {}} for card in cards])


def put_marks(connection: Connection, audit_id: str, customer_id: str, person: str, marks: Marks) -> None:
    """Stores the marks of a person on a card, in place of earlier ones by the same person."""
    mine = (table.c.audit_id == audit_id) & (table.c.customer_id == customer_id)
    stored: Mapping[str, object] = connection.scalar(select(table.c.marks).where(mine)) or {}
    connection.execute(table.update().where(mine).values(marks={**stored, person: vars(marks)}))


def all_cards(engine: Engine) -> list[AuditCard]:
    """Returns the cards of all audits, the oldest audit first, by their numbers."""
    query = select(table).order_by(table.c.created_at, table.c.audit_id, table.c.card)
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return [
        AuditCard(
            **{name: row[name] for name in AuditCard.__dataclass_fields__ if name not in ("created_at", "marks")},
            created_at=from_stored(row["created_at"]),
            marks={person: Marks(**marks) for person, marks in row["marks"].items()},
        )
        for row in rows
    ]
