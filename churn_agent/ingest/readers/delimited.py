"""Reads CSV and its relatives: the delimiter, the header and unclosed quotes are found by comparing lines."""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import ReadOptions, Row, checked_header
from churn_agent.ingest.readers.headers import LOOKED_AT, above_header, find_header, known_names

csv.field_size_limit(64 * 1024 * 1024)
_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
_BLOCK = 64 * 1024
_BLOCK_LINES = 1000
"""Lines that are read at once: characters of a file, number of lines that were put back."""
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*?(?:\r\n|\r|\n)', re.IGNORECASE)
"""The line with which Excel states the delimiter."""
_PROTECTED = re.compile(r'^="([^"]*)"$')
"""Text that Excel is kept from turning into a number: `="007"`."""
_TELLING = 6
"""Digits of a cell that show that two lines are rows of the same table."""


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    escape: str | None = None
    spaced: bool = False
    """Whether a quote may follow a delimiter and a space."""

    def reader(self, lines: Iterable[str], *, strict: bool = False) -> Iterator[list[str]]:
        return csv.reader(
            lines, delimiter=self.delimiter, escapechar=self.escape, skipinitialspace=self.spaced, strict=strict
        )


class _Record(NamedTuple):
    line: int
    cells: list[str]
    problem: str | None = None


def read_delimited(path: Path, text: IO[str], options: ReadOptions) -> Iterator[Row]:
    """Yields the rows of a table in text.

    Args:
        path: name of the file, for messages.
        text: its text, at the beginning.
        options: names of columns, and where guesses are noted.

    Raises:
        FileFormatError: there is no header.
    """
    sample = text.read(_SAMPLE)
    if len(sample) == _SAMPLE:
        sample = sample[: sample.rfind("\n") + 1 or _SAMPLE]
    text.seek(0)
    stated = _SEPARATOR_LINE.match(sample)
    if stated:
        text.readline()
    dialect = _dialect(sample[stated.end() :] if stated else sample, stated[1] if stated else _DELIMITERS, options)
    records = _records(path, _Lines(text), dialect, 2 if stated else 1)
    first: list[_Record] = []
    for record in records:
        first.append(record)
        if len(first) == LOOKED_AT:
            break
    index = find_header([record.cells for record in first], options.names)
    names = first[index].cells if first else []
    header = checked_header(names, path, options)
    if index:
        options.note(
            above_header(f"{path} line {first[index].line}", [record.cells for record in first[:index]], names)
        )
    width = len(header)
    protected = '="' in sample
    for line, cells, problem in chain(first[index + 1 :], records):
        if problem is None and len(cells) != width:
            problem = _misfit(cells, header)
        if protected:
            cells = [_PROTECTED.sub(r"\1", cell) for cell in cells]
        yield Row(line, dict(zip(header, cells, strict=False)), problem)


def _misfit(cells: list[str], header: list[str]) -> str | None:
    """Returns why the cells are not a row; None if there are only blank ones too many."""
    if len(cells) > len(header) and not any(cells[len(header) :]):
        return None
    count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    return f"{count} where the header has {len(header)} ({', '.join(header)[:80]})"


class _Lines:
    """Lines of a text that can be put back."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        """The lines of the current record."""

    def block(self) -> list[str]:
        """Returns the next lines; none at the end."""
        if self._back:
            return [self._back.popleft() for _ in range(min(len(self._back), _BLOCK_LINES))]
        return self._text.readlines(_BLOCK)

    def __iter__(self) -> Iterator[str]:
        back, taken = self._back, self.taken
        while line := back.popleft() if back else self._text.readline():
            taken.append(line)
            yield line

    def put_back(self, lines: list[str]) -> None:
        self._back.extendleft(reversed(lines))


def _records(path: Path, lines: _Lines, dialect: _Dialect, start: int) -> Iterator[_Record]:
    """Yields the records that are not blank. A line whose quote is not closed is a record with a problem."""
    while block := lines.block():
        records = _one_a_line(block, dialect)
        if records is None:
            lines.put_back(block)
            start = yield from _line_by_line(path, lines, dialect, start, start + len(block))
        else:
            for number, cells in enumerate(records, start):
                if any(cells):
                    yield _Record(number, cells)
            start += len(block)


def _one_a_line(block: list[str], dialect: _Dialect) -> list[list[str]] | None:
    """Returns the records of a block, read at once; None unless each of its lines is a record, which is complete."""
    try:
        records = list(dialect.reader(block, strict=True))
    except csv.Error:
        return None
    return records if len(records) == len(block) else None


def _line_by_line(path: Path, lines: _Lines, dialect: _Dialect, start: int, end: int) -> Generator[_Record, None, int]:
    """Yields the records that begin before the line `end`, which may have several lines. Returns the next line."""
    reader = dialect.reader(lines)
    while True:
        start += len(lines.taken)
        lines.taken.clear()
        if start >= end:
            return start
        try:
            cells = next(reader)
        except StopIteration:
            return start
        except csv.Error as error:
            if len(lines.taken) == 1:
                raise FileFormatError(f"{path}:{start}: invalid CSV: {error}") from error
            cells = None
        if cells is None or (len(lines.taken) > 1 and _unclosed(lines.taken, dialect)):
            first, *others = lines.taken
            lines.put_back(others)
            lines.taken[:] = [first]
            reader = dialect.reader(lines)
            problem = f"the quote that opens in line {start} is not closed before the next row; close or double it"
            yield _Record(start, first.rstrip("\r\n").split(dialect.delimiter), problem)
        elif any(cells):
            yield _Record(start, cells)


def _unclosed(lines: list[str], dialect: _Dialect) -> bool:
    """Whether a quote that opens in the first line closes in another row: it would join two customers' words."""
    try:
        list(dialect.reader(lines, strict=True))
    except csv.Error:
        return True
    first = lines[0].split(dialect.delimiter)
    return any(_alike(first, line.split(dialect.delimiter)) for line in lines[1:])


def _alike(first: list[str], other: list[str]) -> bool:
    """Whether two lines have as many cells, and one of them, such as a date, has the same form in both."""
    if len(first) != len(other):
        return False
    return any(
        sum(map(str.isdigit, mine)) >= _TELLING and re.sub(r"\d", "0", mine) == re.sub(r"\d", "0", theirs)
        for mine, theirs in zip(first, other, strict=True)
    )


def _dialect(sample: str, delimiters: str, options: ReadOptions) -> _Dialect:
    """Returns the dialect in which most lines have the same number of cells, and names of columns are known."""
    escapes = (None, "\\") if '\\"' in sample else (None,)
    dialects = [
        _Dialect(delimiter, escape, spaced)
        for delimiter in delimiters
        for escape in escapes
        for spaced in ((False, True) if f'{delimiter} "' in sample else (False,))
    ]
    return max(dialects, key=lambda dialect: _consistency(sample, dialect, options))


def _consistency(sample: str, dialect: _Dialect, options: ReadOptions) -> float:
    rows: list[Any] = []
    try:
        rows.extend(cells for cells in dialect.reader(io.StringIO(sample, newline="")) if any(cells))
    except csv.Error:
        return 0.0
    if not rows:
        return 0.0
    named, header = max(
        ((known_names(cells, options.names), cells) for cells in rows[:LOOKED_AT]), key=lambda it: it[0]
    )
    widths = Counter(map(len, rows))
    width = len(header) if named > 1 else max(widths, key=lambda width: (width > 1, widths[width], width))
    return named + (widths[width] / len(rows)) ** 2 * (1 - 1 / width)
