"""Imports sources into the history, each import in full or not at all.

Two passes: the first settles what columns, numbers, dates and words mean (`understanding`), the second stores the rows.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from churn_agent.domain import sensitive
from churn_agent.domain.interactions import Interaction, Speaker
from churn_agent.domain.measurements import Measurement
from churn_agent.domain.snapshot import Card
from churn_agent.errors import DataError, EmptyStore, InputError
from churn_agent.files import strict_yaml
from churn_agent.history import aliases, book, imports, measurements
from churn_agent.history import interactions as stored_interactions
from churn_agent.history.interactions import Arrival, KeyConflict, Synced
from churn_agent.history.latest import last_day_in
from churn_agent.ingest import identity
from churn_agent.ingest.attributes import AttributeParser, AttributeProfile
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.collecting import collecting_rarely
from churn_agent.ingest.columns import ColumnMapping, assign, load_mapping
from churn_agent.ingest.labels import LabelParser, LabelProfile, label_columns
from churn_agent.ingest.matching import mismatch
from churn_agent.ingest.measurements import MeasurementParser, MeasurementProfile
from churn_agent.ingest.parsing import Draft, InteractionParser, checked_customer_id, has_content
from churn_agent.ingest.preview import Example, Preview
from churn_agent.ingest.profiling import Understanding
from churn_agent.ingest.questions import Ask, Guess, NeedsAnswer, Question, suggested
from churn_agent.ingest.readers.base import Row, batches
from churn_agent.ingest.rejects import Rejects
from churn_agent.ingest.sources import Source, Sources, open_other, open_rows
from churn_agent.ingest.speakers import OwnPeople
from churn_agent.ingest.understanding import Understood, answered, understand

Progress = Callable[[str, int, int | None], None]
"""Called with (source, done, total) in bytes of files or rows of tables; the total is None if unknown."""

T = TypeVar("T")
_MOST_NAMED = 5
_LOGGED = """files columns rows rejected rejects_file empty updated replaced cleaning languages templates channels
speakers guesses customers labels measurements aliases""".split()


@dataclass
class ImportSummary:
    """The result of an import (or of a dry run)."""

    import_id: int | None = None
    """Number of the import, for `imports undo`; None for a dry run."""
    replaced: int | None = None
    """The import of the same files with another mapping that this one replaces."""
    sources: list[str] = field(default_factory=list)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    """Source -> our field -> its column."""
    files: dict[str, str] = field(default_factory=dict)
    """File -> `interactions`, `customers`, `labels`, `measurements`, `aliases` or `card`."""
    own: tuple[str, ...] = ()
    """Addresses and domains treated as the company's."""
    mapping: dict[str, Any] = field(default_factory=dict)
    """The mapping as understood."""
    guesses: list[Guess] = field(default_factory=list)
    rows: int = 0
    added: int = 0
    updated: int = 0
    """Number of stored interactions with new values."""
    already_known: int = 0
    """Number of rows that were stored before, updated ones included."""
    empty: int = 0
    """Number of rows without text, amount and rating; they are skipped."""
    passed_over: int = 0
    """Number of rows that the mapping excludes (`only`)."""
    in_the_future: int = 0
    customers: int = 0
    labels: int = 0
    measurements: int = 0
    aliases: int = 0
    """Number of ids that mean another customer, as the import says."""
    rejected: int = 0
    rejects_file: str | None = None
    first_rejected: list[dict[str, object]] = field(default_factory=list)
    """`file`, `line` and `reason` of the first few rejected rows."""
    first: datetime | None = None
    """In the book's time zone, as are `last` and the times in `examples`."""
    last: datetime | None = None
    time_zone: str = "UTC"
    """The book's time zone."""
    channels: dict[str, int] = field(default_factory=dict)
    speakers: dict[str, int] = field(default_factory=dict)
    """Speaker -> texts in channels in which people write."""
    cleaning: dict[str, int] = field(default_factory=dict)
    """Step -> number of texts that it changed."""
    languages: dict[str, int] = field(default_factory=dict)
    templates: list[tuple[str, int]] = field(default_factory=list)
    """Frequent texts, with 0 in place of numbers, and their counts."""
    examples: list[Example] = field(default_factory=list)
    """Up to five telling customers, as understood."""

    @property
    def unattributed(self) -> int:
        """Number of texts whose author is unknown; they are stored and not read."""
        return self.speakers.get("unknown", 0)


