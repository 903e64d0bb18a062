"""Writes a run into the table of scores: only the rows that are new, changed or gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from churn_agent.errors import InputError
from churn_agent.history import records
from churn_agent.history.runs import Run
from churn_agent.reports.scores.columns import COLUMNS, KEY, SCHEMA_VERSION, TABLE, WRITTEN, Row, rows
from churn_agent.reports.scores.targets import Connection, Target, names
from churn_agent.store.store import Store

_COMPARED = [column.name for column in COLUMNS if column.name != WRITTEN]


@dataclass(frozen=True)
class Published:
    """Counts of rows."""

    to: str
    new: int
    changed: int
    unchanged: int
    removed: int
    """Rows of customers who are not in their run any more, such as erased ones; also those of earlier runs."""


def check(target: Target) -> None:
    """Opens the target and changes nothing, before a batch costs something.

    Raises:
        InputError: the table is by a newer version, or another table has its name.
        Unavailable: the target cannot be opened.
    """
    file = target.file
    if file is not None and not file.exists() and file.parent.is_dir():
        return
    with target.open() as (connection, _):
        _check_table(connection, target)


def publish(store: Store, run: Run, target: Target, *, words: bool = False) -> Published:
    """Writes the rows of a run. Rows that are equal stay as they are; a file in which nothing changes is not written.

    Args:
        store: the store of the run.
        run: the run.
        target: DuckDB or Parquet file, or PostgreSQL.
        words: whether reasons and quotes leave the store. Without, those of an earlier call are emptied.

    Raises:
        InputError: the table is by a newer version, or another table has its name.
        Unavailable: the target cannot be opened, or is in use.
        FileFormatError: the file is something else.
    """
    made = {(run.id, str(row["customer_id"])): row for row in rows(store, run, words=words)}
    with target.open() as (connection, outcome):
        _check_table(connection, target)
        _prepare(connection)
        there = _stored(connection, run.id)
        new = [row for key, row in made.items() if key not in there]
        changed = [row for key, row in made.items() if key in there and row != there[key]]
        gone: list[Row] = [dict(zip(KEY, key, strict=True)) for key in there.keys() - made.keys()]
        gone += _gone_from_earlier_runs(store, connection, run)
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        _delete(connection, [*gone, *({name: row[name] for name in KEY} for row in changed)])
        _insert(connection, [{**row, WRITTEN: now} for row in (*new, *changed)])
        outcome.changed = bool(new or changed or gone)
    return Published(target.shown, len(new), len(changed), len(made) - len(new) - len(changed), len(gone))


def _check_table(connection: Connection, target: Target) -> None:
    there = connection.columns()
    if not there:
        return
    if not {*KEY, "schema_version"} <= set(there):
        raise InputError(f"{target.shown}: the table {TABLE} is not one of churn-agent's; rename it, or choose another")
    [(newest,)] = connection.fetch(f'SELECT max("schema_version") FROM {TABLE}')  # noqa: S608 - our own name
    if newest is not None and newest > SCHEMA_VERSION:
        raise InputError(
            f"{target.shown}: the table {TABLE} has version {newest} of its columns, by a newer churn-agent"
        )


def _prepare(connection: Connection) -> None:
    """Makes the table, or adds the columns that it lacks; columns of others stay."""
    there = connection.columns()
    if not there:
        defined = ", ".join(f'"{column.name}" {column.type}' for column in COLUMNS)
        connection.execute(f"CREATE TABLE {TABLE} ({defined}, PRIMARY KEY ({names(KEY)}))")
    for column in COLUMNS:
        if there and column.name not in there:
            connection.execute(f'ALTER TABLE {TABLE} ADD COLUMN "{column.name}" {column.type}')


def _stored(connection: Connection, run_id: str) -> dict[tuple[str, str], Row]:
    sql = f'SELECT {names(_COMPARED)} FROM {TABLE} WHERE "run_id" = :run_id'  # noqa: S608 - our own names
    stored = (dict(zip(_COMPARED, row, strict=True)) for row in connection.fetch(sql, run_id=run_id))
    return {(str(row["run_id"]), str(row["customer_id"])): row for row in stored}


def _gone_from_earlier_runs(store: Store, connection: Connection, run: Run) -> list[Row]:
    """The keys of rows of this store's other runs whose customers are not in them any more: they were erased."""
    own = {other.id for other in store.runs()} - {run.id}
    there: dict[str, set[str]] = {}
    for run_id, customer_id in connection.fetch(f"SELECT {names(KEY)} FROM {TABLE}"):  # noqa: S608
        if run_id in own:
            there.setdefault(run_id, set()).add(customer_id)
    return [
        {"run_id": run_id, "customer_id": customer_id}
        for run_id, customers in there.items()
        for customer_id in sorted(customers - records.customers_of_run(store.history, run_id))
    ]


def _delete(connection: Connection, keys: Sequence[Mapping[str, Any]]) -> None:
    if keys:
        connection.delete(keys)


def _insert(connection: Connection, made: Sequence[Row]) -> None:
    if made:
        connection.insert({column.name: column.type for column in COLUMNS}, made)
