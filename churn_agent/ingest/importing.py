"""Imports sources into the history, each import in full or not at all.

Two passes: the first settles what columns, numbers, dates and words mean (`understanding`), the second stores the rows
(`storing`). Then come the files about customers (`customer_files`).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from churn_agent.domain.snapshot import REPORT_LANGUAGES, Card
from churn_agent.domain.wording import counted
from churn_agent.errors import DataError, InputError
from churn_agent.files import strict_yaml
from churn_agent.history import aliases, book, imports, interactions, measurements
from churn_agent.ingest.collecting import collecting_rarely
from churn_agent.ingest.columns import ColumnMapping, load_mapping
from churn_agent.ingest.customer_files import import_about_customers, import_aliases
from churn_agent.ingest.options import ImportOptions
from churn_agent.ingest.rejects import Rejects
from churn_agent.ingest.run import Run
from churn_agent.ingest.sources import Source, Sources
from churn_agent.ingest.storing import InteractionStorer, none_of
from churn_agent.ingest.summary import ImportSummary
from churn_agent.ingest.understanding import Understood, understand


class _DryRun(Exception):
    """Rolls an import back."""


def ingest(
    engine: Engine,
    sources: Sources,
    options: ImportOptions | None = None,
    *,
    replaces: int | None = None,
    announce: Callable[[str], None] = lambda line: None,
) -> ImportSummary:
    """Imports the sources in one transaction. Importing the same rows again changes nothing.

    Args:
        engine: database of the history.
        sources: files, databases and data frames to import; those that the options name are among them.
        options: the other options.
        replaces: an import to undo in the same transaction.
        announce: called with lines for the user, such as the mapping of columns before the first row of a source.

    Raises:
        DataError: a source, or every row of it, is unusable; nothing was stored.
        NeedsAnswer: the data can be read in two ways, or a word is unknown; nothing was stored.
        InputError: the card is for another company than the stored one, or the replaced import had other files or was
            followed by imports with newer values; nothing was stored.
    """
    options = options or ImportOptions()
    contents = _fingerprints(sources)
    if replaces is not None:
        _check_same_files(imports.find(engine, replaces), contents)
    stored_card = book.card(engine)
    new_card = _load_card(sources.card, stored_card, replace=options.replace_card) if sources.card else None
    card = new_card or stored_card or Card()
    with collecting_rarely():
        understood = understand(
            sources.interactions,
            _mapping(sources, options),
            options.progress,
            options.answers,
            sources.others,
            card=card,
        )
    _announce_unused(sources, options, understood, announce)
    last = _last_of_same_files(engine, sources, contents, understood.as_mapping())
    again, wrong = _same_files(engine, last, understood.as_mapping())
    older = _replaced_since(engine, last, understood.as_mapping()) if replaces is None else None
    if older:
        announce(older)
        return ImportSummary(own=understood.mapping.own, mapping=understood.as_mapping(), files=sources.files)
    replaces = (replaces or wrong) if again is None else None  # the same files, read in the same way
    if replaces is not None:
        _check_newest(engine, replaces)
    summary = ImportSummary(
        own=understood.mapping.own,
        mapping=understood.as_mapping(),
        files=sources.files,
        query=sources.query,
        replaced=replaces,
    )
    with Rejects(options.rejects) as rejects, collecting_rarely():
        run = Run(options, understood.mapping, card, summary, rejects, announce, aliases.all_aliases(engine))
        for guess in understood.guesses:
            run.note(guess)
        try:
            with engine.begin() as connection:
                import_id = again or imports.begin(connection)
                if again:
                    book.withdraw(connection, again)
                    measurements.withdraw(connection, again)
                if new_card:
                    book.set_card(connection, new_card, import_id=import_id)
                if sources.aliases:
                    import_aliases(run, connection, sources.aliases, import_id)
                _store_interactions(run, connection, sources.interactions, understood, import_id)
                import_about_customers(run, connection, sources, import_id)
                if replaces is not None:  # afterwards, so that rows that both imports have stay as they are
                    announce(_replaced(replaces, imports.undo(connection, replaces)))
                summary.rejected, summary.first_rejected = rejects.count, rejects.first
                summary.rejects_file = str(rejects.path) if rejects.path and rejects.count else None
                if not again:
                    imports.finish(
                        connection,
                        import_id,
                        source=", ".join([*summary.sources, *(source.name for source in sources.others)]),
                        rows_added=summary.added,
                        mapping=summary.mapping,
                        contents=contents,
                        summary=summary.logged(),
                    )
                if options.dry_run:
                    raise _DryRun
                summary.import_id = import_id
        except _DryRun:
            pass
    return summary


def _mapping(sources: Sources, options: ImportOptions) -> ColumnMapping:
    """Returns the mapping of the user, with the options that stand for parts of it."""
    mapping = load_mapping(sources.mapping) if sources.mapping else ColumnMapping()
    for name in options.own:
        if not any(map(str.isalnum, name)):
            raise InputError(f"{name!r} (--own) is not an address, a domain or a name; write @acme.example or Tim")
    given = {"customer_id": options.customer} if options.customer else {}
    return mapping.model_copy(
        update={
            "own": (*mapping.own, *options.own),
            "unknown_is": options.unknown_is or mapping.unknown_is,
            "defaults": mapping.defaults | given,
            "sheet": options.sheet or mapping.sheet,
        }
    )


def _announce_unused(
    sources: Sources, options: ImportOptions, understood: Understood, announce: Callable[[str], None]
) -> None:
    """Announces files and options that are not used."""
    if sources.left_out:
        first, *more = [str(path) for path in sources.left_out]
        others = f" and {counted(len(more), 'other file')} in the folder" if more else ""
        announce(f"{first}{others} not read: no mail, call or chat; give such a file by its name")
    files = [*sources.interactions, *sources.others]
    columns = {name for rules in understood.rules.values() for one in rules.values() for name in one.columns}
    has_authors = "author" in columns or any(rule.sides for rule in understood.mapping.rules)
    if options.own and not has_authors and all(source.complete_header for source in sources.interactions):
        announce(f"--own {','.join(options.own)} is not used: no source has a column of authors")
    if options.query and not any(source.is_database for source in files):
        announce("--query is not used: no source is a database")
    if options.sheet and not any(source.kind == "xlsx" for source in files):
        announce(f"--sheet {options.sheet} is not used: no source is a workbook (.xlsx)")


def _store_interactions(
    run: Run, connection: Connection, sources: Sequence[Source], understood: Understood, import_id: int
) -> None:
    storer = InteractionStorer(run, understood)
    summary = run.summary
    if sources:
        with interactions.bulk_loading(connection) as known:
            storer.store(connection, sources[0], import_id, known)
        for source in sources[1:]:  # they may have rows of the first in another form
            storer.store(connection, source, import_id, None)
        if run.rejects.count and summary.rows and not summary.channels:
            why = run.rejects.first[0]["reason"]
            raise DataError(f"{summary.sources[0]}: {none_of(summary.rows)} can be used ({why})")
    storer.finish(connection, import_id)


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


def imported_before(engine: Engine, sources: Sources) -> int | None:
    """Returns the last import of exactly these files, with the same contents, that is not undone; None without one."""
    read = _read(_fingerprints(sources), sources.files)
    same = [
        row for row in imports.all_imports(engine) if row.state == "stored" and _read(row.contents, row.kinds) == read
    ]
    return max((row.id for row in same), default=None) if read else None


def _replaced(import_id: int, undone: imports.Undone) -> str:
    """Returns what is gone with an import that the running one replaces, and how to keep it."""
    counts = [(len(undone.removed), "interaction"), (undone.measurements, "measurement"), (undone.labels, "label")]
    gone = ", ".join(counted(n, word) for n, word in counts if n)
    keep = "to keep both, put the columns of both into one mapping file (also), or name their sources (source: NAME)"
    lost = f", without {gone} of it; {keep}" if gone else ""
    return f"import {import_id} had the same files with another mapping; this import replaces it{lost}"


def _last_of_same_files(
    engine: Engine, sources: Sources, contents: Mapping[str, str], mapping: Mapping[str, Any]
) -> imports.Import | None:
    """Returns the last import that read the same data from exactly these files, and is not undone.

    A file can be imported as several kinds of data, and a workbook, a database or a document can hold several tables:
    only an import of the same kinds and tables can be repeated or corrected.
    """
    read = _read(contents, sources.files)
    stored = [row for row in imports.all_imports(engine) if row.state == "stored"]
    of_same_files = (row for row in reversed(stored) if read and _read(row.contents, row.kinds) == read)
    return next((row for row in of_same_files if _same_tables(row, sources.query, mapping)), None)


def _same_files(
    engine: Engine, same: imports.Import | None, mapping: Mapping[str, Any]
) -> tuple[int | None, int | None]:
    """Compares an import of the same files with this one.

    Returns:
        The import, if it had the same mapping and none came after it, so that nothing can be new; and the import, if
        it had another mapping, which this one corrects.
    """
    if same is None or same.mapping is None:
        return None, None
    if same.mapping != mapping:
        return None, same.id
    newest = max(row.id for row in imports.all_imports(engine) if row.state == "stored")
    return (same.id if same.id == newest else None), None


def _replaced_since(engine: Engine, last: imports.Import | None, mapping: Mapping[str, Any]) -> str | None:
    """Returns why importing files again would change nothing but newer values; None if that is not so."""
    newer = imports.with_newer_values(engine, last.id) if last and last.mapping == mapping else []
    if not last or not newer:
        return None
    return (
        f"nothing was imported: import {last.id} had these files, and import{'s' if len(newer) > 1 else ''} "
        f"{', '.join(map(str, newer))} replaced some of their values by newer ones, which stay; to go back: "
        f"{_undoing(newer)}"
    )


def _undoing(import_ids: Sequence[int]) -> str:
    return ", then ".join(f"churn-agent imports undo {import_id}" for import_id in reversed(import_ids))


def _read(contents: Mapping[str, str], kinds: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Returns the kinds of data that were read, with the SHA-256 of their files."""
    return sorted((kind, sha256) for file, sha256 in contents.items() for kind in kinds.get(file, ()))


