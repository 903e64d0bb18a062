"""Every place that holds customers' words or ids: its contents, and how a customer's data are read and erased.

Add each new table of the history and each new file of a store here; a test reports missing ones.
"""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from sqlalchemy import Connection, Engine, Table

from churn_agent.files import atomic
from churn_agent.history import forgetting, migrating, tables
from churn_agent.history.database import FILE_NAME, compact
from churn_agent.history.forgetting import Traces
from churn_agent.index import updating, vectors
from churn_agent.store.places import files
from churn_agent.store.places.base import Found, Place, Site


def _table(
    table: Table,
    holds: str,
    forgotten: str,
    erase: Callable[[Connection, Table, Traces], None],
    read: Callable[[Engine, Table, Traces], Found] = forgetting.rows,
) -> Place:
    def erase_in_one(site: Site, of: Traces) -> None:
        with site.history.begin() as connection:
            erase(connection, table, of)

    def read_from(site: Site, of: Traces) -> Found:
        return read(site.history, table, of)

    return Place(table.name, "table", holds, forgotten, read=read_from, erase=erase_in_one)


PENDING = "forgetting"
"""Folder of erasures in progress."""
_RENAMED = "they stay under an anonymous id"

PLACES: tuple[Place, ...] = (
    # Places whose erasure needs the customer's interactions and attributes come before those tables.
    _table(
        tables.annotations,
        "people's annotations of the signals in messages",
        "those of the customer's messages are deleted",
        forgetting.delete,
    ),
    _table(
        tables.runs,
        "options of batches: conditions and paths may name customers",
        "the id and attributes unique to the customer are removed",
        forgetting.redact,
        forgetting.mentions,
    ),
    _table(
        tables.imports,
        "names of sources, and frequent texts",
        "the id, attributes unique to the customer, and texts that only the customer wrote are removed",
        forgetting.redact,
        forgetting.mentions,
    ),
    _table(tables.feedback, "judgements of account managers", "the customer's are deleted", forgetting.delete),
    _table(tables.labels, "outcomes", f"{_RENAMED}, without metadata", forgetting.rename),
    _table(tables.assignments, "customers to act on, and control groups", _RENAMED, forgetting.rename),
    _table(tables.records, "assessments", f"{_RENAMED}, without words and facts", forgetting.strip_records),
    _table(
        tables.answers,
        "answers of models, by a hash of the request",
        "all texts by models are deleted, because they may quote any customer; scores stay",
        forgetting.delete_written,
        lambda engine, table, of: iter(()),
    ),
    _table(tables.versions, "earlier values of interactions", "those of the customer's are deleted", forgetting.delete),
    _table(tables.identities, "hashes of interactions", "those of the customer's are deleted", forgetting.delete),
    _table(
        tables.contributions,
        "attributes and labels, as each import brought them",
        "the customer's are deleted",
        forgetting.delete,
    ),
    _table(tables.aliases, "older ids of customers", "the customer's are deleted", forgetting.delete),
    _table(tables.customers, "attributes", "the customer's are deleted", forgetting.delete),
    _table(tables.measurements, "usage, scores and other numbers", "the customer's are deleted", forgetting.delete),
    _table(
        tables.interactions,
        "messages, orders, bills and so on",
        "the customer's are deleted",
        forgetting.delete,
    ),
    Place("book", "table", "the card of the book; no customers", "nothing"),
    Place(
        "history",
        "file",
        "all tables",
        "it is rewritten, so that deleted data cannot be recovered from it",
        (FILE_NAME, f"{FILE_NAME}-*"),
        erase=lambda site, of: compact(site.history),
    ),
    Place(
        "copies of the history",
        "copy",
        "all tables, as they were before a migration",
        "they are removed, and listed",
        (migrating.COPIES,),
        **files.copies(migrating.COPIES, what="a copy of the history from before a migration, with the customer in it"),
    ),
    Place(
        "index",
        "file",
        "vectors of texts, by a hash of the text",
        "vectors of texts that only the customer wrote are removed",
        (f"{vectors.FOLDER}/*", f"{vectors.FOLDER}.lock"),
        files.read_index,
        files.erase_from_index,
    ),
    Place(
        "copies of the index",
        "copy",
        "vectors: damaged ones set aside, and those of an interrupted rebuild",
        "they are removed, and listed",
        (f"{vectors.DAMAGED}*", f"{updating.UNFINISHED}*"),
        **files.copies(f"{vectors.DAMAGED}*", f"{updating.UNFINISHED}*", what="an unused copy of the index"),
    ),
    Place(
        "batches",
        "file",
        "records and failures",
        "the customer's lines are removed",
        **files.lines(files.BATCHES, files.of_batch),
    ),
    Place(
        "rejected",
        "file",
        "rejected rows",
        "lines that name the customer are removed",
        **files.lines(files.REJECTED, files.of_reject),
    ),
    Place(
        "methods",
        "file",
        "trained methods: ids and mean vectors of past customers, to find similar ones",
        "the customer is removed; the method keeps what it learned until it is trained again",
        (f"{files.METHODS}/*.json", f"{files.METHODS}/*.safetensors", f"{files.METHODS}/*.joblib"),
        files.read_methods,
        files.erase_from_methods,
    ),
    Place(
        "unfinished files",
        "copy",
        "parts of files whose writing was interrupted",
        "they are removed, and listed",
        (f"*{atomic.UNFINISHED}",),
        **files.copies(f"**/*{atomic.UNFINISHED}", what="an unfinished file"),
    ),
    Place("demo", "file", "a synthetic book; no customers", "nothing", ("demo/*",)),
    Place(
        "pending erasures",
        "file",
        "the id of the customer being erased, and hashes of texts",
        "removed at the end",
        (f"{PENDING}/*.json",),
    ),
    Place("reports", "outside", "reports, digests, exports, and batch files with their own path", "not touched"),
    Place("rejected rows elsewhere", "outside", "files given to ingest --rejects", "not touched"),
    Place("eval runs", "outside", "labelled sets with their stores, and folders of runs (eval-runs)", "not touched"),
    Place("trackers", "outside", "methods and runs sent to MLflow or W&B", "not touched"),
)
"""In the order of erasure."""


def not_listed(store: Path) -> list[str]:
    """Returns the files of a store that belong to no place, as relative paths."""
    patterns = [pattern for place in PLACES for pattern in place.paths]
    files_there = (path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file())
    return sorted(file for file in files_there if not any(fnmatch(file, pattern) for pattern in patterns))


def remove_copies(site: Site) -> None:
    """Removes all copies of the history and the index, and unfinished files."""
    nobody = Traces(customer_id="", nobody="", interaction_ids=(), text_ids=())
    for place in PLACES:
        if place.kind == "copy":
            place.erase(site, nobody)
