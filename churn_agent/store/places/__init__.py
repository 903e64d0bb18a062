"""Every place that holds customers' words or ids, with what becomes of a customer's data and those of an import in it.

Forgetting a customer and undoing an import both follow this list. Add each new table of the history and each new file
of a store here; tests report missing ones, and those from which either takes nothing.
"""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from sqlalchemy import Connection, Engine, Table

from churn_agent.files import atomic
from churn_agent.history import answers, forgetting, imports, migrating, tables
from churn_agent.history.database import FILE_NAME, compact
from churn_agent.history.forgetting import Traces
from churn_agent.index import updating, vectors
from churn_agent.store.places import files
from churn_agent.store.places.base import Found, Place, Site, Withdrawal


def _table(
    table: Table,
    holds: str,
    forgotten: str,
    undone: str,
    erase: Callable[[Connection, Table, Traces], None],
    read: Callable[[Engine, Table, Traces], Found] = forgetting.rows,
    undo: Callable[[Connection, Withdrawal], None] = lambda connection, of: None,
) -> Place:
    """Returns the place of a table. `history.imports.undo` comes first; `undo` is what it leaves to do."""

    def erase_in_one(site: Site, of: Traces) -> None:
        with site.history.begin() as connection:
            erase(connection, table, of)

    def read_from(site: Site, of: Traces) -> Found:
        return read(site.history, table, of)

    def undo_in_one(site: Site, of: Withdrawal) -> None:
        with site.history.begin() as connection:
            undo(connection, of)

    return Place(table.name, "table", holds, forgotten, undone, read=read_from, erase=erase_in_one, undo=undo_in_one)


PENDING = "forgetting"
"""Folder of erasures in progress."""
_RENAMED = "they stay under an anonymous id"
_MERGED = "merged again from the other imports"
_KEPT = "not changed"
_NOTHING = "nothing"

