"""What a converter makes of originals: cases; and how it reads tables."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import as_text
from churn_agent.ingest.sources import Source, open_rows

Originals = Mapping[str, Path]
"""Address on the card -> the file that came from there, in the order of the card."""
Event = dict[str, object]
"""A row of `interactions` without its customer."""


@dataclass(frozen=True)
class Case:
    """A customer of a set, a date, the history up to it and the outcome after it."""

    customer_id: str
    as_of: date
    churned: bool
    events: Sequence[Event]
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])


Converter = Callable[[Originals], Iterator[Case]]


# --- rows of originals, and of a set


def make_event(day: date, hour: int, channel: str, text: str, **more: object) -> Event:
    """An event at a full hour (0 to 23) of a day; `more` are further fields."""
    return {"timestamp": f"{day}T{hour:02}:00:00", "channel": channel, "text": text, **more}


def known_by(day: date, events: Iterable[Event]) -> list[Event]:
    """The events up to the end of a day, in the order of time."""
    known = [event for event in events if str(event["timestamp"])[:10] <= str(day)]
    return sorted(known, key=lambda event: str(event["timestamp"]))


class Record(dict[str, str]):
    """A row of an original; a column that it should have and has not is an error."""

    def __missing__(self, column: str) -> str:
        raise FileFormatError(f"there is no column {column!r} among {', '.join(self)[:200]}")


def read_rows(path: Path) -> Iterator[Record]:
    """Yields the rows of a file, with column names in snake case. Raises `FileFormatError`."""
    for row in open_rows(Source(str(path), path=path), None, ()):
        if row.problem:
            raise FileFormatError(f"{path}:{row.line}: {row.problem}")
        yield Record({_column(name): cell.strip() for name, cell in row.values.items()})


def _column(name: str) -> str:
    """`Curricular units 1st sem (credited)` -> `curricular_units_1st_sem_credited`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"['’]", "", name.casefold())).strip("_")


def only(originals: Originals) -> Path:
    """The one file of a set that has one. Raises `ValueError` for any other number."""
    [path] = originals.values()
    return path


def without(row: Record, *beginnings: str) -> dict[str, str]:
    """The cells of a row, except columns whose names begin with one of `beginnings`."""
    return {name: cell for name, cell in row.items() if not name.startswith(beginnings)}


def number(cell: str) -> str:
    """As people write it: `3128.0` is `3128`."""
    return as_text(float(cell))


def months_before(day: date, months: int) -> date:
    """The day some months before, at most the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def one_of(cell: str, churned: str, *stayed: str) -> bool:
    """Whether a cell says "churned". Raises `ValueError` unless it has one of the known values."""
    if cell not in (churned, *stayed):
        raise ValueError(f"{cell!r} is none of {', '.join((churned, *stayed))}")
    return cell == churned
