"""Cached answers of language models, so that a request is paid only once."""

from collections.abc import Sequence
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, Engine, func, select

from churn_agent.history.database import now
from churn_agent.history.tables import answers

_BATCH = 500


def find(engine: Engine, keys: Sequence[str]) -> dict[str, Any]:
    """Returns key -> answer for the known keys (pass at most a few hundred)."""
    with engine.connect() as connection:
        rows = connection.execute(select(answers.c.key, answers.c.answer).where(answers.c.key.in_(keys)))
        return {row.key: row.answer for row in rows}


def keep(engine: Engine, key: str, answer: Any) -> None:
    """Stores an answer in place of an earlier one."""
    with engine.begin() as connection:
        connection.execute(answers.delete().where(answers.c.key == key))
        connection.execute(answers.insert().values(key=key, created_at=now(), answer=answer))


def prune(engine: Engine, most: int) -> int:
    """Deletes the oldest answers, so that at most `most` stay. Answers of the same time are deleted together.

    Returns:
        The number of deleted answers.
    """
    newest_first = select(answers.c.created_at).order_by(answers.c.created_at.desc())
    with engine.begin() as connection:
        newest_deleted = connection.scalar(newest_first.offset(most).limit(1))
        if newest_deleted is None:
            return 0
        return connection.execute(answers.delete().where(answers.c.created_at <= newest_deleted)).rowcount


def delete_texts(connection: Connection) -> None:
    """Deletes all texts by models, which may quote any customer: their keys are hashes without one. Scores stay."""
    written = [row.key for row in connection.execute(select(answers)) if isinstance(row.answer, str)]
    for batch in chunked(written, _BATCH):
        connection.execute(answers.delete().where(answers.c.key.in_(batch)))


def count(engine: Engine) -> int:
    """Number of answers kept."""
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(answers)) or 0
