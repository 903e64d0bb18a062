"""Opens the database of a store and brings its schema up to date.

What is particular to SQLite stands here alone.
"""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError

from churn_agent.errors import StoreUnavailable

FILE_NAME = "history.db"
SCHEMA_VERSION = "0001"
"""The newest migration."""


def open_database(store: Path) -> Engine:
    """Opens (and creates) the database in the folder `store`.

    Raises:
        StoreUnavailable: the folder cannot be written, or holds something else than a history.
    """
    path = store / FILE_NAME
    try:
        store.mkdir(parents=True, exist_ok=True)
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 2.0})
        event.listen(engine, "connect", _set_up_sqlite)
        _migrate(engine)
    except OSError as error:
        raise StoreUnavailable(f"cannot use {str(store)!r} as a store: {error.strerror}") from error
    except DatabaseError as error:
        raise StoreUnavailable(f"cannot open the history {str(path)!r}: {error.orig}") from error
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def schema_version(engine: Engine) -> str | None:
    """The last migration that was applied; None for an empty database."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: Engine) -> None:
    found = schema_version(engine)
    if found == SCHEMA_VERSION:
        return
    if found is not None and found > SCHEMA_VERSION:
        raise StoreUnavailable(f"this store was written by a newer churn-agent (schema {found}); upgrade churn-agent")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def to_stored(moment: datetime) -> datetime:
    """An aware time as the tables keep it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def from_stored(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def now() -> datetime:
    """This moment as the tables keep it."""
    return to_stored(datetime.now(UTC))
