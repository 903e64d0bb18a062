"""Columns of a mapping that a source does not have as such, and who the author of a row is.

A column in a mapping may be an expression, which becomes a column of that name:

* `requester_id | requester.id`: the first of them with a value;
* `users[comments.author_id].role`: the field of the entry of a lookup list with that key;
* `part {id}`: a text with values of columns;
* `one(contact_ids)`: the first of several values with semicolons between them;
* `address(from)`: the mail address in `Ana Lopez <ana@b.example>`, in lower case, or the value if it has none;
* `first(subject)`: the value in the first row of a record only, so that a ticket's subject is not in every comment.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from churn_agent.errors import FileFormatError
from churn_agent.files import strict_json
from churn_agent.files.strict_json import is_list, is_object
from churn_agent.ingest.columns import ColumnMapping, Lookup, Rule
from churn_agent.ingest.questions import Guess
from churn_agent.ingest.readers.base import Note, ReadOptions, Row, RowsIn, header_name
from churn_agent.ingest.readers.text import read_text
from churn_agent.ingest.readers.transcripts.people import Staff
from churn_agent.ingest.speakers import OwnPeople

_LOOKUP = re.compile(r"(?P<name>\w+)\[(?P<key>[^\]]+)\]\.(?P<field>.+)")
_FIRST = re.compile(r"first\((?P<column>[^)]+)\)")
_ONE = re.compile(r"one\((?P<column>[^)]+)\)")
_ADDRESS_IN = re.compile(r"address\((?P<column>[^)]+)\)")
_FORMS = (_LOOKUP, _FIRST, _ONE, _ADDRESS_IN)
_PLACE = re.compile(r"\{([^{}]+)\}")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")
_ENDINGS = (".csv", ".tsv", ".json", ".jsonl")
_ID = re.compile(r"[^\s,\"'\[\]]+")
SPEAKER = "author_side"
"""Column that a rule with `sides` fills."""

Values = Mapping[str, str]
Tables = Mapping[str, Mapping[str, Values]]
"""Lookup -> key -> fields."""


def derive(
    rows: Iterable[Row],
    mapping: ColumnMapping,
    path: Path | None,
    staff: Sequence[str],
    note: Note = lambda guess: None,
) -> Iterator[Row]:
    """Adds the columns that the rules of a mapping describe, and drops rows and columns that they leave out.

    Args:
        rows: rows of a source.
        mapping: the mapping.
        path: file of the source, for its lookup lists.
        staff: names, addresses, domains and ids of the company's people.
        note: called with a guess for each lookup list that is used and not there.

    Raises:
        FileFormatError: a lookup list cannot be read.
    """
    tables = {name: _table(name, lookup, path) for name, lookup in mapping.lookups.items()}
    machines = OwnPeople(mapping.machines)
    full = {mapping.lookups[name].records or name for name, table in tables.items() if table}
    for name, lookup in mapping.lookups.items():
        if (lookup.records or name) not in full:
            tables[name] = _Missing(name, lookup, path, note)
    rules = [
        _DerivedRule(rule, tables, Staff(staff), frozenset(name.casefold() for name in staff), machines)
        for rule in mapping.rules
    ]
    for row in rows:
        if row.problem:
            yield row
            continue
        derived = rules[row.rule](row)
        if derived is not None:
            yield derived


def no_metadata(rule: Rule) -> Callable[[str], bool]:
    """Returns whether a column is not kept as metadata: ignored, an expression, or an alternative in one."""
    expressions = list(_expressions(rule))
    parts = [part for text in expressions if "|" in text for part in text.split("|")]
    exactly = {SPEAKER, *map(header_name, (*expressions, *parts))}
    patterns = [header_name(name) for name in rule.ignore]

    @cache
    def leaves_out(name: str) -> bool:
        return name in exactly or any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)

    return leaves_out


def template_columns(text: str) -> list[str]:
    """Returns the normalized names of the columns in a text with values, such as `{term} months`; none in others."""
    return [] if "|" in text else [header_name(name) for name in _PLACE.findall(text)]


def text_with_values(text: str) -> Callable[[Values], str]:
    """Returns a function that fills a text with the values of a row; it is empty if one of them is."""
    return _reader(text, {})


def needs_deriving(mapping: ColumnMapping) -> bool:
    """Whether a mapping has anything for `derive` to do."""
    return any(rule.sides or rule.unless or list(_expressions(rule)) for rule in mapping.rules)


def as_written(columns: Mapping[str, str], rule: Rule) -> dict[str, str]:
    """Returns our field -> its column, with expressions as the mapping has them."""
    written = {header_name(text): text for text in _expressions(rule)}
    return {field: written.get(column, column) for field, column in columns.items()}


def _expressions(rule: Rule) -> Iterator[str]:
    sides = (*rule.sides.author, *rule.sides.customer, *rule.sides.company) if rule.sides else ()
    role = (rule.sides.role,) if rule.sides else ()
    for column in (*rule.columns.values(), *sides, *role, *rule.unless, *rule.only):
        if column and ("|" in column or "{" in column or any(form.fullmatch(column) for form in _FORMS)):
            yield column


class _Missing(dict[str, Values]):
    """A lookup without entries, which the user is told of when it is first used."""

    def __init__(self, name: str, lookup: Lookup, path: Path | None, note: Note) -> None:
        super().__init__()
        endings = " or ".join(f"{name}{ending}" for ending in _ENDINGS)
        listed = lookup.records or name
        why = f"no {endings} beside {path}, and no list {listed!r} in it, with the field {lookup.key!r}"
        self._guess = Guess(f"lookup {name}", "empty: columns that use it have no value from it", why, "")
        self._note: Note | None = note

    def get(self, key: str, default: Any = None, /) -> Any:
        """Returns the default, as there are no entries."""
        if key and self._note:
            self._note(self._guess)
            self._note = None
        return default


class _DerivedRule:
    """What one rule makes of its rows."""

    def __init__(self, rule: Rule, tables: Tables, staff: Staff, ids: frozenset[str], machines: OwnPeople) -> None:
        self._rule = rule
        self._machines = machines
        self._staff = staff
        self._ids = ids
        readers = {header_name(text): _reader(text, tables) for text in _expressions(rule)}
        firsts = {header_name(text) for text in _expressions(rule) if _FIRST.fullmatch(text)}
        self._columns = {name: read for name, read in readers.items() if name not in firsts}
        self._firsts = {name: read for name, read in readers.items() if name in firsts}
        self._only = {header_name(name): frozenset(values) for name, values in rule.only.items()}
        self._unless = {header_name(name): frozenset(values) for name, values in rule.unless.items()}
        self._record: int | None = None

    def __call__(self, row: Row) -> Row | None:
        values = dict(row.values)
        for name in (*self._unless, *self._only):
            self._derive(name, values, row.values)
        if any(values.get(name, "") in words for name, words in self._unless.items()):
            return None
        if any(values.get(name, "") not in words for name, words in self._only.items()):
            empty = dict.fromkeys((*self._columns, *self._firsts), "")
            return row._replace(values=empty | values)  # the parser skips it
        for name in self._columns:
            self._derive(name, values, row.values)
        is_first = row.line != self._record
        self._record = row.line
        values |= {name: read(row.values) if is_first else "" for name, read in self._firsts.items()}
        if self._rule.sides:
            values[SPEAKER] = self._speaker(values)
        return row._replace(values=values)

    def _derive(self, name: str, values: dict[str, str], source: Values) -> None:
        if name in self._columns and name not in values:
            values[name] = self._columns[name](source)

    def _speaker(self, values: Values) -> str:
        """Returns the speaker by the lists of machines and staff, the role, the record's people, or as all others."""
        sides = self._rule.sides
        assert sides
        author = [text for name in sides.author if (text := values.get(header_name(name), ""))]
        if any(text in self._machines for text in author):
            return "machine"
        if any(text.casefold() in self._ids or text in self._staff for text in author):
            return "company"
        role = values.get(header_name(sides.role), "") if sides.role else ""
        if role:
            return self._rule.values.get("speaker", {}).get(role, role)
        for side, names in (("company", sides.company), ("customer", sides.customer)):
            named = {id_ for name in names for id_ in _ID.findall(values.get(header_name(name), ""))}
            if named.intersection(author):
                return side
        return "customer" if author and self._ids else "unknown"


