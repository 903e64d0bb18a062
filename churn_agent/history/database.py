"""Opens the database of a store and brings its schema up to date.

This is the only module with code specific to SQLite.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, DateTime, Engine, Table, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DatabaseError

from churn_agent.errors import InputError, StoreUnavailable
from churn_agent.files import strict_json
from churn_agent.files.writability import is_read_only
from churn_agent.history import migrating

FILE_NAME = "history.db"
_WAIT_S = 1.0
"""Seconds that a second writer waits before it gets an error."""
SCHEMA_VERSION = "0009"
_EPOCH = date(1970, 1, 1)
"""The newest migration."""


def open_database(store: Path, notify: Callable[[str], None] = lambda what: None) -> Engine:
    """Opens or creates the database in the folder `store`. A database with an older schema is copied, then migrated.

    A database that this user cannot write to is opened for reading.

    Args:
        store: folder of the store.
        notify: called with a message about a migration and its copy.

    Raises:
        StoreUnavailable: there is no database and the folder is not writable, or the file is not a history or cannot be
            migrated.
    """
    path = store / FILE_NAME
    read_only = path.exists() and (is_read_only(path) or is_read_only(store))
    try:
        store.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            URL.create("sqlite", database=str(path)),  # a string would be parsed, and `?` starts its options
            creator=partial(_connect, address(path, read_only=read_only)),
            json_deserializer=partial(_parse, path),
        )
        event.listen(engine, "connect", _set_up_reading if read_only else _set_up_sqlite)
        event.listen(engine, "begin", _begin)
        event.listen(engine, "handle_error", partial(_explain, path))
        if read_only:
            migrating.require(engine, path, SCHEMA_VERSION)
        else:
            migrating.migrate(engine, path, SCHEMA_VERSION, notify)
    except OSError as error:
        raise StoreUnavailable(f"cannot use {str(store)!r} as a store: {error.strerror}") from error
    except DatabaseError as error:
        raise StoreUnavailable(f"cannot open the history {str(path)!r}: {error.orig}") from error
    return engine


def address(path: Path, *, read_only: bool) -> str:
    """Returns the SQLite URI of a database.

    SQLite reads a database in WAL mode only with its `-shm` file. If that file neither exists nor can be created, and
    no changes wait in the log, the file is complete and is read as one that nobody changes (`immutable`).
    """
    uri = path.absolute().as_uri()
    if not read_only:
        return uri
    in_log = path.with_name(f"{path.name}-wal")
    if is_read_only(path.parent) and not (in_log.exists() and in_log.stat().st_size):
        return f"{uri}?immutable=1"
    return f"{uri}?mode=ro"


def _connect(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, timeout=_WAIT_S, check_same_thread=False, uri=True)


def _parse(path: Path, stored: str) -> Any:
    try:
        return strict_json.parse(stored)
    except ValueError as error:
        raise StoreUnavailable(f"the history {str(path)!r} is damaged ({error}); restore a copy of it") from error


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _set_up_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    _set_up_reading(connection, _)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-65536")  # 64 MiB: an import touches its index pages at random


def _set_up_reading(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN covers DDL too, unlike the driver's own


def _explain(path: Path, context: ExceptionContext) -> None:
    """Turns errors that a user can fix into one line: another writer, a damaged file, a full disk."""
    error = context.original_exception
    if isinstance(error, UnicodeEncodeError):
        raise InputError(f"{error.object!r} has half of a character, which no id in the store has") from error
    if isinstance(error, OverflowError):
        raise InputError("a number is too large for the database") from error
    if not isinstance(error, sqlite3.DatabaseError):
        return
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise StoreUnavailable(
            f"another churn-agent is writing to {str(path)!r}; try again when it has finished"
        ) from error
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        raise StoreUnavailable(
            f"the history {str(path)!r} is damaged ({error}); restore a copy of it, or import into a new store"
        ) from error
    if code == sqlite3.SQLITE_READONLY:
        raise StoreUnavailable(
            f"this command writes to the store, but {str(path)!r} is read-only; copy the store to a folder where you "
            "can write, and name it with --store"
        ) from error
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        raise StoreUnavailable(f"cannot use the history {str(path)!r}: {error}") from error


def insert_if_new(connection: Connection, table: Table) -> Any:
    """Returns an insert that skips rows whose primary key exists."""
    dialect: Any = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    return dialect.insert(table).on_conflict_do_nothing()


def binders(connection: Connection, table: Table, columns: Sequence[str]) -> list[Callable[[Any], Any] | None]:
    """Returns for each column what turns its values into those of the driver; None if they are the same."""
    dialect = connection.dialect
    processors: list[Callable[[Any], Any] | None]
    processors = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns]
    if dialect.name == "sqlite":  # the same text as SQLAlchemy's processor makes, in a fraction of the time
        times = [isinstance(table.c[name].type, DateTime) for name in columns]
        processors = [_bound_time if time else process for time, process in zip(times, processors, strict=True)]
    return processors


def _bound_time(moment: datetime | None) -> str | None:
    return moment.isoformat(" ", "microseconds") if moment else None


def insert_many(connection: Connection, table: Table, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Inserts rows of the driver's values. SQLAlchemy's own way takes several times as long."""
    names = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in columns)
    places = ", ".join("?" * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", rows)  # noqa: S608 - our names


def check(engine: Engine) -> None:
    """Reads the whole database file. Raises `StoreUnavailable` if it is damaged."""
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        result = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if result != "ok":
        raise StoreUnavailable(f"the history {engine.url.database!r} is damaged ({result}); restore a copy of it")


def compact(engine: Engine) -> None:
    """Rewrites the database file, because deleted data stay readable in it until then.

    Raises:
        StoreUnavailable: another process uses the database, or the disk is full.
    """
    if engine.dialect.name != "sqlite":
        return
    try:
        with closing(engine.raw_connection()) as raw:  # outside a transaction
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            [busy, *_] = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() or [1]
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"cannot rewrite the history {str(engine.url.database)!r} ({error}), so deleted data can still be read in "
            "it; run the command again"
        ) from error
    if busy:
        raise StoreUnavailable(
            f"another churn-agent is reading the history {str(engine.url.database)!r}, so deleted data can still be "
            "read in it; run the command again when it has finished"
        )


def to_stored(moment: datetime) -> datetime:
    """Converts an aware time to the form in the tables."""
    return moment.replace(tzinfo=None) if moment.tzinfo is UTC else moment.astimezone(UTC).replace(tzinfo=None)


def from_stored(moment: datetime) -> datetime:
    """A moment as it was read from the database, aware and in UTC."""
    return moment.replace(tzinfo=UTC)


def day_number(day: date) -> int:
    """Returns the days since 1970, so that the database can count by days."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """Returns the day of a number of days since 1970."""
    return _EPOCH + timedelta(days=number)


def now() -> datetime:
    """Returns the current time in the form in the tables."""
    return to_stored(datetime.now(UTC))
