"""Imports files into the history: all of an import, or nothing."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from churn_agent import strict_yaml
from churn_agent.domain.interactions import Interaction, Label
from churn_agent.domain.snapshot import Card
from churn_agent.errors import DataError, FileFormatError
from churn_agent.history import book
from churn_agent.history import interactions as stored_interactions
from churn_agent.ingest.columns import (
    INTERACTION_FIELDS,
    INTERACTION_NEEDS,
    LABEL_FIELDS,
    LABEL_NEEDS,
    ColumnMapping,
    assign,
    load_mapping,
)
from churn_agent.ingest.readers import Row, read_rows

Progress = Callable[[Path, int, int], None]
"""Called with (file, bytes read, bytes in all)."""

T = TypeVar("T")
_DEFAULT_CHANNEL = "message"
_DIRECTIONS = {"inbound": "inbound", "in": "inbound", "outbound": "outbound", "out": "outbound"}
_TRUE = frozenset({"1", "true", "yes", "y"})
_FALSE = frozenset({"0", "false", "no", "n"})
_DATA_ENDINGS = ("", ".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class Rejection:
    """A row that was not taken."""

    file: str
    line: int
    reason: str


@dataclass
class ImportSummary:
    """What an import did (or would do)."""

    files: list[str] = field(default_factory=list)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    """File -> our field -> its column."""
    rows: int = 0
    added: int = 0
    already_known: int = 0
    empty: int = 0
    """Rows with neither text nor amount; they are skipped."""
    in_the_future: int = 0
    customers: int = 0
    labels: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    sample: list[Interaction] = field(default_factory=list)
    """The first few interactions as they are stored."""
    channels: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """The files of one import."""

    interactions: tuple[Path, ...] = ()
    customers: Path | None = None
    labels: Path | None = None
    card: Path | None = None
    mapping: Path | None = None


def find_sources(
    paths: Sequence[Path],
    *,
    customers: Path | None = None,
    labels: Path | None = None,
    card: Path | None = None,
    mapping: Path | None = None,
) -> Sources:
    """Resolves paths; a folder stands for its `interactions`, `customers`, `labels` and `card.yaml` files.

    Raises:
        FileFormatError: a path is not there, or a folder holds no interactions.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = _named(path, "interactions")
            if found is None:
                raise FileFormatError(f"{str(path)!r} holds no interactions.csv, .csv.gz or .jsonl")
            files.append(found)
            customers = customers or _named(path, "customers")
            labels = labels or _named(path, "labels")
            card = card or next((p for p in [path / "card.yaml"] if p.is_file()), None)
        elif path.is_file():
            files.append(path)
        else:
            raise FileFormatError(f"there is no file {str(path)!r}")
    return Sources(tuple(files), customers, labels, card, mapping)


def _named(folder: Path, stem: str) -> Path | None:
    return next((folder / (stem + ending) for ending in _DATA_ENDINGS if (folder / (stem + ending)).is_file()), None)


class _DryRun(Exception):
    """Rolls an import back."""


def ingest(
    engine: Engine,
    sources: Sources,
    *,
    dry_run: bool = False,
    progress: Progress = lambda file, done, total: None,
) -> ImportSummary:
    """Imports the files in one transaction. A second import of the same rows changes nothing.

    Raises:
        DataError: a file cannot be used, or not one row of it; nothing was stored.
    """
    summary = ImportSummary()
    mapping = load_mapping(sources.mapping) if sources.mapping else None
    new_card = strict_yaml.load(sources.card, Card) if sources.card else None
    card = new_card or book.card(engine) or Card()
    try:
        with engine.begin() as connection:
            if new_card:
                book.set_card(connection, new_card)
            for path in sources.interactions:
                _import_interactions(connection, path, mapping, card, summary, progress)
            if sources.customers:
                _import_customers(connection, sources.customers, summary)
            if sources.labels:
                _import_labels(connection, sources.labels, card, summary)
            book.add_import(
                connection,
                source=", ".join(summary.files),
                rows_added=summary.added,
                summary={"columns": summary.columns, "rows": summary.rows, "rejected": len(summary.rejected)},
            )
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return summary


def _import_interactions(
    connection: Connection,
    path: Path,
    mapping: ColumnMapping | None,
    card: Card,
    summary: ImportSummary,
    progress: Progress,
) -> None:
    rows_before, rejected_before = summary.rows, len(summary.rejected)
    occurrences: Counter[bytes] = Counter()
    now = datetime.now(UTC)

    def parsed() -> Iterator[Interaction]:
        columns: dict[str, str] | None = None
        for row in read_rows(path, lambda done, total: progress(path, done, total)):
            summary.rows += 1
            if row.problem is None and columns is None:
                columns = assign(list(row.values), INTERACTION_FIELDS, INTERACTION_NEEDS, path, mapping)
                summary.columns[str(path)] = columns
            make = partial(_interaction, row, columns or {}, mapping, card, occurrences)
            interaction = _try(row, path, summary, make)
            if interaction is None:
                continue
            if not interaction.text.strip() and interaction.amount is None:
                summary.empty += 1
                continue
            summary.in_the_future += interaction.occurred_at > now
            summary.channels[interaction.channel] = summary.channels.get(interaction.channel, 0) + 1
            summary.first = min(summary.first or interaction.occurred_at, interaction.occurred_at)
            summary.last = max(summary.last or interaction.occurred_at, interaction.occurred_at)
            if len(summary.sample) < 3:
                summary.sample.append(interaction)
            yield interaction

    before = summary.added + summary.already_known
    added = stored_interactions.add(connection, parsed())
    summary.files.append(str(path))
    taken = sum(summary.channels.values()) - before
    summary.added += added
    summary.already_known += taken - added
    if summary.rows == rows_before:
        raise DataError(f"{path}: holds a header but no interactions")
    rejected = summary.rejected[rejected_before:]
    if rejected and taken == 0:
        why = f"line {rejected[0].line}: {rejected[0].reason}"
        raise DataError(f"{path}: not one of its {summary.rows - rows_before} rows can be used ({why})")