def _reader(text: str, tables: Tables) -> Callable[[Values], str]:
    """Returns a function that evaluates an expression for the values of a row."""
    if "|" in text:
        parts = [_reader(part.strip(), tables) for part in text.split("|")]
        return lambda values: next((value for part in parts if (value := part(values))), "")
    if match := _FIRST.fullmatch(text):
        return _reader(match["column"], tables)
    if match := _ONE.fullmatch(text):
        read = _reader(match["column"], tables)
        return lambda values: read(values).partition(";")[0].strip()
    if match := _ADDRESS_IN.fullmatch(text):
        read = _reader(match["column"], tables)
        return lambda values: _address_in(read(values))
    if match := _LOOKUP.fullmatch(text):
        table, key, field = tables.get(match["name"], {}), _reader(match["key"], tables), header_name(match["field"])
        return lambda values: table.get(_address_in(key(values)), {}).get(field, "")
    if "{" in text:
        names = [header_name(name) for name in _PLACE.findall(text)]
        pieces = _PLACE.sub("\0", text).split("\0")

        def fill(values: Values) -> str:
            filled = [values.get(name, "") for name in names]
            return (
                "".join(piece + value for piece, value in zip(pieces, [*filled, ""], strict=True))
                if all(filled)
                else ""
            )

        return fill
    column = header_name(text)
    return lambda values: values.get(column, "")


