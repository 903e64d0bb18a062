"""Undoes an import some of whose values stayed although a later import brought others.

The values of an earlier import stay where they are newer in the source, or its text is the same without the subject of
the thread (`interactions.settled`). What the later import brought is kept in its version (`interactions.OWN`). Without
the earlier import, the values of a record are those that the others add up to, one after the other.
"""

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection, or_, select

from churn_agent.history.interactions import OWN, VALUES, differing, from_json, settled, to_json
from churn_agent.history.tables import interactions as table
from churn_agent.history.tables import versions

Stack = dict[int, Mapping[str, Any] | None]
"""Import -> earlier values, or none where the import repeated the values before it; oldest first."""
Outcome = Literal["restored", "kept", "unchanged"]


def of_import(connection: Connection, import_id: int) -> set[str]:
    """Returns the records of an import of which a version has something that did not become the record's."""
    column = versions.c.interaction_id
    current = select(table.c.id).where(table.c.import_id == import_id)
    earlier = select(column).where(versions.c.import_id == import_id)
    in_vain = versions.c.row[OWN].as_string().is_not(None)
    return set(connection.scalars(select(column).where(or_(column.in_(current), column.in_(earlier)), in_vain)))


def as_today(values: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Returns earlier values from a JSON column under the customer id that counts today.

    Args:
        values: values of an interaction.
        known: old id -> id of the customer today.
    """
    values = from_json(values)
    source_id = values["source_customer_id"] or values["customer_id"]
    customer_id = known.get(source_id, source_id)
    return values | {"customer_id": customer_id, "source_customer_id": source_id if customer_id != source_id else None}


def withdraw(connection: Connection, id_: str, import_id: int, stack: Stack, known: Mapping[str, str]) -> Outcome:
    """Takes the version of an import out of a record.

    Args:
        connection: connection in a transaction.
        id_: the record.
        import_id: the import.
        stack: the record's other versions.
        known: old id -> id of the customer today.

    Returns:
        Whether the record has other values (`restored`), or those that a later import repeats (`kept`).
    """
    row = connection.execute(select(table).where(table.c.id == id_)).mappings().one()
    owner, current = row["import_id"] or 0, to_json({name: row[name] for name in VALUES})
    own_of = {of: version[OWN] for of, version in stack.items() if version and OWN in version}
    brought = {of: {**values, **own_of.get(of, {})} for of, values in _in_full({**stack, owner: current}).items()}
    del brought[import_id]
    values_of: dict[int, dict[str, Any]] = {}
    before: dict[str, Any] = {}
    for of, values in brought.items():
        before = values_of[of] = settled(values, before) if before else values
    own_of = {of: differing(brought[of], values) for of, values in values_of.items()}
    newest = _write(connection, id_, values_of, own_of, known)
    if values_of[newest] != current:
        return "restored"
    return "kept" if owner == import_id else "unchanged"


def _in_full(stack: Stack) -> dict[int, dict[str, Any]]:
    """Returns import -> the values of its version, oldest first."""
    values_of: dict[int, dict[str, Any]] = {}
    before: dict[str, Any] = {}
    for of in sorted(stack):
        values = {name: value for name, value in (stack[of] or {}).items() if name != OWN}
        before = values_of[of] = values or before
    return values_of


def _write(
    connection: Connection,
    id_: str,
    values_of: Mapping[int, Mapping[str, Any]],
    own_of: Mapping[int, Mapping[str, Any]],
    known: Mapping[str, str],
) -> int:
    """Replaces all versions of a record. Returns the import whose values are the current ones."""
    rows: dict[int, dict[str, Any]] = {}
    newest, before = 0, None
    for of, values in values_of.items():
        rows[of] = {OWN: dict(own_of[of])} if own_of[of] else {}
        if values != before:
            rows[of] |= values
            newest, before = of, values
    rows[newest] = {name: value for name, value in rows[newest].items() if name == OWN}
    current = as_today(values_of[newest], known)
    connection.execute(table.update().where(table.c.id == id_).values(**current, import_id=newest or None))
    connection.execute(versions.delete().where(versions.c.interaction_id == id_))
    for of, row in rows.items():
        if row or of != newest:
            connection.execute(versions.insert().values(interaction_id=id_, import_id=of, row=row or None))
    return newest
