"""Reads spreadsheets (.xlsx): the sheets that have the header, without titles, with merged cells filled."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from churn_agent import extras
from churn_agent.errors import FileFormatError
from churn_agent.ingest.formats.cells import is_error_cell
from churn_agent.ingest.questions import Guess
from churn_agent.ingest.readers.base import Progress, ReadOptions, Row, as_text, checked_header, header_name
from churn_agent.ingest.readers.headers import LOOKED_AT, above_header, find_header, known_names

_FETCH = 5000
_MOST_UNPACKED = 200
"""Highest ratio of unpacked to packed size of a spreadsheet: real ones have 5 to 20, zip bombs about 1000."""
_SMALL = 100_000_000
"""Bytes that are always unpacked, whatever the ratio."""
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\b[^>]*?\bref=["']([A-Z]+)(\d+):[A-Z]+(\d+)["']""")
_ESCAPED = re.compile(r"_x([0-9A-F]{4})_")
"""Characters that XML does not allow, as Excel writes them: `_x000D_`."""
_BLOCK = 1 << 20
_KNOWN = 2


@dataclass(frozen=True)
class _Sheet:
    """A sheet with its header."""

    title: str
    names: list[str]
    """Cells of the header."""
    line: int
    """Row of the header, from 1."""
    above: list[list[str]]
    """Rows above it that are not blank."""
    known: int
    """How many known names of columns the header has."""

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(map(header_name, self.names)) - {""}