def _table(name: str, lookup: Lookup, path: Path | None) -> dict[str, Values]:
    if path is None:
        return {}
    entries: list[Any] = []
    if path.suffix.casefold() == ".json":
        document = _parsed(path, path.read_text(encoding="utf-8-sig"))
        listed = document.get(lookup.records or name) if is_object(document) else None
        entries = listed if is_list(listed) else []
    if not entries:
        entries = _beside(name, path)
    flat = [dict(_flat(entry)) for entry in entries if is_object(entry)]
    key = header_name(lookup.key)
    return {_address_in(entry[key]): entry for entry in flat if entry.get(key)}


def _address_in(text: str) -> str:
    """Returns the mail address in a text, with a name beside it or not, in lower case; the text if it has none."""
    address = _ADDRESS.search(text) if "@" in text else None
    return address[0].casefold() if address else text


def _beside(name: str, path: Path) -> list[Any]:
    """Returns the entries of a file of that name beside the source, or in the folder above."""
    for folder in (path.parent, path.parent.parent):
        for kind in ("csv", "tsv"):
            if (file := folder / f"{name}.{kind}").is_file() and file != path:
                return [row.values for row in read_text(file, kind, {0: RowsIn()}, None, ReadOptions(), _unseen)]
        if (file := folder / f"{name}.json").is_file() and file != path:
            document = _parsed(file, file.read_text(encoding="utf-8-sig"))
            listed = document.get(name) if is_object(document) else document
            return listed if is_list(listed) else []
        if (file := folder / f"{name}.jsonl").is_file() and file != path:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
            return [_parsed(file, line) for line in lines if line.strip()]
    return []


def _unseen(done: int, total: int | None) -> None:
    """Shows no progress."""


def _parsed(path: Path, text: str) -> Any:
    try:
        return strict_json.parse(text, numbers=str)
    except ValueError as error:
        raise FileFormatError(f"{path}: invalid JSON: {error}") from error


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if is_object(value):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{header_name(key)}" if name else header_name(key))
    elif isinstance(value, bool):
        yield name, str(value).lower()
    elif value is not None and not is_list(value):
        yield name, str(value)
