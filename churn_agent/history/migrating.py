"""Migrates the schema of a history, after copying it."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from churn_agent.errors import StoreUnavailable
from churn_agent.files import atomic
from churn_agent.history.tables import book

COPIES = "history-before-*"
"""Pattern of the copies' names, beside the database."""
_SCRIPTS = Path(__file__).parent / "migrations"
_WRITER = "churn_agent"
"""Key in the table `book` of the version of churn-agent that applied the last migration."""
_ROOM = 2
"""Free space for a migration, in sizes of the database: a copy, and rewritten tables."""
_MB = 1e6


def schema_version(engine: Engine) -> str | None:
    """Returns the last migration applied; None for an empty database."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(engine: Engine, path: Path, target: str, notify: Callable[[str], None]) -> None:
    """Applies the missing migrations, all or none of them.

    Args:
        engine: the database.
        path: its file; the copy is written beside it.
        target: the newest migration.
        notify: called with a message about the migration.

    Raises:
        StoreUnavailable: the database is from a newer churn-agent, there is no room for a copy, or a migration failed.
            The database is unchanged.
    """
    current = schema_version(engine)
    if current == target:
        return
    if current is not None and current not in _revisions():
        raise StoreUnavailable(_of_a_newer_version(engine, current))
    copy = _copy(engine, path, target) if current is not None else None
    if copy:
        notify(f"migrating the history from schema {current} to {target}; a copy of the old one is in {str(copy)!r}")
    try:
        with engine.begin() as connection:
            _upgrade(connection)
            _note_writer(connection)
    except Exception as error:
        if copy is None:
            raise
        raise StoreUnavailable(
            f"cannot migrate the history {str(path)!r} from schema {current} to {target} ({error}); "
            f"it is unchanged, and {str(copy)!r} is a copy of it"
        ) from error


def require(engine: Engine, path: Path, target: str) -> None:
    """Checks the schema of a database that cannot be migrated, because it is read-only.

    Raises:
        StoreUnavailable: it has another schema than `target`.
    """
    current = schema_version(engine)
    if current == target:
        return
    if current is not None and current not in _revisions():
        raise StoreUnavailable(_of_a_newer_version(engine, current))
    raise StoreUnavailable(
        f"the history {str(path)!r} has schema {current}, and cannot be migrated to {target} because it is read-only; "
        "copy the store to a folder where you can write, and name it with --store"
    )


def _revisions() -> set[str]:
    """Returns all migrations of this version."""
    return {script.stem.partition("_")[0] for script in (_SCRIPTS / "versions").glob("*.py")}


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _note_writer(connection: Connection) -> None:
    connection.execute(book.delete().where(book.c.key == _WRITER))
    connection.execute(book.insert().values(key=_WRITER, value=version("churn-agent")))


def _of_a_newer_version(engine: Engine, current: str) -> str:
    try:
        with engine.connect() as connection:
            writer = connection.scalar(select(book.c.value).where(book.c.key == _WRITER))
    except SQLAlchemyError:  # a newer version may have changed the table
        writer = None
    which = f"{writer}, schema {current}" if writer else f"schema {current}"
    return (
        f"this store was written by a newer churn-agent ({which}) than this one ({version('churn-agent')}); "
        "upgrade churn-agent"
    )


def _copy(engine: Engine, path: Path, target: str) -> Path:
    """Copies the database, including its write-ahead log. Raises `StoreUnavailable`."""
    size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    free = shutil.disk_usage(path.parent).free
    if free < _ROOM * size:
        raise StoreUnavailable(
            f"migrating the history to schema {target} needs {_ROOM * size / _MB:,.0f} MB in {str(path.parent)!r}, but "
            f"only {free / _MB:,.0f} MB are free; free some space and run the command again"
        )
    copy = path.with_name(f"{path.stem}-before-{target}.db")
    try:
        for unfinished in copy.parent.glob(f"{copy.name}.*{atomic.UNFINISHED}"):
            unfinished.unlink()  # as large as the history
        with (
            atomic.replacing(copy) as scratch,
            closing(engine.raw_connection()) as raw,
            closing(sqlite3.connect(scratch)) as to,
        ):
            database: Any = raw.driver_connection
            database.backup(to)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"cannot copy the history to {str(copy)!r} before its migration: {error}") from error
    return copy
