"""People's corrections: whether a message shows a signal. They are the ground truth for readings.

A correction belongs to the customer of its message, and is in force as long as the message says what it said then.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from churn_agent.errors import InputError
from churn_agent.history.database import from_stored, now
from churn_agent.history.tables import corrections as table
from churn_agent.history.tables import interactions


@dataclass(frozen=True)
class Correction:
    """A person's answer to whether a message shows a signal."""

    number: int
    customer_id: str
    interaction_id: str
    text_id: str
    text: str
    """The message, as it is today."""
    concept: str
    """Id of the signal."""
    shown: bool
    created_at: datetime
    created_by: str | None = None
    approved_at: datetime | None = None
    approved_by: str | None = None
    in_force: bool = True
    """Whether the message still says what it said when it was corrected."""

    @property
    def for_all(self) -> bool:
        """Whether it holds for the messages of all customers: an analyst has approved it."""
        return self.approved_at is not None


def put(connection: Connection, interaction_id: str, concept: str, *, shown: bool, by: str | None = None) -> bool:
    """Stores a correction of a stored message; it replaces a different one of the same message and signal.

    Returns:
        Whether it is new.
    """
    text_id = connection.scalar(select(interactions.c.text_id).where(interactions.c.id == interaction_id))
    same = (table.c.interaction_id == interaction_id, table.c.concept == concept)
    answered = (table.c.shown == shown, table.c.text_id == text_id)
    if text_id is None or connection.scalar(select(table.c.number).where(*same, *answered)):
        return False
    connection.execute(table.delete().where(*same))
    values = {"interaction_id": interaction_id, "text_id": text_id, "concept": concept, "shown": shown}
    connection.execute(table.insert().values(**values, created_at=now(), created_by=by))
    return True


def all_corrections(engine: Engine) -> list[Correction]:
    """Returns all corrections, by number."""
    query = (
        select(table, interactions.c.customer_id, interactions.c.text, interactions.c.text_id.label("text_id_today"))
        .join(interactions, interactions.c.id == table.c.interaction_id)
        .order_by(table.c.number)
    )
    with engine.connect() as connection:
        return [
            Correction(
                number=row["number"],
                customer_id=row["customer_id"],
                interaction_id=row["interaction_id"],
                text_id=row["text_id"],
                text=row["text"],
                concept=row["concept"],
                shown=row["shown"],
                created_at=from_stored(row["created_at"]),
                created_by=row["created_by"],
                approved_at=from_stored(row["approved_at"]) if row["approved_at"] else None,
                approved_by=row["approved_by"],
                in_force=row["text_id"] == row["text_id_today"],
            )
            for row in connection.execute(query).mappings()
        ]


def find(engine: Engine, number: int) -> Correction:
    """Returns a correction. Raises `InputError` if there is none with that number."""
    correction = next((candidate for candidate in all_corrections(engine) if candidate.number == number), None)
    if correction is None:
        raise InputError(f"there is no correction {number}; to list them: churn-agent corrections list")
    return correction


def approve(connection: Connection, number: int, *, by: str | None) -> None:
    """Makes a correction hold for all customers."""
    connection.execute(table.update().where(table.c.number == number).values(approved_at=now(), approved_by=by))


def remove(connection: Connection, number: int) -> None:
    """Removes a correction."""
    connection.execute(table.delete().where(table.c.number == number))