def read_xlsx(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a workbook.

    They come from the sheet of the mapping, else from the one named after the kind of data (`interactions`), else from
    the first sheet with known names of columns and all others that have the same ones. Other sheets are noted. XML
    entities are rejected, because openpyxl reads with defusedxml.

    Args:
        path: the file.
        options: sheet, names of columns, and where guesses are noted.
        progress: called with the rows read.

    Raises:
        FileFormatError: the file is not a workbook, has no such sheet, or has no header.
    """
    with extras.importing("files"):
        from openpyxl import load_workbook

    try:
        _refuse_bomb(path)
        with closing(load_workbook(path, read_only=True, data_only=True)) as workbook:
            sheets = _chosen(path, workbook, options)
            done = 0
            for sheet in sheets:
                for row in _rows(path, workbook, sheet, options):
                    done += 1
                    if done % _FETCH == 0:
                        progress(done, None)
                    if len(sheets) > 1:
                        row.values.setdefault("sheet", sheet.title)
                    yield row
    except FileFormatError:
        raise
    except Exception as error:  # a damaged file makes openpyxl raise errors of many types
        reason = str(error).partition("\n")[0]
        raise FileFormatError(f"{path}: not a readable spreadsheet (.xlsx): {reason}") from error


def _chosen(path: Path, workbook: Any, options: ReadOptions) -> list[_Sheet]:
    """Returns the sheets to read, and notes the others."""
    titles: list[str] = [sheet.title for sheet in workbook.worksheets]
    own = _titled(titles, options.sheet)
    if options.sheet and not own:
        raise FileFormatError(f"{path}: has no sheet {options.sheet!r}; its sheets are {', '.join(titles)}")
    named = own or _titled(titles, options.table) or _titled(titles, options.sheet_if_there)
    if named is not None:
        chosen = [_sheet(workbook, named, options)]
    else:
        sheets = [_sheet(workbook, title, options) for title in titles]
        filled = [sheet for sheet in sheets if sheet.columns]
        most = next((sheet for sheet in filled if sheet.known >= _KNOWN), filled[0] if filled else sheets[0])
        chosen = [sheet for sheet in sheets if sheet.columns == most.columns]
    taken = {sheet.title for sheet in chosen}
    left = [title for title in titles if title not in taken]
    if left or len(chosen) > 1:
        read = ", ".join(sheet.title for sheet in chosen)
        why = f"not read: {', '.join(left)}" if left else "all have the same columns"
        options.note(
            Guess(f"{path}: sheets", f"{read} read", why, options.line("sheet", left[0] if left else chosen[0].title))
        )
    for sheet in chosen:
        if sheet.above:
            options.note(above_header(f"{path} sheet {sheet.title!r} row {sheet.line}", sheet.above, sheet.names))
    return chosen


def _titled(titles: Sequence[str], name: str | None) -> str | None:
    """Returns the sheet with this title, or one whose title differs only in case and blanks; None if there is none."""
    if name is None or name in titles:
        return name
    return next((title for title in titles if header_name(title) == header_name(name)), None)


def _sheet(workbook: Any, title: str, options: ReadOptions) -> _Sheet:
    first = [(line, texts) for line, texts in islice(_texts(workbook, title), LOOKED_AT * 4) if any(texts)][:LOOKED_AT]
    rows = [texts for _, texts in first]
    index = find_header(rows, options.names)
    if not rows:
        return _Sheet(title, [], 1, [], 0)
    return _Sheet(title, rows[index], first[index][0], rows[:index], known_names(rows[index], options.names))


def _texts(workbook: Any, title: str) -> Iterator[tuple[int, list[str]]]:
    """Yields (row from 1, texts); cells at the end that are only formatted are dropped."""
    for line, cells in _cells(workbook, title):
        texts = [_cell_text(cell) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        yield line, texts


def _cells(workbook: Any, title: str) -> Iterator[tuple[int, Sequence[Any]]]:
    sheet = workbook[title]
    sheet.reset_dimensions()  # programs write wrong ones, and openpyxl would stop at them
    yield from enumerate(sheet.iter_rows(values_only=True), start=1)


def _cell_text(cell: Any) -> str:
    if isinstance(cell, str):
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), cell) if "_x" in cell else cell
    return as_text(cell)


def _rows(path: Path, workbook: Any, sheet: _Sheet, options: ReadOptions) -> Iterator[Row]:
    header = checked_header(sheet.names, f"{path} sheet {sheet.title!r}", options)
    merged = _Merged(workbook, sheet, header, options)
    if merged.filled:
        about, evidence = f"{path}: merged cells in sheet {sheet.title!r}", ", ".join(merged.filled[:3])
        options.note(Guess(about, "the value counts for each of their rows", evidence, ""))
    for line, texts in _texts(workbook, sheet.title):
        if line <= sheet.line:
            continue
        values = dict.fromkeys(header, "") | dict(zip(header, texts, strict=False))
        for name, text in values.items():
            if is_error_cell(text) and name not in options.ids:
                values[name] = ""
        filled = merged.fill(line, values)
        if filled:
            yield Row(line, values, sheet=sheet.title)


class _Merged:
    """The values of cells that are merged over rows, in the columns whose values rows share."""

    def __init__(self, workbook: Any, sheet: _Sheet, header: list[str], options: ReadOptions) -> None:
        self._ranges: list[tuple[int, int, str]] = []
        self._values: dict[tuple[int, int, str], str] = {}
        self.filled: list[str] = []
        """The ranges, as in `A2:A4`."""
        for letters, first, last in _merged_ranges(workbook, sheet.title):
            index = reduce(lambda number, letter: 26 * number + ord(letter) - ord("A") + 1, letters, 0) - 1
            name = header[index] if index < len(header) else ""
            if name in options.shared and sheet.line < first < last:
                self._ranges.append((first, last, name))
                self.filled.append(f"{letters}{first}:{letters}{last}")
        self._ranges.sort()

    def fill(self, line: int, values: dict[str, str]) -> bool:
        """Fills the values of a row; returns whether it had any before."""
        had = any(values.values())
        while self._ranges and self._ranges[0][0] <= line:
            key = self._ranges.pop(0)
            self._values[key] = values[key[2]] if key[0] == line else ""
        for key in [key for key in self._values if key[1] < line]:
            del self._values[key]
        for key, text in self._values.items():
            values[key[2]] = values[key[2]] or text
        return had


def _merged_ranges(workbook: Any, title: str) -> Iterator[tuple[str, int, int]]:
    """Yields (column, first row, last row) of merged cells, which openpyxl does not read with rows one by one."""
    part = getattr(workbook[title], "_worksheet_path")  # noqa: B009 - it has no public name
    archive: ZipFile = getattr(workbook, "_archive")  # noqa: B009
    rest = b""
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            text = rest + block
            end = 0
            for match in _MERGED.finditer(text):
                yield match[1].decode(), int(match[2]), int(match[3])
                end = match.end()
            rest = text[max(end, len(text) - 200) :]


def _refuse_bomb(path: Path) -> None:
    """Raises `FileFormatError` for a file that unpacks to far more than a spreadsheet would."""
    with ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())  # zipfile reads no more than these sizes
    if unpacked > max(_SMALL, _MOST_UNPACKED * path.stat().st_size):
        raise FileFormatError(f"{path}: unpacks to {unpacked / 1e6:,.0f} MB, far more than a spreadsheet of its size")
