"""The sources of an import (files, folders, globs, databases, data frames) and their readers."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from churn_agent.errors import FileFormatError
from churn_agent.ingest.characters import whole_characters
from churn_agent.ingest.columns import COMMON_NAMES, INTERACTION_FIELDS, ColumnMapping, Rule, Table
from churn_agent.ingest.derived import derive, needs_deriving
from churn_agent.ingest.readers.base import Note, Progress, ReadOptions, RecordShape, Row, RowsIn, header_name
from churn_agent.ingest.readers.mail import read_mail
from churn_agent.ingest.readers.slack import in_slack_export, read_slack, slack_files
from churn_agent.ingest.readers.tables import is_frame, read_duckdb, read_frame, read_parquet, read_sql, read_sqlite
from churn_agent.ingest.readers.text import read_text
from churn_agent.ingest.readers.transcripts import is_plain_transcript, is_transcript, read_transcript
from churn_agent.ingest.readers.whatsapp import is_whatsapp, read_whatsapp
from churn_agent.ingest.readers.workbooks import read_xlsx

_TEXT = ("csv", "tsv", "jsonl", "ndjson", "json")
_MAIL = ("mbox", "eml")
_TRANSCRIPTS = ("vtt", "srt")
_CHATS = ("txt", "zip")
_SQLITE = ("sqlite", "sqlite3", "db")
_KINDS = (*_TEXT, "parquet", "xlsx", *_MAIL, *_TRANSCRIPTS, "duckdb", *_SQLITE)
_COUNTED_ONCE = {
    "text",
    "amount",
    "change_amount",
    "metric_value",
    "seats",
    "interaction_id",
    "measurement_id",
    "subject",
}
_SHARED = frozenset(COMMON_NAMES) - _COUNTED_ONCE
"""Fields whose merged cells in a sheet count for every row; words and money would be counted twice."""
_TABLE_ENDINGS = (".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".json", ".parquet", ".xlsx")


@dataclass(frozen=True)
class Source:
    """A source of interactions, customers or labels."""

    name: str
    """Name for messages: a path, a URL without its password, or `data frame`."""
    path: Path | None = None
    url: str | None = None
    frame: Any = None
    query: str | None = None
    table: Table = "interactions"
    """Kind of data."""
    in_folder: bool = False
    """Whether it was found in a folder: then the import goes on without it if none of its rows can be used."""

    @property
    def kind(self) -> str:
        """The file's suffix without `.gz`; `sql` for a database URL, `frame` for a data frame."""
        if self.path is None:
            return "sql" if self.url else "frame"
        return self.path.name.casefold().removesuffix(".gz").rpartition(".")[2]

    @property
    def file(self) -> Path | None:
        """The file that is read, also that of a database's URL; None for a server or a data frame."""
        if self.path or not self.url:
            return self.path
        from sqlalchemy.engine import make_url

        url = make_url(self.url)
        return Path(url.database) if url.database and not url.host else None

    @property
    def is_database(self) -> bool:
        """Whether a query can be run on it."""
        return self.kind in ("sql", "duckdb", *_SQLITE)

    @property
    def complete_header(self) -> bool:
        """Whether the first row names all columns."""
        return self.kind not in ("jsonl", "ndjson", "json", *_MAIL, *_TRANSCRIPTS, *_CHATS)


