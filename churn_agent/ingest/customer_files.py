"""Imports the files about customers that are not interactions: attributes, labels, measurements, aliases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import Connection

from churn_agent.domain import sensitive
from churn_agent.domain.measurements import Measurement
from churn_agent.domain.snapshot import Card
from churn_agent.errors import EmptyStore
from churn_agent.history import aliases, book, interactions, measurements
from churn_agent.history.latest import last_day_in
from churn_agent.ingest.attributes import AttributeParser, AttributeProfile
from churn_agent.ingest.columns import assign
from churn_agent.ingest.labels import LabelParser, LabelProfile, label_columns
from churn_agent.ingest.matching import mismatch
from churn_agent.ingest.measurements import MeasurementParser, MeasurementProfile
from churn_agent.ingest.parsing import checked_customer_id
from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.run import Run
from churn_agent.ingest.sources import Source, Sources, open_other

_MOST_NAMED = 5


def import_about_customers(run: Run, connection: Connection, sources: Sources, import_id: int) -> None:
    """Imports attributes, labels and measurements.

    Args:
        run: the import.
        connection: connection in a transaction.
        sources: the sources of the import.
        import_id: number of the import.

    Raises:
        DataError: a file is unusable.
        NeedsAnswer: a file can be read in two ways.
    """
    if sources.customers:
        _attributes(run, connection, sources.customers, import_id, _known_from(connection, run.card))
    if sources.labels:
        _labels(run, connection, sources.labels, import_id)
    if sources.measurements:
        _measurements(run, connection, sources.measurements, import_id)
    for source, kind in ((sources.customers, "attributes"), (sources.labels, "label")):
        if source:
            ids = book.customers_of(connection, import_id, kind)
            note = mismatch(source.name, ids, interactions.known_customers(connection))
            if note:
                run.announce(note)


def import_aliases(run: Run, connection: Connection, source: Source, import_id: int) -> None:
    """Imports ids that mean the same customer; they count for the rest of the import.

    Args:
        run: the import.
        connection: connection in a transaction.
        source: file of the ids.
        import_id: number of the import.

    Raises:
        DataError: the file has no columns of old and new ids.
    """
    columns: dict[str, str] = {}

    def add(row: Row) -> bool:
        old, new = (checked_customer_id(row.values.get(columns[name], "")) for name in ("old", "new"))
        book.add_alias(connection, old, new, import_id=import_id)
        return True

    for row in open_other(source, run.mapping, note=run.note):
        columns = columns or assign(list(row.values), ("old", "new"), ("old", "new"), source.name)
        run.summary.aliases += bool(run.parsed(source, row, add))
    run.aliases = aliases.read(connection)


def _attributes(run: Run, connection: Connection, source: Source, import_id: int, known_from: date | None) -> None:
    profile: AttributeProfile | None = None
    names: dict[str, None] = {}
    for row in open_other(source, run.mapping, note=run.note):
        profile = profile or AttributeProfile(list(row.values), source.name)
        if not row.problem:
            profile.add(row)
            names |= dict.fromkeys(row.values)
    if profile is None:
        return
    formats = run.settled(source, profile.settle)
    for column, currencies in formats.currencies.items():
        kept = "its amounts are kept as text, and neither added up nor ranked"
        run.announce(f"{source.name}: {column} has several currencies ({', '.join(currencies)}); {kept}")
    left_out = sensitive.unused(names, run.card)
    if left_out:
        listed = ", ".join(left_out)
        use = f"to use them, list them in the card: sensitive_attributes: [{listed}]"
        run.announce(f"{source.name}: {listed}: these look sensitive and are not used; {use}")
    whole = bool(run.mapping.whole_ids)
    parse = AttributeParser(formats, run.card, known_from=known_from, whole_ids=whole)
    rows = (run.parsed(source, row, parse) for row in open_other(source, run.mapping))
    run.summary.customers = book.set_attributes(connection, filter(None, rows), import_id=import_id)
    for name, count in list(book.several_rows(connection, import_id).items())[:_MOST_NAMED]:
        have = f"{count:,} customers have" if count > 1 else "a customer has"
        run.announce(
            f"{source.name}: {name}: {have} several rows; the last one counts; to add them up: combine: {{{name}: "
            "sum} in the card"
        )


def _labels(run: Run, connection: Connection, source: Source, import_id: int) -> None:
    profile: LabelProfile | None = None
    for row in open_other(source, run.mapping, note=run.note):
        profile = profile or LabelProfile(label_columns(row.values, source.name))
        if not row.problem:
            profile.add(row)
    if profile is None:
        return
    settle = profile.settle
    formats = run.settled(source, lambda mapping: settle(mapping.day_first, mapping.decimal))
    if profile.unknown_words:
        run.announce(f"{source.name}: unknown words for the outcome: {profile.unknown_words}")
    for column, words in profile.metadata_columns.items():
        run.announce(f"{source.name}: {column} is kept as metadata, because it has unknown words: {words}")
    parse = LabelParser(formats, run.card, whole_ids=bool(run.mapping.whole_ids))
    rows = (run.parsed(source, row, parse) for row in open_other(source, run.mapping))
    run.summary.labels = book.add_labels(connection, filter(None, rows), import_id=import_id)


def _measurements(run: Run, connection: Connection, source: Source, import_id: int) -> None:
    profile: MeasurementProfile | None = None
    for row in open_other(source, run.mapping, note=run.note):
        profile = profile or MeasurementProfile(list(row.values), source.name, run.mapping)
        if not row.problem:
            profile.add(row)
    if profile is None:
        return
    formats = run.settled(source, profile.settle)
    if formats.skipped:
        run.announce(f"{source.name}: columns with words are not imported: {', '.join(formats.skipped)}")
    parse = MeasurementParser(formats, run.card, run.mapping, run.mapping.source or "")

    def rows() -> Iterator[tuple[Measurement, str]]:
        for row in open_other(source, run.mapping, lambda n, all_: run.options.progress(source.name, n, all_)):
            for one in run.parsed(source, row, lambda row: list(parse(row))) or ():
                today = run.aliases.get(one.customer_id)
                yield (replace(one, customer_id=today), one.customer_id) if today else (one, one.customer_id)

    run.summary.measurements = measurements.add(connection, rows(), import_id=import_id)


def _known_from(connection: Connection, card: Card) -> date:
    """Returns the day from which the attributes of this import are known: that of the last interaction, up to today."""
    try:
        return last_day_in(connection, card).day
    except EmptyStore:
        return card.local(datetime.now(UTC)).date()
