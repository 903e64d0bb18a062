"""The second pass over the sources of an import: stores the interactions."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from churn_agent.errors import DataError
from churn_agent.history import interactions
from churn_agent.history.database import from_stored, to_stored
from churn_agent.history.interactions import Arrival, KeyConflict, Synced
from churn_agent.ingest import identity
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.derived import as_written
from churn_agent.ingest.parsing import Draft, InteractionParser
from churn_agent.ingest.preview import Preview
from churn_agent.ingest.profiling import Understanding
from churn_agent.ingest.readers.base import Row, batches
from churn_agent.ingest.run import Run
from churn_agent.ingest.sources import Source, open_rows
from churn_agent.ingest.speakers import OwnPeople
from churn_agent.ingest.understanding import Understood

_KEY = interactions.VALUES.index("key")


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
        self._announced: set[str] = set()
        self._position = 0
        self._replaced: set[int] = set()
        """Earlier imports of which values were replaced."""

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
            rows = self._parsed(connection, source)
            interactions.sync(
                connection, rows, import_id, synced, known, replaces=summary.replaced, first=self._position
            )
        except KeyConflict as error:
            raise DataError(f"{source.name}: {_conflict(error, import_id)}") from error
        taken = sum(summary.channels.values()) - taken_before
        summary.sources.append(source.name)
        summary.added += synced.added
        summary.updated += synced.updated
        summary.outdated += synced.outdated
        self._replaced |= synced.replaced
        summary.already_known += taken - synced.added
        if summary.rows == rows_before:
            lists = dict.fromkeys(rule.each for rule in self._understood.mapping.rules if rule.each)
            if lists and not source.complete_header:
                raise DataError(
                    f"{source.name}: no record has an interaction in {' or '.join(lists)}, where they should be"
                )
            raise DataError(f"{source.name}: has a header but no interactions")
        if self._rejects.count > rejected_before and taken == 0 and not source.in_folder:
            first = self._rejects.first[min(rejected_before, len(self._rejects.first) - 1)]
            why = f"line {first['line']}: {first['reason']}"
            raise DataError(f"{source.name}: {none_of(summary.rows - rows_before)} can be used ({why})")

    def _parsed(self, connection: Connection, source: Source) -> Iterator[Arrival]:
        summary = self._summary
        occurrences: dict[bytes, int] = {}
        rules = self._understood.rules[source.name]
        parsers = {number: self._parser(number, understanding) for number, understanding in rules.items()}
        if rules:
            first = min(rules)
            columns = as_written(rules[first].columns, self._mapping.rules[first])
            if columns not in summary.columns.values():  # a folder can have thousands of files
                self._run.announce(
                    f"{source.name}: " + ", ".join(f"{name} = {column}" for name, column in columns.items())
                )
            summary.columns[source.name] = columns
        newest_first = any(understanding.newest_first for understanding in rules.values())
        begin, count = self._position, self._understood.rows[source.name]
        now = datetime.now(UTC)
        number = 0
        skipped, several = _SkippedRows([rule.each for rule in self._mapping.rules]), len(self._mapping.rules) > 1
        for batch in self._understood.kept.pop(id(source), None) or self._batches(source):
            usable: list[tuple[int, Draft]] = []
            for at, draft in enumerate(_drafts(batch, parsers), number):
                if draft is None or several:
                    skipped.add(batch[at - number], taken=draft is not None)
                if draft is None:
                    continue
                if isinstance(draft, ValueError):
                    self._rejects.add(source.name, batch[at - number], str(draft))
                else:
                    usable.append((at, draft))
                    words = parsers[batch[at - number].rule].reported(draft)
                    usable += [(at, words)] if words else []
            number += len(batch)
            summary.rows += len(batch)
            ids = identity.ids_of((content for _, (content, _, _) in usable), occurrences)
            emptied = self._emptied(connection, usable)
            arrivals = [
                (id_, begin + (max(count - 1 - at, 0) if newest_first else at), values)
                for id_, (at, (_, filled, values)) in zip(ids, usable, strict=True)
                if filled or values[_KEY] in emptied
            ]
            summary.empty += len(usable) - len(arrivals)
            if arrivals:
                self._note(arrivals, now)
            yield from arrivals
        self._position += count
        for parser in parsers.values():
            self._say_unused(source, parser)
        summary.passed_over += skipped.count

    @staticmethod
    def _emptied(connection: Connection, usable: Sequence[tuple[int, Draft]]) -> set[str]:
        """Returns the keys of rows without content whose records are stored: the source has taken their words away."""
        keys = [values[_KEY] for _, (_, filled, values) in usable if not filled and values[_KEY]]
        return interactions.with_keys(connection, keys) if keys else set()

    def _say_unused(self, source: Source, parser: InteractionParser) -> None:
        """Names the mapped fields of payments that stay metadata, once for each channel and set of fields."""
        for channel, fields in parser.not_of_payments.items():
            are = "is" if len(fields) == 1 else "are"
            line = (
                f"{', '.join(fields)} of the channel {channel!r} {are} kept as metadata, because people write in it; "
                f"if a system does: record_channels: [{channel}] in the card"
            )
            if line not in self._announced:
                self._announced.add(line)
                self._run.announce(f"{source.name}: {line}")

    def _batches(self, source: Source) -> Iterator[list[Row]]:
        progress, mapping = self._run.options.progress, self._mapping
        return batches(open_rows(source, mapping, mapping.own, lambda n, all_: progress(source.name, n, all_)))

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
            machines=OwnPeople(mapping.machines),
            unknown_is=mapping.unknown_is or "unknown",
            aliases=self._run.aliases,
            whole_ids=bool(mapping.whole_ids),
        )

    def _note(self, arrivals: Sequence[Arrival], now: datetime) -> None:
        """Counts rows, and shows the preview those that it may choose from."""
        summary = self._summary
        columns = dict(zip(interactions.VALUES, zip(*(values for _, _, values in arrivals), strict=True), strict=True))
        times, channels = columns["occurred_at"], columns["channel"]
        latest = to_stored(now)
        summary.in_the_future += sum(time > latest for time in times)
        _count(summary.channels, Counter(channels))
        with_words = {channel: self._card.holds_words(channel) for channel in set(channels)}
        spoken = zip(columns["speaker"], channels, columns["text"], strict=True)
        _count(summary.speakers, Counter(by for by, channel, text in spoken if with_words[channel] and text.strip()))
        first, last = from_stored(min(times)), from_stored(max(times))
        summary.first = min(summary.first or first, first)
        summary.last = max(summary.last or last, last)
        self._preview.add_all(arrivals, columns, now)

    def finish(self, connection: Connection, import_id: int) -> None:
        """Adds to the summary what is known after the last row.

        Args:
            connection: connection in a transaction.
            import_id: number of the import.
        """
        summary = self._summary
        if summary.updated and summary.last:
            self._note_newer(connection, import_id, summary.last)
        if summary.first and summary.last:
            summary.first, summary.last = self._card.local(summary.first), self._card.local(summary.last)
        summary.cleaning = dict(self._cleaner.changed)
        summary.languages = dict(self._cleaner.languages)
        summary.templates = self._cleaner.templates()
        summary.examples = self._preview.examples()
        summary.time_zone = self._card.time_zone

    def _note_newer(self, connection: Connection, import_id: int, last: datetime) -> None:
        """Tells the user of earlier imports that lost values to this one, although they have later interactions."""
        for of, end in sorted(interactions.last_of_imports(connection, self._replaced).items()):
            if end > last and of != self._summary.replaced:
                until, ends = (f"{self._card.local(at):%Y-%m-%d}" for at in (end, last))
                self._run.announce(
                    f"values of import {of}, which goes on to {until}, were replaced, although the rows of this import "
                    f"end on {ends}; if they are older: churn-agent imports undo {import_id}"
                )


class _SkippedRows:
    """Counts the rows of a source that no rule of the mapping takes. Each rule sees every row."""

    def __init__(self, lists: Sequence[str | None]) -> None:
        """Creates the count; `lists` has for each rule the list of a record whose elements are its rows."""
        self._lists = lists
        self._record: tuple[str | None, int] | None = None
        self._seen: Counter[int] = Counter()
        self._taken: dict[tuple[str | None, int], bool] = {}
        self._count = 0

    def add(self, row: Row, *, taken: bool) -> None:
        """Adds a row as one rule sees it; the rows of a record follow each other."""
        record = row.sheet, row.line
        if record != self._record:
            self._count += self._open()
            self._record = record
            self._seen.clear()
            self._taken.clear()
        place = self._lists[row.rule], self._seen[row.rule]
        self._seen[row.rule] += 1
        self._taken[place] = taken or self._taken.get(place, False)

    @property
    def count(self) -> int:
        """Number of rows that no rule takes."""
        return self._count + self._open()

    def _open(self) -> int:
        return sum(not taken for taken in self._taken.values())


def _conflict(error: KeyConflict, import_id: int) -> str:
    """Returns what is wrong with a key, and what to do."""
    new, stored = error.new, error.stored
    since = "this import" if error.import_id == import_id else f"import {error.import_id or 'unknown'}"
    key = (
        f"the key {new.key!r} is already that of another record (customer {stored.customer_id!r}, "
        f"{stored.occurred_at:%Y-%m-%d}, {since})"
    )
    if (new.customer_id, new.channel) == (stored.customer_id, stored.channel):
        key += (
            " with mostly other words; if the column identifies a ticket and not each row, import without a key "
            "(columns: {interaction_id: null} in a mapping file)"
        )
    return f"{key}; if this is another source, give it a name in a mapping file (source: NAME)"


def _count(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, n in more.items():
        total[name] = total.get(name, 0) + n


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
