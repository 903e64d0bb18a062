"""Reads Parquet files, databases and data frames."""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_agent import extras
from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import Progress, ReadOptions, Row, TypedRows, checked_header, header_name

if TYPE_CHECKING:
    from sqlalchemy import URL

_FETCH = 5000
_OF_QUERY = "interactions"
"""The kind of data that a query selects."""
_GLOB = re.compile(r"([*?\[])")
_SELECTS = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|WITH|VALUES|FROM|TABLE)\b", re.I | re.S)
_QUOTED = r"'(?:[^'{0}]|''{1})*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/"
_OF_MYSQL = r"'(?:[^'{0}]|''{1})*'|\"(?:[^\"{0}]|\"\"{1})*\"|`[^`]*`|(?:#|--(?=\s|$))[^\n]*|/\*(?!M?!).*?\*/"
_ESCAPES = ("", ""), (r"\\", r"|\\.")
_READINGS = tuple(re.compile(_QUOTED.format(*escapes), re.S) for escapes in _ESCAPES)
_READINGS_OF_MYSQL = tuple(re.compile(_OF_MYSQL.format(*escapes), re.S) for escapes in _ESCAPES)
"""Strings, names and comments in SQL, without and with backslashes that escape a quotation mark.

MySQL runs what is in the comments `/*! ... */`, has no strings between dollars, and begins comments in other ways.
"""
_WRITES_FILE = re.compile(r"\bINTO\s+(?:OUTFILE|DUMPFILE)\b", re.I)
"""What a read-only transaction of MySQL does not refuse."""
_MYSQL = "mysql", "mariadb"
_READS_ONLY = "--query must be read-only: give one statement, and begin it with SELECT or WITH; nothing was changed"
_NOT_AUTHORIZED = "not authorized", "read-only transaction", "READ ONLY transaction"
"""In messages of SQLite for what `_only_read` refuses, of PostgreSQL, and of MySQL."""
_WAL = 2
"""Version in the header of a SQLite database in WAL mode."""


