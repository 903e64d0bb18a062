"""Where the table of scores can be: a DuckDB file, a Parquet file, or a PostgreSQL database."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from churn_agent import extras
from churn_agent.errors import FileFormatError, InputError, Unavailable
from churn_agent.files import atomic
from churn_agent.reports.scores.columns import TABLE, Value

_LOCATE = "use FILE.duckdb, FILE.parquet or postgresql://USER@HOST/DATABASE"


class Connection(Protocol):
    """A database in a transaction that is committed at the end."""

    def fetch(self, sql: str, **values: Value) -> list[tuple[Any, ...]]:
        """Returns the rows of a query; `:name` in it is a value."""
        ...

    def execute(self, sql: str) -> None:
        """Executes a statement."""
        ...

    def insert(self, types: Mapping[str, str], rows: Sequence[Mapping[str, Value]]) -> None:
        """Inserts rows into the table; `types` are those of its columns."""
        ...

    def delete(self, keys: Sequence[Mapping[str, Value]]) -> None:
        """Deletes the rows of the table with certain values of their keys, which are texts."""
        ...

    def columns(self) -> list[str]:
        """Returns the names of the table's columns; none if there is no table."""
        ...


@dataclass(frozen=True)
class Target:
    """A place for the table."""

    kind: Literal["duckdb", "parquet", "postgresql"]
    address: str
    """Path, or SQLAlchemy URL."""
    shown: str
    """Address without a password."""

    @property
    def file(self) -> Path | None:
        """The file; None for a server."""
        return None if self.kind == "postgresql" else Path(self.address)

    @contextmanager
    def open(self) -> Generator[tuple[Connection, "Outcome"]]:
        """Opens the target in a transaction, which is rolled back after an error.

        The block sets `changed` in the outcome; a Parquet file is replaced only then.

        Raises:
            Unavailable: the database cannot be reached or is in use, or a package is not installed.
            FileFormatError: the file is something else.
        """
        outcome = Outcome()
        with _of_server(self) if self.kind == "postgresql" else _of_file(self, outcome) as connection:
            yield connection, outcome


@dataclass
class Outcome:
    """Whether the block changed something."""

    changed: bool = False


def parse_target(text: str) -> Target:
    """Returns the target that a user names.

    Raises:
        InputError: it is none of the known kinds.
    """
    if text.startswith(("postgresql:", "postgres:", "postgresql+psycopg:")):
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(f"postgresql+psycopg:{text.partition(':')[2]}")
        except (ArgumentError, ValueError) as error:
            raise InputError(f"not an address of a database; {_LOCATE}") from error
        hidden = url.set(drivername="postgresql").render_as_string(hide_password=True)
        return Target("postgresql", url.render_as_string(hide_password=False), hidden)
    path = text.removeprefix("duckdb:///")
    if path != text or path.endswith((".duckdb", ".ddb")):
        return Target("duckdb", path, path)
    if path.endswith(".parquet") and "://" not in path:
        return Target("parquet", path, path)
    kind = f"{text.partition('://')[0]}://..." if "://" in text else text
    raise InputError(f"{kind!r} is not a place for scores; {_LOCATE}")


@contextmanager
def _of_file(target: Target, outcome: Outcome) -> Generator[Connection]:
    with extras.importing("files"):
        import duckdb

    path = Path(target.address)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {target.shown!r}: there is no folder {str(path.parent)!r}")
    try:
        in_memory = target.kind == "parquet"
        with closing(duckdb.connect(":memory:" if in_memory else target.address)) as database:
            connection = _DuckDb(database)
            if in_memory and path.exists():
                database.read_parquet(target.address).create(TABLE)
            database.begin()
            try:
                yield connection
            except BaseException:
                database.rollback()
                raise
            database.commit()
            if in_memory and outcome.changed:
                _write_parquet(database, path)
    except duckdb.InvalidInputException as error:
        raise FileFormatError(f"{target.shown!r}: {_first_line(error)}") from error
    except duckdb.Error as error:
        raise Unavailable(f"cannot write {target.shown!r}: {_first_line(error)}") from error


def _write_parquet(database: Any, path: Path) -> None:
    try:
        with atomic.replacing(path) as scratch:
            ordered = database.table(TABLE).order("run_at, run_id, customer_id")
            ordered.write_parquet(str(scratch))
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


class _DuckDb:
    def __init__(self, database: Any) -> None:
        self._database = database

    def fetch(self, sql: str, **values: Value) -> list[tuple[Any, ...]]:
        return cast("list[tuple[Any, ...]]", self._database.execute(_dollars(sql), values).fetchall())

    def execute(self, sql: str) -> None:
        self._database.execute(sql)

    def insert(self, types: Mapping[str, str], rows: Sequence[Mapping[str, Value]]) -> None:
        # A list for each column: statements row by row take more than twenty times as long.
        values = ", ".join(f"unnest(${name}::{type_}[])" for name, type_ in types.items())
        lists = {name: [row[name] for row in rows] for name in types}
        self._database.execute(f"INSERT INTO {TABLE} ({names(types)}) SELECT {values}", lists)

    def delete(self, keys: Sequence[Mapping[str, Value]]) -> None:
        lists = {name: [key[name] for key in keys] for name in keys[0]}
        values = ", ".join(f"unnest(${name}::TEXT[])" for name in lists)
        self._database.execute(f"DELETE FROM {TABLE} WHERE ({names(lists)}) IN (SELECT {values})", lists)  # noqa: S608

    def columns(self) -> list[str]:
        sql = "SELECT column_name FROM duckdb_columns() WHERE table_name = :name AND database_name = current_database()"
        return [name for (name,) in self.fetch(f"{sql} ORDER BY column_index", name=TABLE)]


def _dollars(sql: str) -> str:
    return sql.replace(":", "$")


@contextmanager
def _of_server(target: Target) -> Generator[Connection]:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = create_engine(target.address)
    except ImportError as error:
        raise Unavailable("psycopg is not installed; run: pip install 'psycopg[binary]'") from error
    try:
        with engine.begin() as connection:
            yield _Server(connection)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise Unavailable(f"cannot write to {target.shown}: {_first_line(cause)}") from error
    finally:
        engine.dispose()


class _Server:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def fetch(self, sql: str, **values: Value) -> list[tuple[Any, ...]]:
        from sqlalchemy import text

        return [tuple(row) for row in self._connection.execute(text(sql), values)]

    def execute(self, sql: str) -> None:
        from sqlalchemy import text

        self._connection.execute(text(sql))

    def insert(self, types: Mapping[str, str], rows: Sequence[Mapping[str, Value]]) -> None:
        from sqlalchemy import text

        values = ", ".join(f":{name}" for name in types)
        sql = f"INSERT INTO {TABLE} ({names(types)}) VALUES ({values})"  # noqa: S608
        self._connection.execute(text(sql), [dict(row) for row in rows])

    def delete(self, keys: Sequence[Mapping[str, Value]]) -> None:
        from sqlalchemy import text

        these = " AND ".join(f'"{name}" = :{name}' for name in keys[0])
        self._connection.execute(text(f"DELETE FROM {TABLE} WHERE {these}"), [dict(key) for key in keys])  # noqa: S608

    def columns(self) -> list[str]:
        from sqlalchemy import inspect

        inspector = inspect(self._connection)
        return [column["name"] for column in inspector.get_columns(TABLE)] if inspector.has_table(TABLE) else []


def _first_line(error: object) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def names(of: Iterable[str]) -> str:
    """Returns names of columns as SQL."""
    return ", ".join(f'"{name}"' for name in of)
