"""The second pass over the sources of an import: stores the interactions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from churn_agent.domain.interactions import Interaction
from churn_agent.errors import DataError
from churn_agent.history import interactions
from churn_agent.history.interactions import Arrival, KeyConflict, Synced
from churn_agent.ingest import identity
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.parsing import Draft, InteractionParser, has_content
from churn_agent.ingest.preview import Preview
from churn_agent.ingest.profiling import Understanding
from churn_agent.ingest.readers.base import Row, batches
from churn_agent.ingest.run import Run
from churn_agent.ingest.sources import Source, open_rows
from churn_agent.ingest.speakers import OwnPeople
from churn_agent.ingest.understanding import Understood


def none_of(rows: int) -> str:
    """Returns the subject of "... can be used", for the number of rows that were read."""
    return "not even its only row" if rows == 1 else f"none of its {rows:,} rows"


class InteractionStorer:
    """Parses, cleans and stores the rows of one source after another."""

    def __init__(self, run: Run, understood: Understood) -> None:
        """Creates the second pass.

        Args:
            run: the import.
            understood: what the first pass has settled.
        """
        self._run = run
        self._understood = understood
        self._mapping = understood.mapping
        self._card = run.card
        self._summary = run.summary
        self._rejects = run.rejects
        self._cleaner = Cleaner()
        self._preview = Preview(run.card)
        self._position = 0

    def store(self, connection: Connection, source: Source, import_id: int, known: set[int] | None) -> None:
        """Stores the rows of a source.

        Args:
            connection: connection in a transaction.
            source: the source.
            import_id: number of the import.
            known: what `interactions.bulk_loading` yields.

        Raises:
            DataError: no row of the source can be used, or a key is that of another record.
        """
        summary = self._summary
        rows_before, rejected_before, taken_before = summary.rows, self._rejects.count, sum(summary.channels.values())
        synced = Synced()
        try:
            interactions.sync(connection, self._parsed(source), import_id, synced, known)
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
            raise DataError(f"{source.name}: {none_of(summary.rows - rows_before)} can be used ({why})")

    def _parsed(self, source: Source) -> Iterator[Arrival]:
        summary = self._summary
        occurrences: dict[bytes, int] = {}
        rules = self._understood.rules[source.name]
        parsers = {number: self._parser(number, understanding) for number, understanding in rules.items()}
        if rules:
            first = min(rules)
            columns = dict(rules[first].columns)
            if columns not in summary.columns.values():  # a folder can have thousands of files
                self._run.announce(
                    f"{source.name}: " + ", ".join(f"{name} = {column}" for name, column in columns.items())
                )
            summary.columns[source.name] = columns
        newest_first = any(understanding.newest_first for understanding in rules.values())
        begin, count = self._position, self._understood.rows[source.name]
        now = datetime.now(UTC)
        rows = open_rows(
            source, self._mapping, self._mapping.own, lambda n, all_: self._run.options.progress(source.name, n, all_)
        )
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
            aliases=self._run.aliases,
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

    def finish(self) -> None:
        """Adds to the summary what is known after the last row."""
        summary = self._summary
        if summary.first and summary.last:
            summary.first, summary.last = self._card.local(summary.first), self._card.local(summary.last)
        summary.cleaning = dict(self._cleaner.changed)
        summary.languages = dict(self._cleaner.languages)
        summary.templates = self._cleaner.templates()
        summary.examples = self._preview.examples()
        summary.time_zone = self._card.time_zone


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