class _DryRun(Exception):
    """Rolls an import back."""


def ingest(
    engine: Engine,
    sources: Sources,
    *,
    sheet: str | None = None,
    own: Sequence[str] = (),
    customer: str | None = None,
    unknown_is: Speaker | None = None,
    replaces: int | None = None,
    replace_card: bool = False,
    dry_run: bool = False,
    rejects: Path | None = None,
    progress: Progress = lambda source, done, total: None,
    announce: Callable[[str], None] = lambda what: None,
    ask: Ask | None = None,
    yes: bool = False,
) -> ImportSummary:
    """Imports the sources in one transaction. Importing the same rows again changes nothing.

    Args:
        engine: database of the history.
        sources: files, databases and data frames to import.
        sheet: sheet of workbooks; the mapping's if not given.
        own: mail addresses and domains of the company, in addition to those in the mapping.
        customer: customer of rows that name none.
        unknown_is: speaker of texts whose author the source does not name; the mapping's if not given.
        replaces: an import to undo in the same transaction.
        replace_card: allow the card of another company to replace the stored one.
        dry_run: roll the import back at the end.
        rejects: file for rejected rows (JSON Lines: `file`, `line`, `reason`, `values`).
        progress: called with the source, the amount done and the total.
        announce: called with the mapping of columns before the first row of a source is written.
        ask: answers questions about the data; without it they raise `NeedsAnswer`.
        yes: take the answers that the data suggest; only other questions are asked.

    Raises:
        DataError: a source, or every row of it, is unusable; nothing was stored.
        NeedsAnswer: the data can be read in two ways, or a word is unknown; nothing was stored.
        InputError: the card is for another company than the stored one; nothing was stored.
    """
    mapping = load_mapping(sources.mapping) if sources.mapping else ColumnMapping()
    given = {"customer_id": customer} if customer else {}
    mapping = mapping.model_copy(
        update={
            "own": (*mapping.own, *own),
            "unknown_is": unknown_is or mapping.unknown_is,
            "defaults": mapping.defaults | given,
            "sheet": sheet or mapping.sheet,
        }
    )
    stored_card = book.card(engine)
    new_card = _load_card(sources.card, stored_card, replace=replace_card) if sources.card else None
    card = new_card or stored_card or Card()
    asked = suggested(ask) if yes else ask
    understood = understand(sources.interactions, mapping, progress, asked, sources.others)
    contents = _fingerprints(sources)
    again, wrong = _same_files(engine, contents, understood.as_mapping())
    replaces = (replaces or wrong) if again is None else None  # the same files, read in the same way
    summary = ImportSummary(
        own=understood.mapping.own,
        mapping=understood.as_mapping(),
        guesses=list(understood.guesses),
        files=sources.files,
        replaced=replaces,
    )
    for guess in understood.guesses:
        announce(_guess_line(guess))
    with Rejects(rejects) as rejected, collecting_rarely():
        run = _Import(understood, card, summary, rejected, progress, announce, aliases.all_aliases(engine), asked)
        try:
            with engine.begin() as connection:
                import_id = again or imports.begin(connection)
                if again:
                    book.withdraw(connection, again)
                    measurements.withdraw(connection, again)
                if new_card:
                    book.set_card(connection, new_card, import_id=import_id)
                if sources.aliases:
                    run.aliases(connection, sources.aliases, import_id)
                with stored_interactions.bulk_loading(connection) as known:
                    for source in sources.interactions:
                        run.interactions(connection, source, import_id, known)
                    if rejected.count and summary.rows and not summary.channels:
                        why = rejected.first[0]["reason"]
                        raise DataError(f"{summary.sources[0]}: {_none_of(summary.rows)} can be used ({why})")
                run.about_customers(connection, sources, import_id)
                if replaces is not None:  # afterwards, so that rows that both imports have stay as they are
                    imports.undo(connection, replaces)
                run.finish()
                if not again:
                    imports.finish(
                        connection,
                        import_id,
                        source=", ".join([*summary.sources, *(source.name for source in sources.others)]),
                        rows_added=summary.added,
                        mapping=summary.mapping,
                        contents=contents,
                        summary={name: _plain(getattr(summary, name)) for name in _LOGGED},
                    )
                if dry_run:
                    raise _DryRun
                summary.import_id = import_id
        except _DryRun:
            pass
    return summary


