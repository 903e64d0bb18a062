"""Ids that mean the same customer: rows of the old id are stored under the new one, also by later imports.

Imports and people state that an id means another (`contributions`). The table of aliases has the ends of the chains
that these statements make. When one is withdrawn, every id means again what it meant before.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Table, func, select

from churn_agent.history.database import now
from churn_agent.history.tables import aliases, contributions, interactions, measurements

KIND = "alias"
"""Kind of the contributions that are statements."""


class Settled(NamedTuple):
    """What has changed in the aliases."""

    moved: int
    """Number of interactions that are another customer's now."""
    ids: Mapping[str, tuple[str, str]]
    """Id -> the customer that it meant before, and the one that it means today."""


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


def without_data(engine: Engine, ids: Collection[str]) -> list[str]:
    """Returns the ids under which nothing was stored: no interaction, measurement, attribute or label."""
    with engine.connect() as connection:
        today = read(connection)
        return [id_ for id_ in ids if not _has_data(connection, id_, today.get(id_, id_))]


def _has_data(connection: Connection, source_id: str, today: str) -> bool:
    contributed = contributions.c.customer_id == source_id, contributions.c.kind != KIND
    acted = interactions.c.customer_id == today, _source(interactions) == source_id
    measured = measurements.c.customer_id == today, measurements.c.source_customer_id == source_id
    queries = (select(table).where(*conditions) for table, conditions in (
        (interactions, acted), (measurements, measured), (contributions, contributed)
    ))  # fmt: skip
    return any(connection.execute(query.limit(1)).first() is not None for query in queries)


def _source(table: Table) -> ColumnElement[str]:
    return func.coalesce(table.c.source_customer_id, table.c.customer_id)


def stated(connection: Connection) -> dict[str, str]:
    """Returns old id -> the id that the last statement about it names, which may be an old id as well.

    A statement that would close a circle, because one in between was withdrawn, does not count.
    """
    query = select(contributions.c.customer_id, contributions.c.content).where(contributions.c.kind == KIND)
    last: dict[str, str] = {}
    for row in connection.execute(query.order_by(contributions.c.id)):
        last.pop(row.customer_id, None)
        last[row.customer_id] = row.content["new"]
    links: dict[str, str] = {}
    for old, new in last.items():
        if end_of(links, new) != old:
            links[old] = new
    return links


def end_of(links: Mapping[str, str], customer_id: str) -> str:
    """Returns the customer that an id means, at the end of a chain of statements."""
    while customer_id in links:
        customer_id = links[customer_id]
    return customer_id


def settle(connection: Connection) -> Settled:
    """Makes the aliases those that the statements add up to, and gives each customer the rows of their ids."""
    links, before = stated(connection), read(connection)
    after = {old: end_of(links, old) for old in links}
    changed = [id_ for id_ in {**before, **after} if before.get(id_) != after.get(id_)]
    moved = 0
    for id_ in changed:
        was, today = before.get(id_, id_), after.get(id_, id_)
        moved += _move(connection, id_, was, today)
        if id_ not in after:
            connection.execute(aliases.delete().where(aliases.c.old == id_))
        elif id_ in before:
            connection.execute(aliases.update().where(aliases.c.old == id_).values(new=today))
        else:
            connection.execute(aliases.insert().values(old=id_, new=today, created_at=now()))
    return Settled(moved, {id_: (before.get(id_, id_), after.get(id_, id_)) for id_ in changed})


def _move(connection: Connection, source_id: str, was: str, today: str) -> int:
    """Moves the rows of an id from the customer that it meant to the one that it means today. Returns their number."""
    table, mine = interactions.c, _source(interactions) == source_id
    values = {"customer_id": today, "source_customer_id": source_id if today != source_id else None}
    moved = connection.execute(interactions.update().where(table.customer_id == was, mine).values(**values)).rowcount
    measured = measurements.c.customer_id == was, measurements.c.source_customer_id == source_id
    connection.execute(measurements.update().where(*measured).values(customer_id=today))
    return moved
