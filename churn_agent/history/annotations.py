"""People's annotations of the signals in messages: the ground truth for readings."""

from sqlalchemy import Engine, func, select

from churn_agent.history.database import now
from churn_agent.history.tables import annotations as table


def put(engine: Engine, interaction_id: str, concept: str, *, shown: bool) -> None:
    """Stores a person's annotation; a later one for the same message and concept replaces it."""
    same = (table.c.interaction_id == interaction_id, table.c.concept == concept)
    with engine.begin() as connection:
        connection.execute(table.delete().where(*same))
        connection.execute(
            table.insert().values(interaction_id=interaction_id, concept=concept, shown=shown, created_at=now())
        )


def known(engine: Engine) -> dict[tuple[str, str], bool]:
    """Returns (interaction, concept) -> whether the message shows the concept."""
    with engine.connect() as connection:
        rows = connection.execute(select(table.c.interaction_id, table.c.concept, table.c.shown))
        return {(row.interaction_id, row.concept): row.shown for row in rows}


def count(engine: Engine) -> int:
    """Number of answers kept."""
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0
