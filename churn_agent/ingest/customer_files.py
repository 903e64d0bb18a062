"""Imports the files about customers that are not interactions: attributes, labels, measurements, aliases."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from churn_agent.domain import sensitive
from churn_agent.domain.interactions import Label
from churn_agent.domain.measurements import Measurement
from churn_agent.domain.wording import counted
from churn_agent.history import aliases, book, interactions, measurements
from churn_agent.history.book import Attributes
from churn_agent.ingest.attributes import ATTRIBUTE_FIELDS, AttributeParser, AttributeProfile
from churn_agent.ingest.columns import LABEL_FIELDS, MEASUREMENT_FIELDS
from churn_agent.ingest.labels import LabelParser, LabelProfile, check_outcome
from churn_agent.ingest.matching import look_alikes, mismatch, stand_ins
from churn_agent.ingest.measurements import MEASUREMENT_NEEDS, MeasurementParser, MeasurementProfile
from churn_agent.ingest.parsing import checked_customer_id
from churn_agent.ingest.readers.base import Progress, Row
from churn_agent.ingest.run import Run
from churn_agent.ingest.sources import Source, Sources, open_other
from churn_agent.ingest.translating import Translation

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
        _attributes(run, connection, sources.customers, import_id)
    if sources.labels:
        _labels(run, connection, sources.labels, import_id)
    if sources.measurements:
        _measurements(run, connection, sources.measurements, import_id)
    known = interactions.known_customers(connection)
    ids_of_all = known
    for source, kind in ((sources.customers, "attributes"), (sources.labels, "label")):
        if source:
            ids = book.customers_of(connection, import_id, kind)
            ids_of_all = ids_of_all | ids
            if note := mismatch(source.name, ids, known):
                run.announce(note)
    for note in filter(None, (stand_ins(ids_of_all), look_alikes(ids_of_all))):
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
    translation: Translation | None = None
    links = aliases.stated(connection)

    def add(row: Row) -> bool:
        assert translation
        values = translation(row).values
        old, new = (checked_customer_id(values.get(translation.columns[name], "")) for name in ("old", "new"))
        book.add_alias(connection, links, old, new, import_id=import_id)
        return True

    for row in open_other(source, run.mapping, note=run.note):
        translation = translation or Translation(row, source, run.mapping, ("old", "new"), ("old", "new"))
        run.summary.aliases += bool(run.parsed(source, row, add))
    book.settle_aliases(connection)
    run.aliases = aliases.read(connection)


class _Profile(Protocol):
    """Collects what a file says about its columns."""

    def add(self, row: Row) -> None:
        """Adds a row."""
        ...


P = TypeVar("P", bound=_Profile)
T = TypeVar("T")


@dataclass(frozen=True)
class _Surveyed(Generic[P]):
    """A file after the first pass over its rows."""

    run: Run
    source: Source
    translate: Translation
    profile: P

    def parsed(self, parse: Callable[[Row], T], progress: Progress = lambda done, total: None) -> Iterator[T]:
        """Yields what the rows say, in a second pass; those that cannot be used are added to the rejected ones."""
        for row in open_other(self.source, self.run.mapping, progress):
            parsed = self.run.parsed(self.source, self.translate(row), parse)
            if parsed is not None:
                yield parsed


def _survey(
    run: Run,
    source: Source,
    profile_of: Callable[[Row, Translation], P],
    fields: Sequence[str],
    needs: Sequence[str] = ("customer_id",),
    *,
    attributes: bool = False,
) -> _Surveyed[P] | None:
    """Reads a file for the first time.

    Args:
        run: the import.
        source: the file.
        profile_of: returns an empty profile for the first row and the columns of the file.
        fields: our fields that the file may have.
        needs: fields that it must have.
        attributes: whether the other columns are attributes.

    Returns:
        The file with its profile; None if it has no rows.
    """
    surveyed: _Surveyed[P] | None = None
    for row in open_other(source, run.mapping, note=run.note):
        if surveyed is None:
            translate = Translation(row, source, run.mapping, fields, needs, attributes=attributes)
            surveyed = _Surveyed(run, source, translate, profile_of(row, translate))
        if not row.problem:
            surveyed.profile.add(surveyed.translate(row))
    return surveyed


def _attributes(run: Run, connection: Connection, source: Source, import_id: int) -> None:
    surveyed = _survey(
        run,
        source,
        lambda row, translate: AttributeProfile(translate.columns, run.mapping.time_format),
        ATTRIBUTE_FIELDS,
        attributes=True,
    )
    if surveyed is None:
        return
    formats = run.settled(source, surveyed.profile.settle)
    for column, currencies in formats.currencies.items():
        kept = "its amounts are kept as text, and neither added up nor ranked"
        run.announce(f"{source.name}: {column} has several currencies ({', '.join(currencies)}); {kept}")
    left_out = sensitive.unused(surveyed.profile.names, run.card)
    if left_out:
        listed = ", ".join(left_out)
        use = f"to use them, list them in the card: sensitive_attributes: [{listed}]"
        run.announce(f"{source.name}: {listed}: these look sensitive and are not used; {use}")
    rows = surveyed.parsed(AttributeParser(formats, run.card, whole_ids=bool(run.mapping.whole_ids)))
    shown = run.shown("customers", rows, _attributes_shown)
    run.summary.customers = book.set_attributes(connection, shown, import_id=import_id)
    for name, several in list(book.several_rows(connection, import_id).items())[:_MOST_NAMED]:
        have = f"{several.customers:,} customers have" if several.customers > 1 else "a customer has"
        first, *others = several.ways or [""]
        change = f"; to change it: combine: {{{name}: {first}}} in the card" if first else ""
        change += f" (or {', '.join(others)})" if others else ""
        run.announce(f"{source.name}: {name}: {have} several rows; the last one counts{change}")


def _labels(run: Run, connection: Connection, source: Source, import_id: int) -> None:
    def profile_of(row: Row, translate: Translation) -> LabelProfile:
        check_outcome(translate.columns, row.values, source.name)
        return LabelProfile(translate.columns)

    surveyed = _survey(run, source, profile_of, LABEL_FIELDS)
    if surveyed is None:
        return
    profile = surveyed.profile
    formats = run.settled(source, profile.settle)
    if profile.unknown_words:
        run.announce(f"{source.name}: unknown words for the outcome: {profile.unknown_words}")
    for column, words in profile.metadata_columns.items():
        run.announce(f"{source.name}: {column} is kept as metadata, because it has unknown words: {words}")
    rows = surveyed.parsed(LabelParser(formats, run.card, whole_ids=bool(run.mapping.whole_ids)))
    contradicted: list[Label] = []
    shown = run.shown("labels", _compared(rows, contradicted), _label_shown)
    run.summary.labels = book.add_labels(connection, shown, import_id=import_id)
    if contradicted:
        first = contradicted[0]
        rows_ = counted(len(contradicted), "row contradicts", "rows contradict")
        such = f"such as {first.customer_id!r} at {first.as_of}"
        run.announce(
            f"{source.name}: {rows_} an earlier row of the same customer and date, {such}; the last one counts"
        )


def _compared(rows: Iterable[Label], contradicted: list[Label]) -> Iterator[Label]:
    """Yields the labels, and collects those with another outcome than the one before of the same customer and date."""
    outcomes: dict[tuple[str, str], bool] = {}
    for row in rows:
        key, churned = (row.customer_id, row.as_of), bool(row.churned)
        if outcomes.setdefault(key, churned) is not churned:
            contradicted.append(row)
        outcomes[key] = churned
        yield row


def _measurements(run: Run, connection: Connection, source: Source, import_id: int) -> None:
    surveyed = _survey(
        run,
        source,
        lambda row, translate: MeasurementProfile(list(row.values), source.name, translate.columns),
        MEASUREMENT_FIELDS,
        MEASUREMENT_NEEDS,
    )
    if surveyed is None:
        return
    formats = run.settled(source, surveyed.profile.settle)
    if formats.skipped:
        run.announce(f"{source.name}: columns with words are not imported: {', '.join(formats.skipped)}")
    if formats.reading.guess:
        run.note(formats.reading.guess)
    parse = MeasurementParser(formats, run.card, run.mapping, run.mapping.source or "")

    def rows() -> Iterator[tuple[Measurement, str]]:
        for of_row in surveyed.parsed(
            lambda row: list(parse(row)), lambda done, total: run.options.progress(source.name, done, total)
        ):
            for one in of_row:
                today = run.aliases.get(one.customer_id)
                yield (replace(one, customer_id=today), one.customer_id) if today else (one, one.customer_id)

    shown = run.shown("measurements", rows(), lambda row: _measurement_shown(row[0]))
    run.summary.measurements = measurements.add(connection, shown, import_id=import_id)


def _attributes_shown(row: Attributes) -> dict[str, Any]:
    known = {"known_from": row.known_from.isoformat()} if row.known_from else {}
    written = {"written": dict(row.original)} if row.original else {}
    return {"customer_id": row.customer_id, **row.values, **known, **written}


def _label_shown(label: Label) -> dict[str, Any]:
    return {name: value for name, value in asdict(label).items() if value not in (None, {})}


def _measurement_shown(row: Measurement) -> dict[str, Any]:
    others = {name: value for name in ("person", "seats") if (value := getattr(row, name))}
    return {"customer_id": row.customer_id, "day": row.day.isoformat(), row.metric: row.value, **others}