def _try(row: Row, path: Path, summary: ImportSummary, make: Callable[[], T]) -> T | None:
    try:
        if row.problem:
            raise ValueError(row.problem)
        return make()
    except ValueError as error:
        summary.rejected.append(Rejection(str(path), row.line, str(error)))
        return None


def _interaction(
    row: Row, columns: Mapping[str, str], mapping: ColumnMapping | None, card: Card, occurrences: Counter[bytes]
) -> Interaction:
    defaults = mapping.defaults if mapping else {}

    def value(name: str) -> str:
        return row.values.get(columns.get(name, ""), "") or defaults.get(name, "")

    used = set(columns.values())
    metadata = {name: text for name, text in row.values.items() if name and text != "" and name not in used}
    moment, offset = parse_time(value("occurred_at"), card.zone)
    direction = value("direction").strip().casefold()
    if direction and direction not in _DIRECTIONS:
        metadata["direction"] = value("direction")
    content = (
        _customer_id(value("customer_id")),
        moment,
        value("channel").strip() or _DEFAULT_CHANNEL,
        value("text"),
        _DIRECTIONS.get(direction),
        value("author") or None,
        _amount(value("amount")),
        offset,
        metadata,
    )
    digest = hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).digest()[:16]
    occurrences[digest] += 1
    counted = hashlib.sha256(digest + str(occurrences[digest]).encode()).hexdigest()[:32]
    return Interaction(counted, *content)  # type: ignore[arg-type]


def _customer_id(text: str) -> str:
    if not text.strip():
        raise ValueError("the customer id is empty")
    return text


def _amount(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        amount = float(text)
    except ValueError:
        raise ValueError(f"the amount {text!r} is no number") from None
    if amount != amount or amount in (float("inf"), float("-inf")):
        raise ValueError(f"the amount {text!r} is no number")
    return amount


def parse_time(text: str, zone: ZoneInfo) -> tuple[datetime, int]:
    """An ISO 8601 time or date to (UTC, offset in minutes); times without an offset are in `zone`.

    Raises:
        ValueError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"the time {text!r} is not ISO 8601 (such as 2026-03-01T09:30:00+01:00)") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC), int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    except OverflowError:
        raise ValueError(f"the time {text!r} is out of range") from None


def _import_customers(connection: Connection, path: Path, summary: ImportSummary) -> None:
    def rows() -> Iterator[tuple[str, dict[str, str]]]:
        column: str | None = None
        for row in read_rows(path):
            if column is None:
                column = assign(list(row.values), ("customer_id",), ("customer_id",), path)["customer_id"]
            parsed = _try(row, path, summary, partial(_customer_id, row.values[column]))
            if parsed:
                yield parsed, {k: v for k, v in row.values.items() if k and k != column and v != ""}

    summary.customers = book.set_attributes(connection, rows())


def _import_labels(connection: Connection, path: Path, card: Card, summary: ImportSummary) -> None:
    def rows() -> Iterator[Label]:
        columns: dict[str, str] | None = None
        for row in read_rows(path):
            if columns is None:
                columns = assign(list(row.values), (*LABEL_FIELDS, "horizon_days"), LABEL_NEEDS, path)
            parsed = _try(row, path, summary, partial(_label, row, columns, card))
            if parsed:
                yield parsed

    summary.labels = book.add_labels(connection, rows())


def _label(row: Row, columns: Mapping[str, str], card: Card) -> Label:
    word = row.values[columns["churned"]].strip().casefold()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"churned is {word!r}; it must be 0 or 1")
    as_of = row.values[columns["as_of"]].strip()
    try:
        as_of = date.fromisoformat(as_of).isoformat()
    except ValueError:
        raise ValueError(f"as_of {as_of!r} is no date (such as 2026-03-01)") from None
    horizon = row.values.get(columns.get("horizon_days", ""), "").strip()
    return Label(
        customer_id=_customer_id(row.values[columns["customer_id"]]),
        as_of=as_of,
        churned=word in _TRUE,
        horizon_days=int(horizon) if horizon.isdecimal() else card.horizon_days,
        metadata={k: v for k, v in row.values.items() if k not in columns.values() and v != ""},
    )