def _guess_line(guess: Guess) -> str:
    change = f"; to change it: {guess.mapping}" if guess.mapping else ""
    return f"{guess.about}: {guess.taken} ({guess.evidence}){change}"


def _known_from(connection: Connection, card: Card) -> date:
    """Returns the day from which the attributes of this import are known: that of the last interaction, up to today."""
    try:
        return last_day_in(connection, card).day
    except EmptyStore:
        return card.local(datetime.now(UTC)).date()


def _none_of(rows: int) -> str:
    return "not even its only row" if rows == 1 else f"none of its {rows:,} rows"


def _plain(value: Any) -> Any:
    return [vars(item) if isinstance(item, Guess) else item for item in value] if isinstance(value, list) else value


def _fingerprints(sources: Sources) -> dict[str, str]:
    """Returns file -> SHA-256 of its bytes; nothing if a source is not a file."""
    given = [*sources.interactions, *sources.others]
    if not all(source.path for source in given):
        return {}
    paths = [*(source.path for source in given if source.path), *([sources.card] if sources.card else [])]
    result: dict[str, str] = {}
    for path in paths:
        with path.open("rb") as file:
            result[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
    return result


def _same_files(
    engine: Engine, contents: Mapping[str, str], mapping: Mapping[str, Any]
) -> tuple[int | None, int | None]:
    """Looks for the last import of exactly these files that is not undone.

    Returns:
        The import, if it had the same mapping and none came after it, so that nothing can be new; and the import, if
        it had another mapping, which this one corrects.
    """
    files = sorted(contents.values())
    stored = [row for row in imports.all_imports(engine) if row.state == "stored"]
    same = next((row for row in reversed(stored) if files and sorted(row.contents.values()) == files), None)
    if same is None or same.mapping is None:
        return None, None
    if same.mapping != mapping:
        return None, same.id
    return (same.id if same is stored[-1] else None), None


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
        understood: Understood,
        card: Card,
        summary: ImportSummary,
        rejects: Rejects,
        progress: Progress,
        announce: Callable[[str], None],
        aliases_: Mapping[str, str],
        ask: Ask | None,
    ) -> None:
        self._ask = ask
        self._understood = understood
        self._mapping = understood.mapping
        self._card = card
        self._summary = summary
        self._rejects = rejects
        self._progress = progress
        self._announce = announce
        self._aliases = aliases_
        self._cleaner = Cleaner()
        self._preview = Preview(card)
        self._position = 0

    def interactions(self, connection: Connection, source: Source, import_id: int, known: set[int] | None) -> None:
        summary = self._summary
        rows_before, rejected_before, taken_before = summary.rows, self._rejects.count, sum(summary.channels.values())
        synced = Synced()
        try:
            stored_interactions.sync(connection, self._parsed(source), import_id, synced, known)
        except KeyConflict as error:
            raise DataError(
                f"{source.name}: the key {error.new.key!r} is already that of another record (customer "
                f"{error.stored.customer_id!r}, {error.stored.occurred_at:%Y-%m-%d}); if this is another source, give "
                "it a name in a mapping file (source: NAME)"
            ) from error
        taken = sum(summary.channels.values()) - taken_before
        summary.sources.append(source.name)
        summary.added += synced.added
        summary.updated += synced.updated
        summary.already_known += taken - synced.added
        if summary.rows == rows_before:
            raise DataError(f"{source.name}: has a header but no interactions")
        if self._rejects.count > rejected_before and taken == 0 and not source.in_folder:
            first = self._rejects.first[min(rejected_before, len(self._rejects.first) - 1)]
            why = f"line {first['line']}: {first['reason']}"
            raise DataError(f"{source.name}: {_none_of(summary.rows - rows_before)} can be used ({why})")

    def _parsed(self, source: Source) -> Iterator[Arrival]:
        summary = self._summary
        occurrences: dict[bytes, int] = {}
        rules = self._understood.rules[source.name]
        parsers = {number: self._parser(number, understanding) for number, understanding in rules.items()}
        if rules:
            first = min(rules)
            columns = dict(rules[first].columns)
            if columns not in summary.columns.values():  # a folder can have thousands of files
                self._announce(f"{source.name}: " + ", ".join(f"{name} = {column}" for name, column in columns.items()))
            summary.columns[source.name] = columns
        newest_first = any(understanding.newest_first for understanding in rules.values())
        begin, count = self._position, self._understood.rows[source.name]
        now = datetime.now(UTC)
        rows = open_rows(source, self._mapping, self._mapping.own, lambda n, all_: self._progress(source.name, n, all_))
        number = -1
        for batch in batches(rows):
            for row, draft in zip(batch, _drafts(batch, parsers), strict=True):
                number += 1
                summary.rows += 1
                if draft is None:
                    summary.passed_over += 1
                elif isinstance(draft, ValueError):
                    self._rejects.add(source.name, row, str(draft))
                else:
                    interaction = draft.interaction(identity.id_of(draft.content, occurrences))
                    if not has_content(interaction):
                        summary.empty += 1
                        continue
                    self._note(interaction, now)
                    position = begin + (max(count - 1 - number, 0) if newest_first else number)
                    yield Arrival(interaction, position, draft.source_customer_id)
        self._position += count

    def _parser(self, number: int, understanding: Understanding) -> InteractionParser:
        mapping = self._mapping
        return InteractionParser(
            mapping.rules[number],
            understanding,
            self._card,
            self._cleaner,
            source=mapping.source or "",
            zone=ZoneInfo(mapping.time_zone) if mapping.time_zone else None,
            own=OwnPeople((*mapping.own, *mapping.staff)),
            unknown_is=mapping.unknown_is or "unknown",
            aliases=self._aliases,
            whole_ids=bool(mapping.whole_ids),
        )

    def _note(self, interaction: Interaction, now: datetime) -> None:
        summary = self._summary
        at = interaction.occurred_at
        summary.in_the_future += at > now
        summary.channels[interaction.channel] = summary.channels.get(interaction.channel, 0) + 1
        if interaction.text.strip() and self._card.holds_words(interaction.channel):
            speaker = interaction.speaker or "unknown"
            summary.speakers[speaker] = summary.speakers.get(speaker, 0) + 1
        if summary.first is None or at < summary.first:
            summary.first = at
        if summary.last is None or at > summary.last:
            summary.last = at
        self._preview.add(interaction, now)

    def _note_guess(self, guess: Guess) -> None:
        """Notes a guess about a file of attributes, labels, measurements or aliases."""
        self._summary.guesses.append(guess)
        self._announce(_guess_line(guess))

    def about_customers(self, connection: Connection, sources: Sources, import_id: int) -> None:
        """Imports attributes, labels and measurements."""
        if sources.customers:
            self.customers(connection, sources.customers, import_id, _known_from(connection, self._card))
        if sources.labels:
            self.labels(connection, sources.labels, import_id)
        if sources.measurements:
            self.measurements(connection, sources.measurements, import_id)
        for source, kind in ((sources.customers, "attributes"), (sources.labels, "label")):
            if source:
                ids = book.customers_of(connection, import_id, kind)
                note = mismatch(source.name, ids, stored_interactions.known_customers(connection))
                if note:
                    self._announce(note)

    def customers(self, connection: Connection, source: Source, import_id: int, known_from: date | None) -> None:
        profile: AttributeProfile | None = None
        names: dict[str, None] = {}
        for row in open_other(source, self._mapping, note=self._note_guess):
            profile = profile or AttributeProfile(list(row.values), source.name)
            if not row.problem:
                profile.add(row)
                names |= dict.fromkeys(row.values)
        if profile is None:
            return
        formats = self._settled(source, profile.settle)
        for column, currencies in formats.currencies.items():
            kept = "its amounts are kept as text, and neither added up nor ranked"
            self._announce(f"{source.name}: {column} has several currencies ({', '.join(currencies)}); {kept}")
        left_out = sensitive.unused(names, self._card)
        if left_out:
            listed = ", ".join(left_out)
            use = f"to use them, list them in the card: sensitive_attributes: [{listed}]"
            self._announce(f"{source.name}: {listed}: these look sensitive and are not used; {use}")
        whole = bool(self._mapping.whole_ids)
        parse = AttributeParser(formats, self._card, known_from=known_from, whole_ids=whole)
        rows = (self._try(source, row, lambda row=row: parse(row)) for row in open_other(source, self._mapping))
        self._summary.customers = book.set_attributes(connection, filter(None, rows), import_id=import_id)
        for name, count in list(book.several_rows(connection, import_id).items())[:_MOST_NAMED]:
            have = f"{count:,} customers have" if count > 1 else "a customer has"
            self._announce(
                f"{source.name}: {name}: {have} several rows; the last one counts; to add them up: combine: {{{name}: "
                "sum} in the card"
            )

    def aliases(self, connection: Connection, source: Source, import_id: int) -> None:
        columns: dict[str, str] = {}

        def add(row: Row) -> bool:
            old, new = (checked_customer_id(row.values.get(columns[name], "")) for name in ("old", "new"))
            book.add_alias(connection, old, new, import_id=import_id)
            return True

        for row in open_other(source, self._mapping, note=self._note_guess):
            columns = columns or assign(list(row.values), ("old", "new"), ("old", "new"), source.name)
            self._summary.aliases += bool(self._try(source, row, lambda row=row: add(row)))
        self._aliases = aliases.read(connection)

    def labels(self, connection: Connection, source: Source, import_id: int) -> None:
        profile: LabelProfile | None = None
        for row in open_other(source, self._mapping, note=self._note_guess):
            profile = profile or LabelProfile(label_columns(row.values, source.name))
            if not row.problem:
                profile.add(row)
        if profile is None:
            return
        settle = profile.settle
        formats = self._settled(source, lambda mapping: settle(mapping.day_first, mapping.decimal))
        if profile.unknown_words:
            self._announce(f"{source.name}: unknown words for the outcome: {profile.unknown_words}")
        for column, words in profile.metadata_columns.items():
            self._announce(f"{source.name}: {column} is kept as metadata, because it has unknown words: {words}")
        parse = LabelParser(formats, self._card, whole_ids=bool(self._mapping.whole_ids))
        rows = (self._try(source, row, lambda row=row: parse(row)) for row in open_other(source, self._mapping))
        self._summary.labels = book.add_labels(connection, filter(None, rows), import_id=import_id)

    def measurements(self, connection: Connection, source: Source, import_id: int) -> None:
        profile: MeasurementProfile | None = None
        for row in open_other(source, self._mapping, note=self._note_guess):
            profile = profile or MeasurementProfile(list(row.values), source.name, self._mapping)
            if not row.problem:
                profile.add(row)
        if profile is None:
            return
        formats = self._settled(source, profile.settle)
        if formats.skipped:
            self._announce(f"{source.name}: columns with words are not imported: {', '.join(formats.skipped)}")
        parse = MeasurementParser(formats, self._card, self._mapping, self._mapping.source or "")

        def rows() -> Iterator[tuple[Measurement, str]]:
            for row in open_other(source, self._mapping, lambda n, all_: self._progress(source.name, n, all_)):
                for one in self._try(source, row, lambda row=row: list(parse(row))) or ():
                    today = self._aliases.get(one.customer_id)
                    yield (replace(one, customer_id=today), one.customer_id) if today else (one, one.customer_id)

        self._summary.measurements = measurements.add(connection, rows(), import_id=import_id)

    def _settled(self, source: Source, settle: Callable[[ColumnMapping], T | list[Question]]) -> T:
        """Returns the formats of a file, after asking what it leaves open. Raises `NeedsAnswer`."""
        formats = settle(self._mapping)
        if isinstance(formats, list):
            questions = cast("list[Question]", formats)
            self._mapping = answered(self._mapping, [(source.name, question) for question in questions], self._ask)
            formats = settle(self._mapping)
        if isinstance(formats, list):
            raise NeedsAnswer(source.name, cast("list[Question]", formats))
        return formats

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
        summary.examples = self._preview.examples()
        summary.time_zone = self._card.time_zone

    def _try(self, source: Source, row: Row, make: Callable[[], T]) -> T | None:
        try:
            if row.problem:
                raise ValueError(row.problem)
            return make()
        except ValueError as error:
            self._rejects.add(source.name, row, str(error))
            return None


def _drafts(batch: Sequence[Row], parsers: Mapping[int, InteractionParser]) -> list[Draft | ValueError | None]:
    """Returns what each row says, or why it cannot be used; None for a row that the mapping excludes."""
    drafts: list[Draft | ValueError | None] = [None] * len(batch)
    wanted: dict[int, list[int]] = {}
    for number, row in enumerate(batch):
        parser = parsers.get(row.rule)
        if row.problem:
            drafts[number] = ValueError(row.problem)
        elif parser is None:
            drafts[number] = ValueError("not an interaction: no rule of the mapping is for this row")
        elif parser.wants(row):
            wanted.setdefault(row.rule, []).append(number)
    for rule, numbers in wanted.items():
        for number, draft in zip(numbers, parsers[rule]([batch[number] for number in numbers]), strict=True):
            drafts[number] = draft
    return drafts
