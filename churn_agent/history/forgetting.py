"""Takes a customer out of the history. Forecasts stay, as numbers of nobody, so that it can still be told how good they
were."""

import secrets
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from churn_agent.domain.assessment import Assessment, LeftOut
from churn_agent.history import tables
from churn_agent.history.records import FORGOTTEN


@dataclass(frozen=True)
class Removed:
    """What was taken out."""

    interactions: int
    forecasts: int
    """Kept, under a name that leads to nobody."""
    text_ids: tuple[str, ...]
    """Of texts that no other customer shares."""


def forget(engine: Engine, customer_id: str) -> Removed:
    """Removes interactions, attributes, annotations, judgements and what a model wrote about anybody; gives outcomes,
    assignments and forecasts another name, and takes all words out of those."""
    nobody = f"{FORGOTTEN}{secrets.token_hex(8)}"
    said = tables.interactions
    with engine.begin() as connection:
        mine = connection.execute(select(said.c.id, said.c.text_id).where(said.c.customer_id == customer_id)).all()
        ids, text_ids = [row.id for row in mine], {row.text_id for row in mine}
        for id_ in ids:
            connection.execute(tables.annotations.delete().where(tables.annotations.c.interaction_id == id_))
        for table in (said, tables.customers, tables.feedback):
            connection.execute(table.delete().where(table.c.customer_id == customer_id))
        orphans = tuple(sorted(each for each in text_ids if not _stands(connection, each)))
        # Answers are kept by a hash that names nobody. What a model wrote may quote; numbers do not.
        written = [row.key for row in connection.execute(select(tables.answers)) if isinstance(row.answer, str)]
        for key in written:
            connection.execute(tables.answers.delete().where(tables.answers.c.key == key))
        for table, more in ((tables.labels, {"metadata": {}}), (tables.assignments, {})):
            renamed = {"customer_id": nobody} | more
            connection.execute(table.update().where(table.c.customer_id == customer_id).values(**renamed))
        forecasts = _bare(connection, customer_id, nobody)
    if engine.dialect.name == "sqlite":  # else what was deleted stays readable in the file
        with closing(engine.raw_connection()) as raw:  # outside of a transaction
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Removed(len(ids), forecasts, orphans)


def _stands(connection: Connection, text_id: str) -> bool:
    said = tables.interactions
    return connection.scalar(select(said.c.id).where(said.c.text_id == text_id).limit(1)) is not None


def _bare(connection: Connection, customer_id: str, nobody: str) -> int:
    """Leaves number, date and how it was made of the customer's records."""
    table = tables.records
    rows = connection.execute(select(table.c.id, table.c.record).where(table.c.customer_id == customer_id)).all()
    for row in rows:
        whole = Assessment.model_validate(row.record)
        nothing: dict[str, Any] = dict.fromkeys(("reasons", "actions", "facts", "signals"), ())
        bare = whole.model_copy(
            update=nothing
            | {
                "customer_id": nobody,
                "status_reason": None,
                "leaning": None,
                "left_out": LeftOut(),
                "provenance": whole.provenance.model_copy(update={"evidence_ids": ()}),
            }
        )
        values = {"customer_id": nobody, "record": bare.model_dump(mode="json")}
        connection.execute(table.update().where(table.c.id == row.id).values(**values))
    return len(rows)
