"""What every reader yields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from churn_agent.errors import FileFormatError

Progress = Callable[[int, int | None], None]
"""Called with (done, in all): bytes of files, rows of tables; None where nobody knows how many."""

_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source. `problem` says why its values cannot be used."""

    line: int
    """Line of a text file; number of the row, record or mail elsewhere. Counted from 1."""
    values: dict[str, str]
    problem: str | None = None
    rule: int = 0
    """Which rule of the mapping it belongs to."""


def header_name(name: str) -> str:
    """A column's name as it is compared: no invisible characters, lower case, underscores for blanks."""
    return "_".join(name.translate(_INVISIBLE).strip().casefold().replace("-", " ").split())


def checked_header(names: list[str], source: object) -> list[str]:
    """The names of the columns as they are compared. Raises `FileFormatError` for none, or for two of a name."""
    header = [header_name(name) for name in names]
    if not any(header):
        raise FileFormatError(f"{source}: is empty; the first line must name the columns")
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise FileFormatError(f"{source}: the column {repeated[0]!r} stands twice in the header")
    return header


def as_text(value: Any) -> str:
    """A cell as text: nothing is empty, whole numbers have no point, times are ISO 8601."""
    if value is None or value != value:  # NaN is how data frames say "nothing"
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def plain_row(line: int, header: list[str], cells: Any) -> Row:
    """A row of typed cells."""
    return Row(line, {name: as_text(cell) for name, cell in zip(header, cells, strict=False)})


RecordShape = Mapping[int, str | None]
"""Rule -> the list inside a record of which each element is a row; None: the record itself is one."""
