"""Imports sources into the history, each import in full or not at all."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from churn_agent.domain.interactions import Interaction, Label
from churn_agent.domain.snapshot import Card
from churn_agent.errors import DataError, InputError
from churn_agent.files import strict_yaml
from churn_agent.history import book
from churn_agent.history import interactions as stored_interactions
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.columns import (
    INTERACTION_FIELDS,
    INTERACTION_NEEDS,
    LABEL_FIELDS,
    LABEL_NEEDS,
    ColumnMapping,
    assign,
    load_mapping,
)
from churn_agent.ingest.parsing import InteractionParser, checked_customer_id, parse_label
from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.rejects import Rejects
from churn_agent.ingest.sources import Source, Sources, open_rows, own_domains

Progress = Callable[[str, int, int | None], None]
"""Called with (source, done, total) in bytes of files or rows of tables; the total is None if unknown."""

T = TypeVar("T")
_SAMPLE = 3
_CLEANED_SAMPLE = 2


@dataclass
class ImportSummary:
    """The result of an import (or of a dry run)."""

    sources: list[str] = field(default_factory=list)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    """Source -> our field -> its column."""
    own_domains: tuple[str, ...] = ()
    """Mail domains treated as the company's."""
    rows: int = 0
    added: int = 0
    already_known: int = 0
    empty: int = 0
    """Number of rows without text and amount; they are skipped."""
    passed_over: int = 0
    """Number of rows that the mapping excludes (`only`)."""
    in_the_future: int = 0
    customers: int = 0
    labels: int = 0
    rejected: int = 0
    rejects_file: str | None = None
    first_rejected: list[dict[str, object]] = field(default_factory=list)
    """`file`, `line` and `reason` of the first few rejected rows."""
    first: datetime | None = None
    """In the book's time zone, as are `last` and the times in `sample`."""
    last: datetime | None = None
    channels: dict[str, int] = field(default_factory=dict)
    cleaning: dict[str, int] = field(default_factory=dict)
    """Step -> number of texts that it changed."""
    languages: dict[str, int] = field(default_factory=dict)
    templates: list[tuple[str, int]] = field(default_factory=list)
    """Frequent texts, with 0 in place of numbers, and their counts."""
    sample: list[Interaction] = field(default_factory=list)
    """The first few interactions as stored, and a few that were cleaned."""


class _DryRun(Exception):
    """Rolls an import back."""


def ingest(
    engine: Engine,
    sources: Sources,
    *,
    replace_card: bool = False,
    dry_run: bool = False,
    rejects: Path | None = None,
    progress: Progress = lambda source, done, total: None,
    announce: Callable[[str], None] = lambda what: None,
) -> ImportSummary:
    """Imports the sources in one transaction. Importing the same rows again changes nothing.

    Args:
        engine: database of the history.
        sources: files, databases and data frames to import.
        replace_card: allow the card of another company to replace the stored one.
        dry_run: roll the import back at the end.
        rejects: file for rejected rows (JSON Lines: `file`, `line`, `reason`, `values`).
        progress: called with the source, the amount done and the total.
        announce: called with the mapping of columns before the first row of a source is written.

    Raises:
        DataError: a source, or every row of it, is unusable; nothing was stored.
        InputError: the card is for another company than the stored one; nothing was stored.
    """
    mapping = load_mapping(sources.mapping) if sources.mapping else None
    stored_card = book.card(engine)
    new_card = _load_card(sources.card, stored_card, replace=replace_card) if sources.card else None
    card = new_card or stored_card or Card()
    summary = ImportSummary(own_domains=own_domains(sources.interactions, mapping))
    if summary.own_domains:
        announce(f"mails from {', '.join(summary.own_domains)} are treated as the company's")
    with Rejects(rejects) as rejected:
        run = _Import(mapping, card, summary, rejected, progress, announce)
        try:
            with engine.begin() as connection:
                if new_card and new_card != stored_card:
                    book.set_card(connection, new_card)
                with stored_interactions.bulk_loading(connection):
                    for source in sources.interactions:
                        run.interactions(connection, source)
                    if rejected.count and not summary.channels:
                        raise DataError(f"none of the {summary.rows} rows can be used ({rejected.first[0]['reason']})")
                if sources.customers:
                    run.customers(connection, sources.customers)
                if sources.labels:
                    run.labels(connection, sources.labels)
                run.finish()
                book.add_import(
                    connection,
                    source=", ".join(summary.sources),
                    rows_added=summary.added,
                    summary={
                        name: getattr(summary, name)
                        for name in ("columns", "rows", "rejected", "empty", "cleaning", "languages", "templates")
                    },
                )
                if dry_run:
                    raise _DryRun
        except _DryRun:
            pass
    return summary


def _load_card(path: Path, stored: Card | None, *, replace: bool) -> Card:
    """Loads the card in a file, unless it is for another company and may not replace the stored one."""
    card = strict_yaml.load(path, Card)
    if not card.model_fields_set:
        raise DataError(f"{path}: the card is empty; add at least company: NAME, or import without a card")
    named = stored.company if stored and stored.company != Card().company else None
    if named and named.casefold() != card.company.casefold() and not replace:
        raise InputError(
            f"the store holds the book of {named!r}, but {path} is the card of {card.company!r}; use another "
            "store (churn-agent --store FOLDER ingest ...) or --replace-card"
        )
    return card