def _same_tables(row: imports.Import, query: str | None, mapping: Mapping[str, Any]) -> bool:
    """Whether an import read the same tables of its files, as far as can be told, for the same source."""
    before = row.mapping or {}
    if row.summary.get("query") != query or before.get("sheet") != mapping.get("sheet"):
        return False
    # A mapping that adds one of these may correct the one without it, but two names are two lists, or two sources.
    named = ((before.get(name), mapping.get(name)) for name in ("records", "each", "source"))
    return not any(old and new and old != new for old, new in named)


def _check_same_files(replaced: imports.Import, contents: Mapping[str, str]) -> None:
    """Raises `InputError` if a file has changed: the rows of the import could not be read again."""
    changed = [file for file, sha256 in replaced.contents.items() if contents.get(file) != sha256]
    if changed:
        raise InputError(
            f"{changed[0]} has changed since import {replaced.id}, so that import cannot be repeated; restore the "
            "earlier file, or import this one separately: churn-agent ingest"
        )


def _check_newest(engine: Engine, replaced: int) -> None:
    """Raises `InputError` if later imports have newer values, because those of a new import would replace them."""
    newer = imports.with_newer_values(engine, replaced)
    if newer:
        raise InputError(
            f"import {replaced} cannot be repeated, because its older values would replace those of later imports; "
            f"first: {_undoing(newer)}; afterwards, import their files again"
        )


def _load_card(path: Path, stored: Card | None, *, replace: bool) -> Card:
    """Loads the card in a file, unless it is for another company and may not replace the stored one."""
    card = strict_yaml.load(path, Card)
    card = card.model_copy(update={"sources": tuple(each.within(path.resolve().parent) for each in card.sources)})
    if not card.model_fields_set - {"sources"} and not card.sources:
        raise DataError(f"{path}: the card is empty; add at least company: NAME, or import without a card")
    if card.language.replace("_", "-").partition("-")[0].casefold() not in REPORT_LANGUAGES:
        known = " or ".join(REPORT_LANGUAGES)
        raise DataError(f"{path}: reports are not available in the language {card.language!r}; use {known}")
    named = stored.company if stored and stored.company != Card().company else None
    if named and named.casefold() != card.company.casefold() and not replace:
        raise InputError(
            f"the store holds the book of {named!r}, but {path} is the card of {card.company!r}; use another "
            "store (churn-agent --store FOLDER ingest ...) or --replace-card"
        )
    return card
