"""Reads CSV, JSON Lines and JSON documents (also `.gz`); values stay text as in the file."""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from churn_agent.errors import FileFormatError
from churn_agent.files import strict_json
from churn_agent.files.strict_json import is_list, is_object
from churn_agent.ingest.formats.cells import NumberText
from churn_agent.ingest.questions import Guess
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
                rows = _records(path, text, shape, records, _UnreadLists(path, options), document=kind == "json")
            for n, row in enumerate(rows):
                if n % 1000 == 0:
                    progress(raw.tell(), total)
                yield row
            progress(total, total)
    except ListsBesideEachOther as error:
        raise FileFormatError(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: is not {error.encoding} text; set its encoding in a mapping") from error
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error


def _records(
    path: Path, text: IO[str], shape: RecordShape, records: str | None, unread: "_UnreadLists", *, document: bool
) -> Iterator[Row]:
    """Yields the rows of JSON. Many files of JSON Lines end with `.json`, and some lists with `.jsonl`."""
    begins = _beginning(text)
    lines = begins.startswith("{") and _is_object(text.readline()) and bool(text.readline().strip())
    text.seek(0)
    if lines or (not document and not _LIST.match(begins)):
        return _json_rows(text, shape, unread)
    return _document_rows(path, text, shape, records, unread)


def _beginning(text: IO[str]) -> str:
    """Returns the first characters after blank ones; the text is at its beginning again."""
    begins = text.read(4096).lstrip()
    text.seek(0)
    return begins


def _is_object(line: str) -> bool:
    try:
        return is_object(strict_json.parse(line))
    except ValueError:
        return False


def _json_rows(text: IO[str], shape: RecordShape, unread: "_UnreadLists") -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            rows = _rows_of_record(number, strict_json.parse(line, numbers=NumberText), shape, unread)
        except ListsBesideEachOther:
            raise
        except ValueError as error:
            yield Row(number, {}, f"invalid JSON: {error}")
            continue
        yield from rows


def _document_rows(
    path: Path, text: IO[str], shape: RecordShape, records: str | None, unread: "_UnreadLists"
) -> Iterator[Row]:
    try:
        document = strict_json.parse(text.read(), numbers=NumberText)
    except ValueError as error:
        raise FileFormatError(f"{path}: invalid JSON: {error}") from error
    if is_object(document):
        document = _records_of(path, document, shape, records)
    if not is_list(document):
        raise FileFormatError(f"{path}: has no list of records")
    for number, record in enumerate(document, start=1):
        yield from _rows_of_record(number, record, shape, unread)


def _records_of(path: Path, document: dict[str, Any], shape: RecordShape, records: str | None) -> list[Any]:
    """Returns the list of records in a document: the one named, else the only one. A document may be a record."""
    named = _inside(document, records) if records else None
    if is_list(named):
        return named
    if any(list_path and is_list(_inside(document, list_path)) for list_path, _ in shape.values()):
        return [document]
    first, _, rest = (records or "").partition(".")
    if rest and is_list(document.get(first)):
        raise FileFormatError(
            f"{path}: {first!r} is the list of records, and {rest!r} is inside each of them; map records: {first}, and "
            f"each: {rest}"
        )
    lists = {key: value for key, value in document.items() if is_list(value)}
    if records or len(lists) != 1:
        if not lists:
            raise FileFormatError(
                f"{path}: has no list of records; leave the file out, or map what is in it (--mapping)"
            )
        names = ", ".join(lists)
        raise FileFormatError(f"{path}: set the list of records in a mapping file (records); the lists are {names}")
    return next(iter(lists.values()))


def _inside(record: Any, name: str) -> Any:
    """Returns the value at a dotted path in nested objects; None if there is none."""
    for part in name.split("."):
        record = record.get(part) if is_object(record) else None
    return record


def _rows_of_record(number: int, record: Any, shape: RecordShape, unread: "_UnreadLists") -> list[Row]:
    if not is_object(record):
        return [Row(number, {}, "not a JSON object")]
    lists: dict[int, str] = {}
    for rule, (list_path, columns) in shape.items():
        if name := header_name(list_path) if list_path else _list_of(record, columns):
            lists[rule] = name
    if not lists:
        unread.look_at(record)
    inside = tuple(f"{name}." for name in lists.values())
    rows: list[Row] = []
    shared: dict[str, str] | None = None
    for rule in shape:
        if name := lists.get(rule):
            rows += [Row(number, values, rule=rule) for values in _spread(record, name.split("."), inside)]
        else:
            shared = shared or {key: value for key, value in _flat(record) if not key.startswith(inside)}
            rows.append(Row(number, shared, rule=rule))
    return rows


def _list_of(record: dict[str, Any], columns: Sequence[str]) -> str:
    """Returns the name of the deepest list of objects that dotted columns lead through; empty if there is none."""
    lists = {name for column in columns for name in _lists_on(record, column.split("."))}
    deepest = max(lists, key=len, default="")
    if not all(f"{deepest}.".startswith(f"{name}.") for name in lists):
        names = sorted(lists)
        raise ListsBesideEachOther(
            f"the mapping takes columns from two lists, {names[0]} and {names[1]}; give each its own rule "
            f"(each: {names[0]}; and also: [{{each: {names[1]}, columns: ...}}])"
        )
    return deepest


def _lists_on(value: Any, parts: list[str]) -> Iterator[str]:
    """Yields the names of the lists of objects on a dotted path; a number in it selects one element instead."""
    for depth, part in enumerate(parts, start=1):
        if is_list(value):
            value = next((item for item in value if is_object(item) and _key(item, part)), None)
        if not is_object(value) or (key := _key(value, part)) is None:
            return
        value = value[key]
        if is_list(value) and depth < len(parts):
            if parts[depth].isdecimal() or not all(is_object(item) for item in value):
                return
            yield ".".join(parts[:depth])


def _key(record: dict[str, Any], name: str) -> str | None:
    return name if name in record else next((key for key in record if header_name(key) == name), None)


def _spread(value: Any, parts: list[str], inside: tuple[str, ...], name: str = "") -> Iterator[dict[str, str]]:
    """Yields the values of each element of a list, with those of the records around it.

    Args:
        value: a record, or a list on the way.
        parts: the way to the list, which may lead through other lists.
        inside: beginnings of the names of values in lists, which are not those of a record around them.
        name: dotted name of the value.
    """
    if is_list(value):
        for item in value:
            if parts:
                yield from _spread(item, parts, inside, name)
            else:
                yield dict(_flat(item, name))
    elif parts and is_object(value) and (key := _key(value, parts[0])) is not None:
        onward = f"{name}.{parts[0]}" if name else parts[0]
        deeper = tuple(beginning for beginning in inside if not f"{name}.".startswith(beginning))
        around = {of: text for of, text in _flat({**value, key: None}, name) if not of.startswith(deeper)}
        around.pop(onward, None)
        for values in _spread(value[key], parts[1:], inside, onward):
            yield around | values


class ListsBesideEachOther(ValueError):
    """A mapping whose columns are in two lists, so that nothing says what a row is."""


class _UnreadLists:
    """Notes lists of records that seem to hold what people wrote, where the mapping reads the records alone."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._seen: set[str] = set()

    def look_at(self, record: dict[str, Any]) -> None:
        for name, value in record.items():
            if name in self._seen or not is_list(value) or not value or not is_object(value[0]):
                continue
            column = next((key for key in value[0] if header_name(key) in self._options.texts), None)
            if column:
                self._seen.add(name)
                about, evidence = f"{self._path.name}: list {name!r}", f"they have a column {column!r}"
                line = f"columns: {{text: {name}.{column}}}"
                self._options.note(Guess(about, "its entries are metadata, and are not read", evidence, line))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yields (dotted name, text) for each value in a JSON value; lists of plain values stay one text."""
    if is_object(value):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{header_name(key)}" if name else header_name(key))
    elif is_list(value) and (text := _joined_pieces(value)) is not None:
        yield name, text
    elif is_list(value) and any(is_object(item) for item in value):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{name}.{number}")
    elif value is None:
        yield name, ""
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _joined_pieces(items: list[Any]) -> str | None:
    """Returns the text of a list of plain and formatted pieces (`["I will ", {"type": "bold", "text": "leave"}]`).

    None for other lists. Telegram exports such texts.
    """
    pieces = [item.get("text") if is_object(item) else item for item in items]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    mixed = {is_object(item) for item in items} == {True, False}
    return "".join(texts) if mixed and len(texts) == len(items) else None