@dataclass(frozen=True)
class Sources:
    """All sources of an import."""

    interactions: tuple[Source, ...] = ()
    customers: Source | None = None
    labels: Source | None = None
    measurements: Source | None = None
    aliases: Source | None = None
    card: Path | None = None
    mapping: Path | None = None
    left_out: tuple[Path, ...] = ()
    """Files in the folders that could hold data, and are taken as nothing."""

    @property
    def files(self) -> dict[str, list[str]]:
        """File -> the kinds of data read from it: a workbook, or orders that are measured, too, has several."""
        kinds = ("customers", "labels", "measurements", "aliases")
        paths: list[tuple[str, Path | None]] = [("interactions", source.path) for source in self.interactions]
        paths += [(kind, source.path) for kind in kinds if (source := getattr(self, kind))]
        files: dict[str, list[str]] = {}
        for kind, path in (*paths, ("card", self.card)):
            if path:
                files.setdefault(str(path), []).append(kind)
        return files

    @property
    def query(self) -> str | None:
        """The SQL with which databases are read."""
        return next((source.query for source in self.interactions if source.query and source.is_database), None)

    @property
    def paths(self) -> list[Path]:
        """All files that the import reads, with those of databases and the mapping."""
        paths = [path for source in (*self.interactions, *self.others) if (path := source.file)]
        return paths + [path for path in (self.card, self.mapping) if path]

    @property
    def others(self) -> tuple[Source, ...]:
        """The sources with ids of customers that are not interactions."""
        sources = (self.customers, self.labels, self.measurements, self.aliases)
        return tuple(source for source in sources if source)


def find_sources(
    items: Sequence[object],
    *,
    customers: object = None,
    labels: object = None,
    measurements: object = None,
    aliases: object = None,
    card: Path | None = None,
    mapping: Path | None = None,
    query: str | None = None,
) -> Sources:
    """Resolves the sources that the user gave.

    Args:
        items: paths, globs, folders (their `interactions`, `customers`, `labels`, `measurements`, `aliases` and
            `card.yaml`, or all mails and transcripts in them), database URLs, data frames.
        customers: source of attributes.
        labels: source of labels.
        measurements: source of measurements.
        aliases: source of ids that mean the same customer.
        card: file of the card.
        mapping: mapping file.
        query: SQL for databases.

    Raises:
        FileFormatError: a path does not exist, or a folder contains nothing to import.
    """
    sources: list[Source] = []
    beside: list[Path] = []
    others: dict[Table, object] = {
        "customers": customers,
        "labels": labels,
        "measurements": measurements,
        "aliases": aliases,
    }
    for item in items:
        if not isinstance(item, str | Path):
            sources.append(_frame(item))
            continue
        text = str(item)
        if "://" in text:
            sources.append(Source(_without_password(text), url=text, query=query))
            continue
        for path in _expand(text):
            if not path.is_dir():
                sources.append(Source(str(path), path=path, query=query))
                continue
            table = _named(path, "interactions")
            chats = [] if table else slack_files(path)
            inside = [table] if table else chats or _loose(path)
            if not inside and not _named(path, "measurements"):
                raise FileFormatError(
                    f"{str(path)!r} contains no interactions.csv (or .jsonl, .parquet, ...), mails, calls or chats"
                )
            sources += [Source(str(file), path=file, query=query, in_folder=not table) for file in inside]
            others = {kind: _named(path, kind) if item is None else item for kind, item in others.items()}
            card = card or next((p for p in [path / "card.yaml"] if p.is_file()), None)
            beside += [] if chats else [file for file in _data_files(path) if file not in inside]
    tables: dict[str, Source | None] = {kind: _single(item, kind) for kind, item in others.items()}
    taken = {source.path for source in (*sources, *tables.values()) if source}
    left_out = tuple(file for file in beside if file not in taken)
    return Sources(tuple(sources), card=card, mapping=mapping, left_out=left_out, **tables)


def mails_of(sources: Sequence[Source]) -> list[Path]:
    """Returns the mailboxes and mails among the sources."""
    return [source.path for source in sources if source.path and source.kind in _MAIL]


def calls_of(sources: Sequence[Source]) -> list[Path]:
    """Returns the transcripts of calls among the sources."""
    return [
        source.path
        for source in sources
        if source.path and (source.kind in _TRANSCRIPTS or _is_call(source.kind, source.path))
    ]


def _is_call(kind: str, path: Path) -> bool:
    """Whether a file that may be something else holds a call."""
    return (kind == "json" and is_transcript(path)) or (
        kind == "txt" and not is_whatsapp(path) and is_plain_transcript(path)
    )


