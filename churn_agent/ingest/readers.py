"""Rows of CSV and JSON Lines files (also `.gz`), every value as the text that stands in the file."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from churn_agent.errors import FileFormatError

csv.field_size_limit(64 * 1024 * 1024)
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"))
_DELIMITERS = ",;\t|"

Progress = Callable[[int, int], None]
"""Called with (bytes read, bytes in all)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file. `problem` says why its values cannot be used."""

    line: int
    values: dict[str, str]
    problem: str | None = None


def read_rows(path: Path, progress: Progress = lambda done, total: None) -> Iterator[Row]:
    """Yields the rows of a file, by its name `.csv` or `.jsonl`/`.ndjson`, with `.gz` or not.

    Raises:
        FileFormatError: the file cannot be read, or is not what its name says.
    """
    kind = path.name.casefold().removesuffix(".gz").rsplit(".", 1)[-1]
    if kind not in ("csv", "tsv", "jsonl", "ndjson"):
        raise FileFormatError(f"{path}: cannot read files of this kind; give .csv or .jsonl (also .gz)")
    try:
        total = path.stat().st_size
        with path.open("rb") as raw:
            unpacked = gzip.GzipFile(fileobj=raw) if path.name.casefold().endswith(".gz") else raw
            _refuse_foreign(path, unpacked)
            text = io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="")  # type: ignore[arg-type]
            rows = _csv_rows(path, text) if kind in ("csv", "tsv") else _json_rows(text)
            for n, row in enumerate(rows):
                if n % 1000 == 0:
                    progress(raw.tell(), total)
                yield row
            progress(total, total)
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: {_where_not_utf8(path)} is not UTF-8 text; save the file as UTF-8") from error
    except (OSError, EOFError) as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error


def _refuse_foreign(path: Path, file: Any) -> None:
    head = file.read(4)
    file.seek(0)
    if head.startswith(b"PK"):
        raise FileFormatError(f"{path}: looks like a spreadsheet (or another zip file); export it as CSV")
    if b"\0" in head:
        raise FileFormatError(f"{path}: looks like a binary file, not like text")


def _where_not_utf8(path: Path) -> str:
    opener = gzip.open if path.name.casefold().endswith(".gz") else open
    with opener(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return f"line {number}"
    return "the file"


def header_name(name: str) -> str:
    """A column's name as it is compared: no invisible characters, lower case, underscores for blanks."""
    return "_".join(name.translate(_INVISIBLE).strip().casefold().replace("-", " ").split())


def _csv_rows(path: Path, text: IO[str]) -> Iterator[Row]:
    first = text.readline()
    text.seek(0)
    delimiter = max(_DELIMITERS, key=first.count) if first else ","
    reader = csv.reader(text, delimiter=delimiter, strict=False)
    try:
        header = [header_name(name) for name in next(reader, [])]
        if not any(header):
            raise FileFormatError(f"{path}: is empty; the first line must name the columns")
        repeated = sorted({name for name in header if name and header.count(name) > 1})
        if repeated:
            raise FileFormatError(f"{path}: the column {repeated[0]!r} stands twice in the header")
        for cells in reader:
            if not cells:
                continue
            values = dict(zip(header, cells, strict=False))
            right = len(cells) == len(header)
            yield Row(
                reader.line_num, values, None if right else f"{len(cells)} cells where the header has {len(header)}"
            )
    except csv.Error as error:
        raise FileFormatError(f"{path}:{reader.line_num}: no valid CSV: {error}") from error


def _json_rows(text: IO[str]) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            yield Row(number, {}, f"no valid JSON: {error}")
            continue
        if not isinstance(found, dict):
            yield Row(number, {}, "not a JSON object")
            continue
        yield Row(number, {header_name(key): _as_text(value) for key, value in found.items()})


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
