"""Reads CSV, JSON Lines and JSON documents (also `.gz`); values stay text as in the file."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from churn_agent.errors import FileFormatError
from churn_agent.files import strict_json
from churn_agent.ingest.readers.base import Progress, RecordShape, Row, checked_header, header_name

csv.field_size_limit(64 * 1024 * 1024)
_DELIMITERS = ",;\t|"


def read_text(path: Path, kind: str, shape: RecordShape, records: str | None, progress: Progress) -> Iterator[Row]:
    """Yields the rows of a text file.

    Args:
        kind: `csv`, `tsv`, `jsonl`, `ndjson` or `json`.
        shape: lists inside a JSON record whose elements are rows.
        records: key of the list of records in a JSON document; None for its only list.

    Raises:
        FileFormatError: the file cannot be read, or its contents do not match its suffix.
    """
    try:
        total = path.stat().st_size
        with path.open("rb") as raw:
            unpacked = gzip.GzipFile(fileobj=raw) if path.name.casefold().endswith(".gz") else raw
            _refuse_foreign(path, unpacked)
            text = io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="")  # type: ignore[arg-type]
            if kind in ("csv", "tsv"):
                rows = _csv_rows(path, text)
            elif kind == "json":
                rows = _document_rows(path, text, shape, records)
            else:
                rows = _json_rows(text, shape)
            for n, row in enumerate(rows):
                if n % 1000 == 0:
                    progress(raw.tell(), total)
                yield row
            progress(total, total)
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: {_where_not_utf8(path)} is not UTF-8 text; save the file as UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error


def _refuse_foreign(path: Path, file: Any) -> None:
    head = file.read(4)
    file.seek(0)
    if head.startswith(b"PK"):
        raise FileFormatError(f"{path}: looks like a spreadsheet or another zip file; rename a spreadsheet to .xlsx")
    if b"\0" in head:
        raise FileFormatError(f"{path}: looks like a binary file, not text")


def _where_not_utf8(path: Path) -> str:
    opener = gzip.open if path.name.casefold().endswith(".gz") else open
    with opener(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return f"line {number}"
    return "the file"


def _csv_rows(path: Path, text: IO[str]) -> Iterator[Row]:
    first = text.readline()
    text.seek(0)
    delimiter = max(_DELIMITERS, key=first.count) if first else ","
    reader = csv.reader(text, delimiter=delimiter, strict=False)
    try:
        header = checked_header(next(reader, []), path)
        for cells in reader:
            if not cells:
                continue
            right = len(cells) == len(header)
            problem = None if right else f"{len(cells)} cells where the header has {len(header)}"
            yield Row(reader.line_num, dict(zip(header, cells, strict=False)), problem)
    except csv.Error as error:
        raise FileFormatError(f"{path}:{reader.line_num}: invalid CSV: {error}") from error


def _json_rows(text: IO[str], shape: RecordShape) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            rows = _rows_of_record(number, strict_json.parse(line, numbers_as_text=True), shape)
        except ValueError as error:
            yield Row(number, {}, f"invalid JSON: {error}")
            continue
        yield from rows


def _document_rows(path: Path, text: IO[str], shape: RecordShape, records: str | None) -> Iterator[Row]:
    try:
        document = strict_json.parse(text.read(), numbers_as_text=True)
    except ValueError as error:
        raise FileFormatError(f"{path}: invalid JSON: {error}") from error
    if isinstance(document, dict):
        lists = {key: value for key, value in document.items() if isinstance(value, list)}
        key = records or (next(iter(lists)) if len(lists) == 1 else None)
        if key not in lists:
            names = ", ".join(lists) or "none"
            raise FileFormatError(f"{path}: set the list of records in a mapping file (records); the lists are {names}")
        document = lists[key]
    if not isinstance(document, list):
        raise FileFormatError(f"{path}: has no list of records")
    for number, record in enumerate(document, start=1):
        yield from _rows_of_record(number, record, shape)


def _rows_of_record(number: int, record: Any, shape: RecordShape) -> list[Row]:
    if not isinstance(record, dict):
        return [Row(number, {}, "not a JSON object")]
    rows: list[Row] = []
    lists = {header_name(name) for name in shape.values() if name}
    shared = {key: value for key, value in _flat(record) if not any(key.startswith(name + ".") for name in lists)}
    for rule, list_name in shape.items():
        if list_name is None:
            rows.append(Row(number, shared, rule=rule))
            continue
        elements: Any = record
        for part in list_name.split("."):
            elements = elements.get(part) if isinstance(elements, dict) else None
        prefix = header_name(list_name)
        inner = elements if isinstance(elements, list) else []
        rows += [Row(number, shared | dict(_flat(element, prefix)), rule=rule) for element in inner]
    return rows


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yields (dotted name, text) for each value in a JSON value; lists of plain values stay one text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{header_name(key)}" if name else header_name(key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{name}.{number}")
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