def open_rows(
    source: Source,
    mapping: ColumnMapping | None,
    domains: Sequence[str],
    progress: Progress = lambda done, total: None,
    note: Note = lambda guess: None,
) -> Iterator[Row]:
    """Yields the rows of a source.

    Args:
        source: the source.
        mapping: rules, encoding and sheet.
        domains: the company's mail addresses and domains.
        progress: called with the amount done and the total.
        note: called with each guess of the reader.

    Raises:
        FileFormatError: the source cannot be read.
    """
    shape: RecordShape = {n: _rows_in(rule) for n, rule in enumerate(mapping.rules)} if mapping else {0: RowsIn()}
    rules = range(len(shape))
    rows = _rows(source, mapping, shape, domains, progress, _options(source, mapping, note))
    if source.kind not in ("jsonl", "ndjson", "json") and len(shape) > 1:
        rows = (row._replace(rule=rule) for row in rows for rule in (rules[:1] if row.problem else rules))
    if mapping and needs_deriving(mapping):
        rows = derive(rows, mapping, source.path, (*domains, *mapping.staff), note)
    return whole_characters(rows)


def _rows_in(rule: Rule) -> RowsIn:
    """Returns where the rows of a rule are in JSON: its list, or the one that its columns lead through."""
    columns = [part for column in rule.columns.values() if column for part in column.split("|")]
    dotted = (header_name(part) for part in columns if "." in part and not set("[](){}") & set(part))
    return RowsIn(rule.each, () if rule.each else tuple(dotted))


def open_other(
    source: Source,
    mapping: ColumnMapping,
    progress: Progress = lambda done, total: None,
    note: Note = lambda guess: None,
) -> Iterator[Row]:
    """Yields the rows of a source of attributes, labels, measurements or aliases.

    Of the mapping, only encoding, sheet and names of columns count here. An encoding or sheet that it does not name for
    this kind of data counts where it fits: a file in UTF-8 is read as UTF-8, and a sheet of another workbook need not
    be there.
    """
    plain = {field: name for field, name in mapping.columns.items() if name and not set(".|[](){}") & set(name)}
    read_with = ColumnMapping(encoding=mapping.encoding, sheet=mapping.sheet, columns=dict(plain))
    return open_rows(source, read_with, (), progress, note)


def _options(source: Source, mapping: ColumnMapping | None, note: Note) -> ReadOptions:
    """Returns what readers of tables need to know of a mapping."""
    sheet, encoding = (mapping.sheet, mapping.encoding) if mapping else (None, None)
    of_others = source.table != "interactions"
    own = [(field, column) for rule in (mapping.rules if mapping else ()) for field, column in rule.columns.items()]
    names = [(field, name) for field, common in COMMON_NAMES.items() for name in common]
    named = [(field, header_name(name)) for field, name in (*own, *names) if name]
    return ReadOptions(
        table=source.table,
        encoding=encoding.get(source.table) if isinstance(encoding, dict) else encoding,
        unless_utf8=of_others and isinstance(encoding, str),
        sheet=sheet.get(source.table) if isinstance(sheet, dict) else None if of_others else sheet,
        sheet_if_there=sheet if of_others and isinstance(sheet, str) else None,
        names=frozenset(name for _, name in named),
        ids=frozenset(name for field, name in named if field == "customer_id"),
        texts=frozenset(COMMON_NAMES["text"]),
        shared=frozenset(name for field, name in named if field in _SHARED),
        needed=None if of_others else _needed(mapping),
        note=note,
    )


def _needed(mapping: ColumnMapping | None) -> frozenset[str]:
    """Returns the normalized names of columns from which a mapping, or common names, would read a field."""
    needed: set[str] = set()
    for rule in mapping.rules if mapping else (Rule(),):
        needed |= {header_name(part) for column in rule.columns.values() if column for part in column.split("|")}
        if not rule.exact:
            unmapped = (field for field in INTERACTION_FIELDS if field not in rule.columns)
            needed |= {name for field in unmapped for name in COMMON_NAMES[field]}
    return frozenset(needed)


