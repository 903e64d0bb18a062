"""A migrated copy of a history, on which an import can be tried without writing to the store."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from churn_agent.errors import StoreUnavailable
from churn_agent.files.writability import is_read_only
from churn_agent.history.database import FILE_NAME, SCHEMA_VERSION, address, open_database


def must_be_copied(store: Path) -> bool:
    """Whether opening the history in a store and rolling an import back would write: it is new, old or read-only."""
    return _is_read_only(store) or _schema_version(store) != SCHEMA_VERSION


def _is_read_only(store: Path) -> bool:
    return is_read_only(store / FILE_NAME) or is_read_only(store)


def _schema_version(store: Path) -> str | None:
    if not (store / FILE_NAME).exists():
        return None
    try:
        with closing(_connection(store)) as connection:
            [version] = connection.execute("SELECT version_num FROM alembic_version").fetchone() or [None]
    except sqlite3.Error:  # it is no history, which is said when it is copied
        return None
    return version


def _connection(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(address(store / FILE_NAME, read_only=_is_read_only(store)), uri=True)


@contextmanager
def copied(store: Path) -> Generator[Engine]:
    """Yields a copy of the history in a store, with the newest schema; an empty history if there is none.

    Raises:
        StoreUnavailable: the temporary folder has no room, or the history cannot be read.
    """
    path = store / FILE_NAME
    with TemporaryDirectory(prefix="churn-agent-dry-run-") as folder:
        try:
            if path.exists():
                with closing(_connection(store)) as stored, closing(sqlite3.connect(Path(folder) / FILE_NAME)) as copy:
                    stored.backup(copy)
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailable(
                f"cannot copy the history {str(path)!r} for a dry run: {error}; name another temporary folder in the "
                "variable TMPDIR"
            ) from error
        engine = open_database(Path(folder))
        try:
            yield engine
        finally:
            engine.dispose()