def read_parquet(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a Parquet file. Raises `FileFormatError`."""
    with extras.importing("files"):
        import duckdb

    try:
        with closing(duckdb.connect()) as connection:
            name = _GLOB.sub(r"[\1]", str(path))
            [total] = connection.execute("SELECT count(*) FROM read_parquet(?)", [name]).fetchone() or [None]
            result = connection.execute("SELECT * FROM read_parquet(?)", [name])
            yield from _fetched(result, path, options, progress, total)
    except duckdb.Error as error:
        raise FileFormatError(f"{path}: not a readable Parquet file: {_first_line(error)}") from error


def read_duckdb(path: Path, query: str | None, options: ReadOptions, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a query on a DuckDB file, or of its default table. Raises `FileFormatError`."""
    with extras.importing("files"):
        import duckdb

    try:
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            if query is not None:
                kinds = {statement.type for statement in connection.extract_statements(query)}
                if kinds != {duckdb.StatementType.SELECT}:  # COPY would write a file
                    raise FileFormatError(f"{path}: {_READS_ONLY}")
            else:
                names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
                name = _default_table([name for (name,) in names], options.table, path)
                query = _select_all('"' + name.replace('"', '""') + '"')
            yield from _fetched(connection.execute(query), path, options, progress, None)
    except duckdb.Error as error:
        raise FileFormatError(f"{path}: {_first_line(error)}") from error


def read_sqlite(path: Path, query: str | None, options: ReadOptions, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a query on a SQLite file, or of its default table. Nothing is written beside it.

    Raises:
        FileFormatError: the file is not a database, or the query fails.
    """
    from sqlalchemy import URL

    # SQLite creates files beside a database in WAL mode even for reading, unless it is declared to be unchanging.
    try:
        with path.open("rb") as file:
            in_wal_mode = file.read(20)[18:] == bytes([_WAL, _WAL])
        log = path.with_name(f"{path.name}-wal")
        unchanging = in_wal_mode and not (log.exists() and log.stat().st_size)
    except OSError as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {error.strerror}") from error
    access = {"immutable": "1"} if unchanging else {"mode": "ro"}
    url = URL.create("sqlite", database=path.resolve().as_uri(), query={**access, "uri": "true"})
    return read_sql(url, query, options, progress)


def read_sql(url: "str | URL", query: str | None, options: ReadOptions, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a query on a database, or of its default table.

    Args:
        url: SQLAlchemy URL, such as `sqlite:///book.db` or `postgresql+psycopg://host/name`.
        query: SQL; None for the table named after the kind of data.
        options: encoding of bytes, and where guesses are noted.
        progress: called with the number of rows.

    Raises:
        FileFormatError: the database cannot be opened, or the query fails or does more than read.
    """
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = create_engine(url)
        if query is not None and not _only_selects(query, engine.dialect.name):
            raise FileFormatError(_READS_ONLY)
        shown = engine.url.render_as_string(hide_password=True)
        read_only = {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}
        with engine.connect().execution_options(**read_only) as connection:
            if query is not None and engine.dialect.name == "sqlite":
                _only_read(connection.connection.driver_connection)
            if engine.dialect.name in _MYSQL:
                connection.exec_driver_sql("START TRANSACTION READ ONLY")
            if query is None:
                table = _default_table(inspect(connection).get_table_names(), options.table, shown)
                query = _select_all(engine.dialect.identifier_preparer.quote_identifier(table))
            as_written = {"no_parameters": True}  # a colon or percent sign in a query stands for itself
            result = connection.execution_options(yield_per=_FETCH, **as_written).exec_driver_sql(query)
            header = checked_header(list(result.keys()), shown, options)
            typed = TypedRows(header, shown, options)
            for number, cells in enumerate(result, start=1):
                if number % _FETCH == 0:
                    progress(number, None)
                yield typed.row(number, cells)
    except (SQLAlchemyError, ImportError) as error:
        if any(refusal in str(error) for refusal in _NOT_AUTHORIZED):
            raise FileFormatError(_READS_ONLY) from error
        raise FileFormatError(f"cannot read the database: {_first_line(error)}") from error


def _only_selects(query: str, dialect: str) -> bool:
    """Whether a query is one statement that begins like a reading one, and writes no file.

    Nothing may follow a semicolon: `SELECT 1; COMMIT; DROP ...` would end a read-only transaction.
    """
    is_mysql = dialect in _MYSQL
    plain = [reading.sub(" ", query) for reading in (_READINGS_OF_MYSQL if is_mysql else _READINGS)]
    writes_file = is_mysql and any(_WRITES_FILE.search(text) for text in plain)
    several = any(";" in text.rstrip("; \t\r\n") for text in plain)
    return bool(_SELECTS.match(query)) and not several and not writes_file


def _only_read(connection: Any) -> None:
    """Lets a connection to SQLite read, and do nothing else: `WITH ... DELETE` begins like a query."""
    reading = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

    def allow(action: int, *of: str | None) -> int:
        return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY

    connection.set_authorizer(allow)


def read_frame(frame: Any, options: ReadOptions) -> Iterator[Row]:
    """Yields the rows of a pandas, polars or Arrow table (any that narwhals supports).

    The levels of a pandas index that have a name are columns.

    Raises:
        FileFormatError: the frame has no columns, or one of them twice.
    """
    import narwhals

    levels = [name for name in getattr(getattr(frame, "index", None), "names", ()) if name is not None]
    try:
        if levels:
            frame = frame.reset_index(level=levels)
        table: Any = narwhals.from_native(frame, eager_only=True)
        header = checked_header([str(name) for name in table.columns], "the data frame", options)
    except ValueError as error:
        raise FileFormatError(f"the data frame: {' '.join(str(error).split())[:200]}") from error
    typed = TypedRows(header, "the data frame", options)
    for number, cells in enumerate(table.iter_rows(named=False), start=1):
        yield typed.row(number, cells)


def is_frame(value: object) -> bool:
    """Whether narwhals supports this as a table."""
    import narwhals

    try:
        return isinstance(narwhals.from_native(value, eager_only=True, pass_through=True), narwhals.DataFrame)
    except ValueError:  # a table with a column twice, which `read_frame` names
        return True


def _fetched(result: Any, path: Path, options: ReadOptions, progress: Progress, total: int | None) -> Iterator[Row]:
    typed = TypedRows(checked_header([column[0] for column in result.description], path, options), path, options)
    number = 0
    while rows := result.fetchmany(_FETCH):
        for cells in rows:
            number += 1
            yield typed.row(number, cells)
        progress(number, total)


def _default_table(names: Iterable[str], wanted: str, source: object) -> str:
    """Returns the table of that name, or the only one."""
    tables = sorted(names)
    name = next((name for name in tables if header_name(name) == wanted), tables[0] if len(tables) == 1 else None)
    if name is None and wanted != _OF_QUERY:
        raise FileFormatError(f"{source}: has no table {wanted!r}; the tables are {', '.join(tables) or 'none'}")
    if name is None:
        raise FileFormatError(f"{source}: select the rows with --query; the tables are {', '.join(tables) or 'none'}")
    return name


def _select_all(quoted: str) -> str:
    return f"SELECT * FROM {quoted}"  # noqa: S608 - a name from the database itself, quoted


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
