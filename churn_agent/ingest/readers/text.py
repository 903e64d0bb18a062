"""Reads CSV, JSON Lines and JSON documents (also `.gz`); values stay text as in the file."""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from churn_agent.errors import FileFormatError
from churn_agent.files import strict_json
from churn_agent.ingest.formats.cells import NumberText
from churn_agent.ingest.readers.base import Progress, ReadOptions, RecordShape, Row, header_name
from churn_agent.ingest.readers.delimited import read_delimited
from churn_agent.ingest.readers.encodings import encoding_of

_LIST = re.compile(r"\[\s*\{")


def read_text(
    path: Path, kind: str, shape: RecordShape, records: str | None, options: ReadOptions, progress: Progress
) -> Iterator[Row]:
    """Yields the rows of a text file.

    Args:
        path: the file.
        kind: `csv`, `tsv`, `jsonl`, `ndjson` or `json`.
        shape: lists inside a JSON record whose elements are rows.
        records: key of the list of records in a JSON document; None for its only list.
        options: encoding, names of columns, and where guesses are noted.
        progress: called with the bytes read.

    Raises:
        FileFormatError: the file cannot be read, or its contents do not match its suffix.
    """
    try:
        total = path.stat().st_size
        encoding = encoding_of(path, options)
        with path.open("rb") as raw:
            unpacked: Any = gzip.GzipFile(fileobj=raw) if path.name.casefold().endswith(".gz") else raw
            text = io.TextIOWrapper(unpacked, encoding=encoding, newline="")
            if kind in ("csv", "tsv"):
                rows = read_delimited(path, text, options)
            else:
                rows = _records(path, text, shape, records, document=kind == "json")
            for n, row in enumerate(rows):
                if n % 1000 == 0:
                    progress(raw.tell(), total)
                yield row
            progress(total, total)
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: is not {error.encoding} text; set its encoding in a mapping") from error
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error


def _records(path: Path, text: IO[str], shape: RecordShape, records: str | None, *, document: bool) -> Iterator[Row]:
    """Yields the rows of JSON. Many files of JSON Lines end with `.json`, and some lists with `.jsonl`."""
    begins = _beginning(text)
    lines = begins.startswith("{") and _is_object(text.readline()) and bool(text.readline().strip())
    text.seek(0)
    if lines or (not document and not _LIST.match(begins)):
        return _json_rows(text, shape)
    return _document_rows(path, text, shape, records)


def _beginning(text: IO[str]) -> str:
    """Returns the first characters after blank ones; the text is at its beginning again."""
    begins = text.read(4096).lstrip()
    text.seek(0)
    return begins


def _is_object(line: str) -> bool:
    try:
        return isinstance(strict_json.parse(line), dict)
    except ValueError:
        return False


def _json_rows(text: IO[str], shape: RecordShape) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            rows = _rows_of_record(number, strict_json.parse(line, numbers=NumberText), shape)
        except ValueError as error:
            yield Row(number, {}, f"invalid JSON: {error}")
            continue
        yield from rows


def _document_rows(path: Path, text: IO[str], shape: RecordShape, records: str | None) -> Iterator[Row]:
    try:
        document = strict_json.parse(text.read(), numbers=NumberText)
    except ValueError as error:
        raise FileFormatError(f"{path}: invalid JSON: {error}") from error
    if isinstance(document, dict):
        document = _records_of(path, document, shape, records)
    if not isinstance(document, list):
        raise FileFormatError(f"{path}: has no list of records")
    for number, record in enumerate(document, start=1):
        yield from _rows_of_record(number, record, shape)


def _records_of(path: Path, document: dict[str, Any], shape: RecordShape, records: str | None) -> list[Any]:
    """Returns the list of records in a document: the one named, else the only one. A document may be a record."""
    named = _inside(document, records) if records else None
    if isinstance(named, list):
        return named
    if any(name and isinstance(_inside(document, name), list) for name in shape.values()):
        return [document]
    lists = {key: value for key, value in document.items() if isinstance(value, list)}
    if records or len(lists) != 1:
        names = ", ".join(lists) or "none"
        raise FileFormatError(f"{path}: set the list of records in a mapping file (records); the lists are {names}")
    return next(iter(lists.values()))


def _inside(record: Any, name: str) -> Any:
    """Returns the value at a dotted path in nested objects; None if there is none."""
    for part in name.split("."):
        record = record.get(part) if isinstance(record, dict) else None
    return record


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
        elements = _inside(record, list_name)
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
    elif value is None:
        yield name, ""
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
