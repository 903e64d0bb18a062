"""Ids that mean the same customer: rows of the old id are stored under the new one, also by later imports."""

from collections.abc import Collection

from sqlalchemy import Connection, Engine, func, select

from churn_agent.errors import InputError
from churn_agent.history.database import now
from churn_agent.history.tables import aliases, interactions, measurements


def all_aliases(engine: Engine) -> dict[str, str]:
    """Returns old id -> new id."""
    with engine.connect() as connection:
        return read(connection)


def read(connection: Connection) -> dict[str, str]:
    """Returns old id -> new id."""
    return {row.old: row.new for row in connection.execute(select(aliases))}


def of(connection: Connection, customer_id: str) -> list[str]:
    """Returns the old ids of a customer."""
    return list(connection.scalars(select(aliases.c.old).where(aliases.c.new == customer_id)))


def families(connection: Connection, customer_ids: Collection[str]) -> dict[str, list[str]]:
    """Returns the customers that the ids mean today -> all ids of each, in the source and today."""
    known = read(connection)
    result: dict[str, list[str]] = {known.get(id_, id_): [] for id_ in customer_ids}
    for new in result:
        result[new] = [new, *(old for old, to in known.items() if to == new)]
    return result


def merge(connection: Connection, old: str, new: str) -> int:
    """Moves a customer's interactions to another id, also those of later imports. Returns their number.

    Raises:
        InputError: the ids mean the same customer already.
    """
    known = read(connection)
    new = known.get(new, new)
    if new in (old, known.get(old)):
        raise InputError(f"{old!r} and {new!r} are the same customer already")
    table = interactions.c
    moved = connection.execute(
        interactions.update()
        .where(table.customer_id == old)
        .values(customer_id=new, source_customer_id=func.coalesce(table.source_customer_id, old))
    ).rowcount
    connection.execute(measurements.update().where(measurements.c.customer_id == old).values(customer_id=new))
    connection.execute(aliases.update().where(aliases.c.new == old).values(new=new))
    connection.execute(aliases.delete().where(aliases.c.old == old))
    connection.execute(aliases.insert().values(old=old, new=new, created_at=now()))
    return moved


def split(connection: Connection, old: str) -> int:
    """Gives an id its own interactions back. Returns their number. Raises `InputError` if it is not an alias."""
    if old not in read(connection):
        raise InputError(f"{old!r} is not an alias; see: churn-agent aliases list")
    moved = connection.execute(
        interactions.update()
        .where(interactions.c.source_customer_id == old)
        .values(customer_id=old, source_customer_id=None)
    ).rowcount
    mine = measurements.c.source_customer_id == old
    connection.execute(measurements.update().where(mine).values(customer_id=old))
    connection.execute(aliases.delete().where(aliases.c.old == old))
    return moved