class _Import:
    """A running import."""

    def __init__(
        self,
        mapping: ColumnMapping | None,
        card: Card,
        summary: ImportSummary,
        rejects: Rejects,
        progress: Progress,
        announce: Callable[[str], None],
    ) -> None:
        self._mapping = mapping
        self._card = card
        self._summary = summary
        self._rejects = rejects
        self._progress = progress
        self._announce = announce
        self._cleaner = Cleaner()

    def interactions(self, connection: Connection, source: Source) -> None:
        summary = self._summary
        rows_before, rejected_before, taken_before = summary.rows, self._rejects.count, sum(summary.channels.values())
        added = stored_interactions.add(connection, self._parsed(source))
        taken = sum(summary.channels.values()) - taken_before
        summary.sources.append(source.name)
        summary.added += added
        summary.already_known += taken - added
        if summary.rows == rows_before:
            raise DataError(f"{source.name}: has a header but no interactions")
        if self._rejects.count > rejected_before and taken == 0 and not source.in_folder:
            first = self._rejects.first[min(rejected_before, len(self._rejects.first) - 1)]
            why = f"line {first['line']}: {first['reason']}"
            raise DataError(f"{source.name}: none of its {summary.rows - rows_before} rows can be used ({why})")

    def _parsed(self, source: Source) -> Iterator[Interaction]:
        summary = self._summary
        occurrences: Counter[bytes] = Counter()
        parsers: dict[tuple[int, tuple[str, ...]], InteractionParser] = {}
        domains = summary.own_domains
        now = datetime.now(UTC)
        for row in open_rows(source, self._mapping, domains, lambda n, all_: self._progress(source.name, n, all_)):
            summary.rows += 1
            interaction = self._try(source, row, lambda row=row: self._parse(source, row, parsers, occurrences))
            if interaction is None:
                continue
            if not interaction.text.strip() and interaction.amount is None:
                summary.empty += 1
                continue
            self._note(interaction, now)
            yield interaction

    def _parse(
        self,
        source: Source,
        row: Row,
        parsers: dict[tuple[int, tuple[str, ...]], InteractionParser],
        occurrences: Counter[bytes],
    ) -> Interaction | None:
        key = row.rule, tuple(row.values)
        parser = parsers.get(key)
        if parser is None:
            try:
                parser = parsers[key] = self._parser(source, row, first=not parsers)
            except DataError as error:
                if not parsers:
                    raise
                raise ValueError(f"not an interaction: {error}") from error
        if not parser.wants(row):
            self._summary.passed_over += 1
            return None
        return parser(row, occurrences)

    def _parser(self, source: Source, row: Row, *, first: bool) -> InteractionParser:
        rule = self._mapping.rules[row.rule] if self._mapping else None
        complete = source.complete_header
        header = list(row.values)
        needs = INTERACTION_NEEDS
        if not first:  # records may omit their text
            needs = tuple(name for name in needs if name != "text")
        columns = assign(header, INTERACTION_FIELDS, needs, source.name, rule, complete=complete)
        if first:
            self._summary.columns[source.name] = columns
            self._announce(f"{source.name}: " + ", ".join(f"{name} = {column}" for name, column in columns.items()))
        return InteractionParser(rule or ColumnMapping(), columns, self._card, self._cleaner)

    def _note(self, interaction: Interaction, now: datetime) -> None:
        summary = self._summary
        at = interaction.occurred_at
        summary.in_the_future += at > now
        summary.channels[interaction.channel] = summary.channels.get(interaction.channel, 0) + 1
        if summary.first is None or at < summary.first:
            summary.first = at
        if summary.last is None or at > summary.last:
            summary.last = at
        cleaned = interaction.original is not None
        alike = sum((shown.original is not None) == cleaned for shown in summary.sample)
        if alike < (_CLEANED_SAMPLE if cleaned else _SAMPLE):
            summary.sample.append(replace(interaction, occurred_at=self._card.local(at)))

    def customers(self, connection: Connection, source: Source) -> None:
        column: dict[str, str] = {}

        def rows() -> Iterator[tuple[str, dict[str, str]]]:
            for row in open_rows(source, None, ()):
                if not column:
                    column.update(assign(list(row.values), ("customer_id",), ("customer_id",), source.name))
                name = column["customer_id"]
                id_ = self._try(source, row, lambda row=row, name=name: checked_customer_id(row.values.get(name, "")))
                if id_:
                    yield id_, {k: v for k, v in row.values.items() if k and k != name and v != ""}

        self._summary.customers = book.set_attributes(connection, rows())

    def labels(self, connection: Connection, source: Source) -> None:
        columns: dict[str, str] = {}

        def rows() -> Iterator[Label]:
            for row in open_rows(source, None, ()):
                if not columns:
                    columns.update(assign(list(row.values), (*LABEL_FIELDS, "horizon_days"), LABEL_NEEDS, source.name))
                label = self._try(source, row, lambda row=row: parse_label(row, columns, self._card))
                if label:
                    yield label

        self._summary.labels = book.add_labels(connection, rows())

    def finish(self) -> None:
        summary = self._summary
        if summary.first and summary.last:
            summary.first, summary.last = self._card.local(summary.first), self._card.local(summary.last)
        summary.rejected = self._rejects.count
        summary.first_rejected = self._rejects.first
        summary.rejects_file = str(self._rejects.path) if self._rejects.path and self._rejects.count else None
        summary.cleaning = dict(self._cleaner.changed)
        summary.languages = dict(self._cleaner.languages)
        summary.templates = self._cleaner.templates()

    def _try(self, source: Source, row: Row, make: Callable[[], T]) -> T | None:
        try:
            if row.problem:
                raise ValueError(row.problem)
            return make()
        except ValueError as error:
            self._rejects.add(source.name, row, str(error))
            return None
