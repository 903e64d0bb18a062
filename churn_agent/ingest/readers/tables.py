"""Reads Parquet files, spreadsheets, databases and data frames."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from churn_agent import extras
from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import Progress, Row, as_text, checked_header, header_name, plain_row

_FETCH = 5000
_MOST_UNPACKED = 200
"""Highest ratio of unpacked to packed size of a spreadsheet: real ones have 5 to 20, zip bombs about 1000."""
_SMALL = 100_000_000
"""Bytes that are always unpacked, whatever the ratio."""
_TABLE = "interactions"
"""The default table or sheet."""


def read_parquet(path: Path, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a Parquet file. Raises `FileFormatError`."""
    with extras.importing("files"):
        import duckdb

    try:
        with closing(duckdb.connect()) as connection:
            [total] = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone() or [None]
            yield from _fetched(connection.execute("SELECT * FROM read_parquet(?)", [str(path)]), path, progress, total)
    except duckdb.Error as error:
        raise FileFormatError(f"{path}: not a readable Parquet file: {_first_line(error)}") from error


def read_duckdb(path: Path, query: str | None, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a query on a DuckDB file, or of its table `interactions`. Raises `FileFormatError`."""
    with extras.importing("files"):
        import duckdb

    try:
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            if query is None:
                names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
                query = _select_all([name for (name,) in names], path)
            yield from _fetched(connection.execute(query), path, progress, None)
    except duckdb.Error as error:
        raise FileFormatError(f"{path}: {_first_line(error)}") from error


def read_sql(url: str, query: str | None, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a query on a database, or of its table `interactions`.

    Args:
        url: SQLAlchemy URL, such as `sqlite:///book.db` or `postgresql+psycopg://host/name`.
        query: SQL; None for the default table.
        progress: called with the number of rows.

    Raises:
        FileFormatError: the database cannot be opened, or the query fails.
    """
    from sqlalchemy import create_engine, inspect, text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = create_engine(url)
        shown = engine.url.render_as_string(hide_password=True)
        with engine.connect() as connection:
            query = query or _select_all(inspect(connection).get_table_names(), shown)
            result = connection.execution_options(yield_per=_FETCH).execute(text(query))
            header = checked_header(list(result.keys()), shown)
            for number, cells in enumerate(result, start=1):
                if number % _FETCH == 0:
                    progress(number, None)
                yield plain_row(number, header, cells)
    except (SQLAlchemyError, ImportError) as error:
        raise FileFormatError(f"cannot read the database: {_first_line(error)}") from error


def read_xlsx(path: Path, progress: Progress) -> Iterator[Row]:
    """Yields the rows of the sheet `interactions`, or of the first sheet. Raises `FileFormatError`."""
    rows = _sheet_rows(path)
    first = [as_text(cell) for cell in next(rows, (0, ()))[1]]
    while first and not first[-1]:  # formatted cells can extend beyond the data
        first.pop()
    header = checked_header(first, path)
    for number, (total, cells) in enumerate(rows, start=2):
        if number % _FETCH == 0:
            progress(number, total)
        if any(cell is not None for cell in cells):
            yield plain_row(number, header, cells)


def _sheet_rows(path: Path) -> Iterator[tuple[int | None, tuple[Any, ...]]]:
    """Yields (total rows, cells). XML entities are rejected, because openpyxl reads with defusedxml."""
    with extras.importing("files"):
        from openpyxl import load_workbook

    try:
        _refuse_bomb(path)
        with closing(load_workbook(path, read_only=True, data_only=True)) as workbook:
            sheet = workbook[_TABLE] if _TABLE in workbook.sheetnames else workbook.worksheets[0]
            for cells in sheet.iter_rows(values_only=True):
                yield sheet.max_row, cells
    except FileFormatError:
        raise
    except Exception as error:  # a damaged file makes openpyxl raise errors of many types
        raise FileFormatError(f"{path}: not a readable spreadsheet (.xlsx): {_first_line(error)}") from error


def _refuse_bomb(path: Path) -> None:
    """Raises `FileFormatError` for a file that unpacks to far more than a spreadsheet would."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())  # zipfile reads no more than these sizes
    if unpacked > max(_SMALL, _MOST_UNPACKED * path.stat().st_size):
        raise FileFormatError(f"{path}: unpacks to {unpacked / 1e6:,.0f} MB, far more than a spreadsheet of its size")


def read_frame(frame: Any) -> Iterator[Row]:
    """Yields the rows of a pandas, polars or Arrow table (any that narwhals supports). Raises `FileFormatError`."""
    import narwhals

    table: Any = narwhals.from_native(frame, eager_only=True)
    header = checked_header([str(name) for name in table.columns], "the data frame")
    for number, cells in enumerate(table.iter_rows(named=False), start=1):
        yield plain_row(number, header, cells)


def is_frame(value: object) -> bool:
    """Whether narwhals supports this as a table."""
    import narwhals

    return isinstance(narwhals.from_native(value, eager_only=True, pass_through=True), narwhals.DataFrame)


def _fetched(result: Any, path: Path, progress: Progress, total: int | None) -> Iterator[Row]:
    header = checked_header([column[0] for column in result.description], path)
    number = 0
    while rows := result.fetchmany(_FETCH):
        for cells in rows:
            number += 1
            yield plain_row(number, header, cells)
        progress(number, total)


def _select_all(names: Iterable[str], source: object) -> str:
    tables = sorted(names)
    name = next((name for name in tables if header_name(name) == _TABLE), tables[0] if len(tables) == 1 else None)
    if name is None:
        raise FileFormatError(f"{source}: select the rows with --query; the tables are {', '.join(tables) or 'none'}")
    quoted = name.replace('"', '""')
    return f'SELECT * FROM "{quoted}"'  # noqa: S608 - a name from the database itself, quoted


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
