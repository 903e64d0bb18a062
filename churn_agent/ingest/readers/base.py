"""The rows that all readers yield."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from numbers import Number
from typing import Any, NamedTuple, cast

from churn_agent.domain.headers import header_name
from churn_agent.errors import FileFormatError
from churn_agent.ingest.formats.cells import NumberText
from churn_agent.ingest.questions import Guess

Note = Callable[[Guess], None]
"""Notes a guess."""
Progress = Callable[[int, int | None], None]
"""Called with (done, total) in bytes of files or rows of tables; the total is None if unknown."""

_MISSING = frozenset({"NAType", "NaTType"})
"""Missing values of pandas; comparing them is an error."""
_FIRST_ROUNDED = 2**53
"""From here on, numbers with a point do not hold every whole number."""


_TOGETHER = 5000
_CHARACTERS_TOGETHER = 4_000_000
"""Most rows looked at together, and their size."""


class Row(NamedTuple):
    """One row of a source. `problem` says why its values are unusable."""

    line: int
    """Line number in a text file; otherwise the number of the row, record or mail. Counted from 1."""
    values: dict[str, str]
    problem: str | None = None
    rule: int = 0
    """Index of the mapping's rule for this row."""
    sheet: str | None = None
    """Sheet of a workbook."""


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yields rows together, fewer of them if they are long, so that memory is bounded."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(map(len, row.values.values()))
        if len(batch) >= _TOGETHER or size > _CHARACTERS_TOGETHER:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _unnoted(guess: Guess) -> None:
    pass


@dataclass(frozen=True)
class ReadOptions:
    """What a reader is told, and where it notes what it guesses."""

    table: str = "interactions"
    """Kind of data; a sheet or a table of a database with this name has it."""
    encoding: str | None = None
    """Encoding of text, from the mapping."""
    sheet: str | None = None
    """Sheet of a workbook, from the mapping."""
    unless_utf8: bool = False
    """Whether the encoding is that of another file of the import, so that a file in UTF-8 is read as UTF-8."""
    sheet_if_there: str | None = None
    """Sheet of another workbook of the import; read if there is one, and none named after the kind of data."""
    names: frozenset[str] = frozenset()
    """Normalized names that columns may have."""
    ids: frozenset[str] = frozenset()
    """Normalized names of the column of customers."""
    shared: frozenset[str] = frozenset()
    """Normalized names of columns whose merged cells count for every row, such as the customer."""
    texts: frozenset[str] = frozenset()
    """Normalized names of columns that usually hold texts."""
    needed: frozenset[str] | None = None
    """Normalized names of columns that may be there only once, because a field is read from them; None for all."""
    note: Note = _unnoted

    def line(self, setting: str, value: str) -> str:
        """Returns the line of a mapping that gives this kind of data a setting."""
        return f"{setting}: {value}" if self.table == "interactions" else f"{setting}: {{{self.table}: {value}}}"


def checked_header(names: list[str], source: object, options: ReadOptions) -> list[str]:
    """Normalizes the names of columns. A repeated name that may stay is numbered: `labels`, `labels_2`.

    Raises:
        FileFormatError: there are no names, or one that is needed is repeated.
    """
    header = [header_name(name) for name in names]
    if not any(header):
        raise FileFormatError(f"{source}: the file is empty; the first line must name the columns")
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    needed = [name for name in repeated if options.needed is None or name in options.needed]
    if needed:
        raise FileFormatError(f"{source}: the column {needed[0]!r} is in the header twice; rename or remove one")
    if not repeated:
        return header
    unique: list[str] = []
    for name in header:
        number, numbered = 1, name
        while name in repeated and (numbered in unique or (number > 1 and numbered in header)):
            number += 1
            numbered = f"{name}_{number}"
        unique.append(numbered)
    about, taken = f"{source}: columns that are in the header more than once", "they are numbered, as metadata"
    options.note(Guess(about, taken, ", ".join(name for name in unique if name not in header)[:200], ""))
    return unique


def as_text(value: Any) -> str:
    """Returns a cell as text: missing values are empty, whole numbers have no point, times are ISO 8601.

    Lists, arrays and records are JSON; bytes are UTF-8.

    Raises:
        ValueError: bytes are not UTF-8 text.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Number):
        return _number_text(value)
    if isinstance(value, datetime | date | time):
        return "" if value != value else value.isoformat()  # NaT is a datetime
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(cast("Any", value)).decode()
    if type(value).__name__ in _MISSING:
        return ""
    if hasattr(value, "tolist"):  # arrays of NumPy
        value = value.tolist()
    if isinstance(value, list | tuple | dict):
        return json.dumps(cast("Any", value), ensure_ascii=False, default=str)
    return str(value)


def _number_text(value: Any) -> str:
    if value != value:  # NaN is a missing value in data frames
        return ""
    if isinstance(value, float) and value.is_integer():
        exact = abs(value) < _FIRST_ROUNDED
        return NumberText(int(value)) if exact else NumberText(f"{value:.16E}")  # refused as an id: digits are lost
    return NumberText(value)


class TypedRows:
    """Turns typed cells into rows. Bytes that are not UTF-8 text are left out, and noted once for a column."""

    def __init__(self, header: list[str], source: object, options: ReadOptions) -> None:
        """Creates the converter of a table with this header."""
        self._header = header
        self._source = source
        self._options = options
        self._undecodable: set[str] = set()

    def row(self, line: int, cells: Any) -> Row:
        """Returns a row."""
        try:
            return Row(line, {name: as_text(cell) for name, cell in zip(self._header, cells, strict=False)})
        except UnicodeDecodeError:
            return Row(line, {name: self._decoded(name, cell) for name, cell in zip(self._header, cells, strict=False)})

    def _decoded(self, name: str, cell: Any) -> str:
        encoding = self._options.encoding
        try:
            return bytes(cell).decode(encoding) if encoding and isinstance(cell, bytes | bytearray) else as_text(cell)
        except UnicodeDecodeError:
            if name not in self._undecodable:
                self._undecodable.add(name)
                about, taken = f"{self._source}: column {name!r}", "bytes that are not UTF-8 text are left out"
                why, change = f"they begin with {bytes(cell)[:8]!r}", self._options.line("encoding", "cp1252")
                self._options.note(Guess(about, taken, why, change))
            return ""


class RowsIn(NamedTuple):
    """Where the rows of a rule are in a JSON record."""

    each: str | None = None
    """List whose elements are rows; None if the record itself is one."""
    columns: tuple[str, ...] = ()
    """Dotted columns; a list that they lead through holds the rows, if `each` names none."""


RecordShape = Mapping[int, RowsIn]
"""Rule -> where its rows are in a record."""
