"""The rows that all readers yield."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from churn_agent.errors import FileFormatError

Progress = Callable[[int, int | None], None]
"""Called with (done, total) in bytes of files or rows of tables; the total is None if unknown."""

_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source. `problem` says why its values are unusable."""

    line: int
    """Line number in a text file; otherwise the number of the row, record or mail. Counted from 1."""
    values: dict[str, str]
    problem: str | None = None
    rule: int = 0
    """Index of the mapping's rule for this row."""


def header_name(name: str) -> str:
    """Normalizes a column's name: lower case, underscores for spaces and hyphens, no invisible characters."""
    return "_".join(name.translate(_INVISIBLE).strip().casefold().replace("-", " ").split())


def checked_header(names: list[str], source: object) -> list[str]:
    """Normalizes the names of columns. Raises `FileFormatError` if there are none, or if a name is repeated."""
    header = [header_name(name) for name in names]
    if not any(header):
        raise FileFormatError(f"{source}: the file is empty; the first line must name the columns")
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise FileFormatError(f"{source}: the column {repeated[0]!r} is in the header twice; rename or remove one")
    return header


def as_text(value: Any) -> str:
    """Returns a cell as text: missing values are empty, whole numbers have no point, times are ISO 8601."""
    if value is None or value != value:  # NaN is a missing value in data frames
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def plain_row(line: int, header: list[str], cells: Any) -> Row:
    """Returns a row of typed cells."""
    return Row(line, {name: as_text(cell) for name, cell in zip(header, cells, strict=False)})


RecordShape = Mapping[int, str | None]
"""Rule -> the list inside a record whose elements are rows; None if the record itself is a row."""