PLACES: tuple[Place, ...] = (
    Place(
        "batches",
        "file",
        "records and failures",
        "the customer's lines are removed",
        "records that rest on the import keep number and date, and are marked",
        **files.lines(files.BATCHES, files.of_batch, files.strip_batches),
    ),
    Place(
        "lookback",
        "file",
        "records of replayed month ends",
        "the customer's lines are removed",
        "the files are removed; `lookback` makes them again",
        **files.lines(files.LOOKBACKS, files.of_batch, files.remove_lookbacks),
    ),
    Place(
        "weekly",
        "file",
        "log of weekly runs: counts, paths and messages",
        "lines that name the customer are removed",
        _KEPT,
        **files.lines(files.WEEKLY, files.of_log, lambda site, of: None, others=("state.json", "lock")),
    ),
    Place(
        "rejected",
        "file",
        "rejected rows",
        "lines that name the customer are removed",
        "the file of the import is removed",
        **files.lines(files.REJECTED, files.of_reject, files.remove_rejects),
    ),
    Place(
        "methods",
        "file",
        "trained methods: ids and mean vectors of past customers, to find similar ones",
        "the customer is removed; the method keeps what it learned until it is trained again",
        "customers who have no history any more are removed, likewise",
        (f"{files.METHODS}/*.json", f"{files.METHODS}/*.safetensors", f"{files.METHODS}/*.joblib"),
        files.read_methods,
        files.erase_from_methods,
        files.erase_unknown_from_methods,
    ),
    Place(
        "index",
        "file",
        "vectors of texts, by a hash of the text",
        "vectors of texts that only the customer wrote are removed",
        "vectors of texts that the history does not have any more are removed",
        (f"{vectors.FOLDER}/*", f"{vectors.FOLDER}.lock"),
        files.read_index,
        files.erase_from_index,
        files.remove_orphans,
    ),
    Place(
        "copies of the index",
        "copy",
        "vectors: damaged ones set aside, and those of an interrupted rebuild",
        "they are removed, and listed",
        "they are removed, and listed",
        (f"{vectors.DAMAGED}*", f"{updating.UNFINISHED}*"),
        **files.copies(f"{vectors.DAMAGED}*", f"{updating.UNFINISHED}*", what="an unused copy of the index"),
    ),
    Place(
        "unfinished files",
        "copy",
        "parts of files whose writing was interrupted",
        "they are removed, and listed",
        "they are removed, and listed",
        (f"*{atomic.UNFINISHED}",),
        **files.copies(f"**/*{atomic.UNFINISHED}", what="an unfinished file"),
    ),
    Place(
        "copies of the history",
        "copy",
        "all tables, as they were before a migration",
        "they are removed, and listed",
        "they are removed, and listed",
        (migrating.COPIES,),
        **files.copies(migrating.COPIES, what="a copy of the history from before a migration, with its data in it"),
    ),
    Place("demo", "file", "a synthetic book; no customers", _NOTHING, _NOTHING, ("demo/*",)),
    Place(
        "pending erasures",
        "file",
        "the id of the customer being erased, and hashes of texts",
        "removed at the end",
        _KEPT,
        (f"{PENDING}/*.json",),
    ),
    # Places whose erasure needs the customer's interactions and attributes come before those tables.
    _table(
        tables.corrections,
        "people's corrections of the signals in messages, and who made them",
        "those of the customer's messages are deleted",
        "those of messages that no import has any more are deleted",
        forgetting.delete,
    ),
    _table(
        tables.runs,
        "options of batches: conditions and paths may name customers",
        "the id and attributes unique to the customer are removed",
        _KEPT,
        forgetting.redact,
        forgetting.mentions,
    ),
    _table(
        tables.imports,
        "names of sources, and frequent texts",
        "the id, attributes unique to the customer, and texts that only the customer wrote are removed",
        "of its log, counts, mapping and names of sources stay",
        forgetting.redact,
        forgetting.mentions,
        lambda connection, of: imports.strip_log(connection, of.row),
    ),
    _table(
        tables.tasks,
        "risk items: owner, state and due date; their reasons are those of a record",
        "the customer's are deleted",
        _KEPT,
        forgetting.delete,
    ),
    _table(
        tables.task_log,
        "the log of risk items, with people's notes",
        "the customer's is deleted",
        _KEPT,
        forgetting.delete,
    ),
    _table(tables.feedback, "judgements of account managers", "the customer's are deleted", _KEPT, forgetting.delete),
    _table(tables.labels, "outcomes", f"{_RENAMED}, without metadata", _MERGED, forgetting.rename),
    _table(tables.assignments, "customers to act on, and control groups", _RENAMED, _KEPT, forgetting.rename),
    _table(
        tables.audits,
        "cards drawn for audits, and the marks on them, without words",
        _RENAMED,
        _KEPT,
        forgetting.rename,
    ),
    _table(
        tables.records,
        "assessments",
        f"{_RENAMED}, without words and facts",
        "those that rest on the import keep number and date, and are marked",
        forgetting.strip_records,
    ),
    _table(
        tables.answers,
        "answers of models, by a hash of the request",
        "all texts by models are deleted, because they may quote any customer; scores stay",
        "all texts by models are deleted, because they may quote any message; scores stay",
        forgetting.delete_written,
        lambda engine, table, of: iter(()),
        lambda connection, of: answers.delete_texts(connection),
    ),
    _table(
        tables.versions,
        "earlier values of interactions",
        "those of the customer's are deleted",
        "those of the import are deleted",
        forgetting.delete,
    ),
    _table(
        tables.identities,
        "hashes of interactions from imports of earlier versions",
        "those of the customer's are deleted",
        f"{_KEPT}: imports of earlier versions cannot be undone",
        forgetting.delete,
    ),
    _table(
        tables.contributions,
        "attributes and labels, as each import brought them",
        "the customer's are deleted",
        "those of the import are deleted",
        forgetting.delete,
    ),
    _table(tables.aliases, "older ids of customers", "the customer's are deleted", _MERGED, forgetting.delete),
    _table(tables.customers, "attributes", "the customer's are deleted", _MERGED, forgetting.delete),
    _table(
        tables.measurements,
        "usage, scores and other numbers",
        "the customer's are deleted",
        "those of the import are deleted; those that they replaced count again",
        forgetting.delete,
    ),
    _table(
        tables.interactions,
        "messages, orders, bills and so on",
        "the customer's are deleted",
        "they get the values from before the import, or are deleted",
        forgetting.delete,
    ),
    Place(
        "book", "table", "the card of the book; no customers", _NOTHING, "the card from before the import counts again"
    ),
    Place(
        "history",
        "file",
        "all tables",
        "it is rewritten, so that deleted data cannot be recovered from it",
        "it is rewritten, so that deleted data cannot be recovered from it",
        (FILE_NAME, f"{FILE_NAME}-*"),
        erase=lambda site, of: compact(site.history),
        undo=lambda site, of: compact(site.history),
    ),
    Place("reports", "outside", "reports, digests, exports, and batch files with their own path", _KEPT, _KEPT),
    Place(
        "scores",
        "outside",
        "tables of scores, and property files for a CRM",
        "the customer's rows are removed from a table at the next `batch --to`; files are not changed",
        _KEPT,
    ),
    Place("rejected rows elsewhere", "outside", "files given to ingest --rejects", _KEPT, f"{_KEPT}, and listed"),
    Place("eval runs", "outside", "labelled sets with their stores, and folders of runs (eval-runs)", _KEPT, _KEPT),
    Place("trackers", "outside", "methods and runs sent to MLflow or W&B", _KEPT, _KEPT),
)
"""In the order of erasure and of undoing: the history is rewritten last, when nothing is left to delete from it."""


def not_listed(store: Path) -> list[str]:
    """Returns the files of a store that belong to no place, as relative paths."""
    patterns = [pattern for place in PLACES for pattern in place.paths]
    files_there = (path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file())
    return sorted(file for file in files_there if not any(fnmatch(file, pattern) for pattern in patterns))