def _rows(
    source: Source,
    mapping: ColumnMapping | None,
    shape: RecordShape,
    domains: Sequence[str],
    progress: Progress,
    options: ReadOptions,
) -> Iterator[Row]:
    path = source.path
    if path is None:
        if source.url:
            return read_sql(source.url, source.query, options, progress)
        return read_frame(source.frame, options)
    staff = (*domains, *(mapping.staff if mapping else ()))
    customer = mapping.defaults.get("customer_id", "") if mapping else ""
    match source.kind:
        case "json" if in_slack_export(path) and (not mapping or mapping.source == "slack" or not mapping.columns):
            return read_slack(path, staff)
        case kind if kind == "zip" or (kind == "txt" and is_whatsapp(path)):
            return read_whatsapp(path, staff, customer=customer)
        case kind if kind in (*_TRANSCRIPTS, "txt") or (
            kind == "json" and not _has_records(mapping) and is_transcript(path)
        ):
            return read_transcript(path, staff, customer=customer, file_name=mapping.file_name if mapping else None)
        case kind if kind in _TEXT:
            return read_text(path, kind, shape, mapping.records if mapping else None, options, progress)
        case "parquet":
            return read_parquet(path, options, progress)
        case "xlsx":
            return read_xlsx(path, options, progress)
        case "duckdb":
            return read_duckdb(path, source.query, options, progress)
        case kind if kind in _SQLITE:
            return read_sqlite(path, source.query, options, progress)
        case kind if kind in _MAIL:
            return read_mail(path, domains, progress, options.note)
        case _:
            raise FileFormatError(f"{path}: cannot read this kind of file; use one of .{', .'.join(_KINDS)}")


def _has_records(mapping: ColumnMapping | None) -> bool:
    """Whether a mapping says where the records of a JSON document are."""
    return mapping is not None and bool(mapping.records or any(rule.each for rule in mapping.rules))


def _single(item: object, kind: Table) -> Source | None:
    if item is None:
        return None
    if not isinstance(item, str | Path):
        return replace(_frame(item), table=kind)
    if not Path(item).is_file():
        raise FileFormatError(f"file not found: {str(item)!r}")
    return Source(str(item), path=Path(item), table=kind)


def _frame(item: object) -> Source:
    if not is_frame(item):
        raise FileFormatError(f"cannot read a {type(item).__name__}; use a path, or a pandas, polars or Arrow table")
    return Source("data frame", frame=item)


def _expand(text: str) -> list[Path]:
    if Path(text).exists():
        return [Path(text)]
    matches = glob.glob(text, recursive=True) if glob.has_magic(text) else []  # noqa: PTH207 - absolute patterns too
    paths = [Path(match) for match in sorted(matches)]
    if not paths:
        raise FileFormatError(f"file not found: {text!r}")
    return paths


def _named(folder: Path, stem: str) -> Path | None:
    return next((folder / (stem + ending) for ending in _TABLE_ENDINGS if (folder / (stem + ending)).is_file()), None)


def _data_files(folder: Path) -> list[Path]:
    """Returns the files of a folder that are of a kind in which data come."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("."))
    return [path for path in files if Source(str(path), path=path).kind in (*_KINDS, *_CHATS)]


def _loose(folder: Path) -> list[Path]:
    """Returns the mails, transcripts and chats in a folder."""
    return [path for path in sorted(folder.iterdir()) if path.is_file() and _is_loose(path)]


def _is_loose(path: Path) -> bool:
    kind = path.suffix.casefold()[1:]
    if kind in (*_MAIL, *_TRANSCRIPTS):
        return True
    return _is_call(kind, path) or (kind in _CHATS and is_whatsapp(path))


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError as error:
        raise FileFormatError(
            f"{url.partition('://')[0]!r} is not a known kind of database; use one such as sqlite or postgresql+psycopg"
        ) from error
