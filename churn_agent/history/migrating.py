"""Brings the schema of a history up to date, after a copy of it has been made."""

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
"""Names of the copies, beside the database."""
_SCRIPTS = Path(__file__).parent / "migrations"
_WRITER = "churn_agent"
"""Key in the table `book` of the version of churn-agent that applied the last migration."""
_ROOM = 2
"""Free space that a migration needs, in sizes of the database: a copy, and tables that are rewritten."""
_MB = 1e6


def schema_version(engine: Engine) -> str | None:
    """The last migration that was applied; None for an empty database."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(engine: Engine, path: Path, target: str, notify: Callable[[str], None]) -> None:
    """Applies the migrations that a database lacks, all or none of them.

    Args:
        path: the file of the database; the copy is made beside it.
        target: the newest migration.

    Raises:
        StoreUnavailable: the database is of a newer churn-agent, there is no room for a copy, or a migration failed.
            The database is as it was.
    """
    current = schema_version(engine)
    if current == target:
        return
    if current is not None and current not in _revisions():
        raise StoreUnavailable(_of_a_newer_version(engine, current))
    copy = _copy(engine, path, target) if current is not None else None
    if copy:
        notify(f"bringing the history from schema {current} to {target}; a copy from before is kept in {str(copy)!r}")
    try:
        with engine.begin() as connection:
            _upgrade(connection)
            _note_writer(connection)
    except Exception as error:
        if copy is None:
            raise
        raise StoreUnavailable(
            f"the history {str(path)!r} could not be brought from schema {current} to {target} ({error}); "
            f"it is as it was, and {str(copy)!r} is a copy of it"
        ) from error


def _revisions() -> set[str]:
    """All migrations that this version knows."""
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
    except SQLAlchemyError:  # the table may be another one by then
        writer = None
    which = f"{writer}, schema {current}" if writer else f"schema {current}"
    return (
        f"this store was written by a newer churn-agent ({which}) than this one ({version('churn-agent')}); "
        "upgrade churn-agent"
    )


def _copy(engine: Engine, path: Path, target: str) -> Path:
    """Copies the database, with what is not yet in its main file. Raises `StoreUnavailable`."""
    size = sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
    free = shutil.disk_usage(path.parent).free
    if free < _ROOM * size:
        raise StoreUnavailable(
            f"the history has to be brought to schema {target}, which takes {_ROOM * size / _MB:,.0f} MB in "
            f"{str(path.parent)!r}, and {free / _MB:,.0f} MB are free; make room and run the command again"
        )
    copy = path.with_name(f"{path.stem}-before-{target}.db")
    try:
        for cut_off in copy.parent.glob(f"{copy.name}.*{atomic.UNFINISHED}"):
            cut_off.unlink()  # as large as the history
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
