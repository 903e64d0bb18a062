"""What one import reads: files, folders, globs, databases, data frames; and which reader takes which."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churn_agent.errors import FileFormatError
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.readers.base import Progress, RecordShape, Row
from churn_agent.ingest.readers.mail import guess_own_domain, read_mail
from churn_agent.ingest.readers.tables import is_frame, read_duckdb, read_frame, read_parquet, read_sql, read_xlsx
from churn_agent.ingest.readers.text import read_text
from churn_agent.ingest.readers.transcripts import read_transcript

_TEXT = ("csv", "tsv", "jsonl", "ndjson", "json")
_MAIL = ("mbox", "eml")
_TRANSCRIPTS = ("vtt", "srt")
_SQLITE = ("sqlite", "sqlite3", "db")
_KINDS = (*_TEXT, "parquet", "xlsx", *_MAIL, *_TRANSCRIPTS, "duckdb", *_SQLITE)
_TABLE_ENDINGS = (".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".json", ".parquet", ".xlsx")


@dataclass(frozen=True)
class Source:
    """One place that interactions, customers or labels are read from."""

    name: str
    """As it is shown: a path, an address without its password, or `data frame`."""
    path: Path | None = None
    url: str | None = None
    frame: Any = None
    query: str | None = None

    @property
    def kind(self) -> str:
        """The ending of the file's name without `.gz`; `sql` and `frame` for what is no file."""
        if self.path is None:
            return "sql" if self.url else "frame"
        return self.path.name.casefold().removesuffix(".gz").rpartition(".")[2]

    @property
    def complete_header(self) -> bool:
        """Whether the first row names all columns."""
        return self.kind not in ("jsonl", "ndjson", "json", *_MAIL, *_TRANSCRIPTS)


@dataclass(frozen=True)
class Sources:
    """All that one import reads."""

    interactions: tuple[Source, ...] = ()
    customers: Source | None = None
    labels: Source | None = None
    card: Path | None = None
    mapping: Path | None = None


def find_sources(
    given: Sequence[object],
    *,
    customers: object = None,
    labels: object = None,
    card: Path | None = None,
    mapping: Path | None = None,
    query: str | None = None,
) -> Sources:
    """Resolves what the user named.

    Args:
        given: paths, globs, folders (their `interactions`, `customers`, `labels` and `card.yaml`, or all mails and
            transcripts in them), addresses of databases, data frames.
        query: SQL for databases.

    Raises:
        FileFormatError: a path is not there, or a folder holds nothing to read.
    """
    found: list[Source] = []
    for each in given:
        if not isinstance(each, str | Path):
            found.append(_frame(each))
            continue
        text = str(each)
        if "://" in text:
            found.append(Source(_without_password(text), url=text, query=query))
            continue
        for path in _expand(text):
            if not path.is_dir():
                found.append(Source(str(path), path=path, query=query))
                continue
            table = _named(path, "interactions")
            inside = [table] if table else _loose(path)
            if not inside:
                raise FileFormatError(f"{str(path)!r} holds no interactions.csv (or .jsonl, .parquet, ...), no mails")
            found += [Source(str(file), path=file, query=query) for file in inside]
            customers = customers if customers is not None else _named(path, "customers")
            labels = labels if labels is not None else _named(path, "labels")
            card = card or next((p for p in [path / "card.yaml"] if p.is_file()), None)
    return Sources(tuple(found), _single(customers), _single(labels), card, mapping)


def own_domains(sources: Sequence[Source], mapping: ColumnMapping | None) -> tuple[str, ...]:
    """The company's mail domains: as the mapping says, or guessed over all mails of the import."""
    if mapping and mapping.own_domains:
        return mapping.own_domains
    mails = [source.path for source in sources if source.path and source.kind in _MAIL]
    guessed = guess_own_domain(mails) if mails else None
    return (guessed,) if guessed else ()


def open_rows(
    source: Source, mapping: ColumnMapping | None, domains: Sequence[str], progress: Progress = lambda done, total: None
) -> Iterator[Row]:
    """Yields the rows of a source. Raises `FileFormatError`."""
    shape: RecordShape = {n: rule.each for n, rule in enumerate(mapping.rules)} if mapping else {0: None}
    rules = range(len(shape))
    rows = _rows(source, mapping, shape, domains, progress)
    if source.kind in ("jsonl", "ndjson", "json") or len(shape) == 1:
        return rows
    return (Row(row.line, row.values, row.problem, rule) for row in rows for rule in rules)


def _rows(
    source: Source, mapping: ColumnMapping | None, shape: RecordShape, domains: Sequence[str], progress: Progress
) -> Iterator[Row]:
    path = source.path
    if path is None:
        return read_sql(source.url, source.query, progress) if source.url else read_frame(source.frame)
    match source.kind:
        case kind if kind in _TEXT:
            return read_text(path, kind, shape, mapping.records if mapping else None, progress)
        case "parquet":
            return read_parquet(path, progress)
        case "xlsx":
            return read_xlsx(path, progress)
        case "duckdb":
            return read_duckdb(path, source.query, progress)
        case kind if kind in _SQLITE:
            return read_sql(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true", source.query, progress)
        case kind if kind in _MAIL:
            return read_mail(path, domains, progress)
        case kind if kind in _TRANSCRIPTS:
            return read_transcript(path, mapping.staff if mapping else ())
        case _:
            raise FileFormatError(f"{path}: cannot read files of this kind; give one of .{', .'.join(_KINDS)}")


def _single(given: object) -> Source | None:
    if given is None:
        return None
    if not isinstance(given, str | Path):
        return _frame(given)
    if not Path(given).is_file():
        raise FileFormatError(f"there is no file {str(given)!r}")
    return Source(str(given), path=Path(given))


def _frame(given: object) -> Source:
    if not is_frame(given):
        raise FileFormatError(f"cannot read a {type(given).__name__}; give a path, or a pandas, polars or Arrow table")
    return Source("data frame", frame=given)


def _expand(text: str) -> list[Path]:
    if Path(text).exists():
        return [Path(text)]
    matches = glob.glob(text, recursive=True) if glob.has_magic(text) else []  # noqa: PTH207 - absolute patterns too
    found = [Path(match) for match in sorted(matches)]
    if not found:
        raise FileFormatError(f"there is no file {text!r}")
    return found


def _named(folder: Path, stem: str) -> Path | None:
    return next((folder / (stem + ending) for ending in _TABLE_ENDINGS if (folder / (stem + ending)).is_file()), None)


def _loose(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.casefold()[1:] in (*_MAIL, *_TRANSCRIPTS))


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError as error:
        raise FileFormatError(f"{url.partition('://')[0]!r} is no kind of database") from error
