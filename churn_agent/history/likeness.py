"""Recognises records that come again in another form: with an author, other blanks, or without the subject."""

from collections.abc import Mapping
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, and_, or_, select, tuple_

from churn_agent.history.tables import interactions as table
from churn_agent.history.wording import written

_BATCH = 500
_COMPARED = (
    "id", "customer_id", "occurred_at", "channel", "author", "speaker", "key", "text", "original", "metadata",
    "source_customer_id",
)  # fmt: skip


def records_like(
    connection: Connection,
    rows: Mapping[str, Mapping[str, Any]],
    taken: set[str],
    import_id: int,
    first_position: int,
) -> dict[str, str]:
    """Finds the records of rows that no id or key finds.

    Customer, time, channel and text are the same, and authors, speakers and keys do not differ where both are known.
    Rows of one source are never the same, so its own records do not count, and a record is that of one row.

    Args:
        connection: the history.
        rows: id -> values of rows of an import.
        taken: ids of the records of other rows of the source; those found are added.
        import_id: the import.
        first_position: position of the source's first row.

    Returns:
        Id of a row -> id of its record.
    """
    moments = {(row["customer_id"], row["occurred_at"]) for row in rows.values() if written(row).strip()}
    records: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    of_others = or_(table.c.import_id.is_(None), table.c.import_id != import_id, table.c.position < first_position)
    columns = select(*(table.c[name] for name in _COMPARED)).where(of_others).order_by(table.c.position)
    for batch in chunked(sorted(moments), _BATCH):
        customer_ids, times = zip(*batch, strict=True)
        # SQLite finds rows by the first two conditions in the index, and by the third in none.
        at_one = and_(
            table.c.customer_id.in_(set(customer_ids)),
            table.c.occurred_at.between(min(times), max(times)),
            tuple_(table.c.customer_id, table.c.occurred_at).in_(batch),
        )
        for record in connection.execute(columns.where(at_one)).mappings():
            values: dict[str, Any] = {**record}
            records.setdefault(_content(values), []).append(values)
    result: dict[str, str] = {}
    for id_, row in rows.items() if records else ():
        same = [
            record for record in records.get(_content(row), ()) if record["id"] not in taken and _agree(row, record)
        ]
        if same and written(row).strip():
            result[id_] = min(same, key=lambda record: record["author"] != row["author"])["id"]
            taken.add(result[id_])
    return result


def without_joined_subject(values: Mapping[str, Any]) -> str:
    """Returns the text of a record without the subject that an import puts above the first message of a thread.

    Which message is the first depends on the other rows of the file.
    """
    return written(values).removeprefix(f"{values['metadata'].get('subject', '')}\n\n")


def _content(values: Mapping[str, Any]) -> tuple[Any, ...]:
    text = " ".join(without_joined_subject(values).split())
    return (*(values[name] for name in ("customer_id", "source_customer_id", "occurred_at", "channel")), text)


def _agree(row: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether nothing that is known of both differs."""
    return all(
        row[name] == record[name] or not {row[name], record[name]}.isdisjoint((None, "", "unknown"))
        for name in ("author", "key", "speaker")
    )
