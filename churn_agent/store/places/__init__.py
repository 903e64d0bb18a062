"""Every place that holds customers' words or ids: what it holds, how it is read, how a customer is erased there.

Who adds a table to the history, or a file to a store, adds it here; a test finds what is missing.
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
"""Folder of erasures that have begun."""
_RENAMED = "they stay under a name that leads to nobody"

PLACES: tuple[Place, ...] = (
    # What is erased with the help of the customer's interactions and attributes comes before those.
    _table(
        tables.annotations,
        "what people say that messages show",
        "those of the customer's messages are deleted",
        forgetting.delete,
    ),
    _table(
        tables.runs,
        "what batches were asked for: conditions and paths may name customers",
        "the id, and attributes that nobody else has, are taken out of them",
        forgetting.redact,
        forgetting.mentions,
    ),
    _table(
        tables.imports,
        "names of sources, and texts that came often",
        "the id, attributes that nobody else has, and texts that only the customer wrote, are taken out",
        forgetting.redact,
        forgetting.mentions,
    ),
    _table(tables.feedback, "judgements of account managers", "the customer's are deleted", forgetting.delete),
    _table(tables.labels, "outcomes", f"{_RENAMED}, without metadata", forgetting.rename),
    _table(tables.assignments, "whom it was decided to act on", _RENAMED, forgetting.rename),
    _table(tables.records, "assessments", f"{_RENAMED}, without words and facts", forgetting.strip_records),
    _table(
        tables.answers,
        "answers of models, by a hash of what was asked",
        "all that models wrote is deleted, as it cannot be told whom it quotes; scores stay",
        forgetting.delete_written,
        lambda engine, table, of: iter(()),
    ),
    _table(tables.customers, "attributes", "the customer's are deleted", forgetting.delete),
    _table(tables.interactions, "words and deeds", "the customer's are deleted", forgetting.delete),
    Place("book", "table", "the card of the book: no customers", "nothing"),
    Place(
        "history",
        "file",
        "all tables",
        "it is rewritten, so that what was deleted cannot be read in it any more",
        (FILE_NAME, f"{FILE_NAME}-*"),
        erase=lambda site, of: compact(site.history),
    ),
    Place(
        "copies of the history",
        "copy",
        "all tables, as they were before a migration",
        "they are removed, and named",
        (migrating.COPIES,),
        **files.copies(migrating.COPIES, what="a copy of the history from before a migration, with the customer in it"),
    ),
    Place(
        "index",
        "file",
        "vectors of texts, by a hash of the text",
        "vectors of texts that nobody else wrote are removed",
        (f"{vectors.FOLDER}/*", f"{vectors.FOLDER}.lock"),
        files.read_index,
        files.erase_from_index,
    ),
    Place(
        "copies of the index",
        "copy",
        "vectors: damaged ones that were set aside, and what a rebuild that was cut off had made",
        "they are removed, and named",
        (f"{vectors.DAMAGED}*", f"{updating.UNFINISHED}*"),
        **files.copies(f"{vectors.DAMAGED}*", f"{updating.UNFINISHED}*", what="a copy of the index that is not used"),
    ),
    Place(
        "batches",
        "file",
        "records, and failures",
        "the customer's lines are removed",
        **files.lines("batches", files.of_batch),
    ),
    Place(
        "rejected",
        "file",
        "rows not taken",
        "lines that name the customer are removed",
        **files.lines("rejected", files.of_reject),
    ),
    Place(
        "methods",
        "file",
        "trained methods: ids and mean vectors of past customers, to say what became of those alike",
        "the customer is taken out; what the method learned from them stays until it is trained again",
        (f"{files.METHODS}/*.json", f"{files.METHODS}/*.safetensors", f"{files.METHODS}/*.joblib"),
        files.read_methods,
        files.erase_from_methods,
    ),
    Place(
        "unfinished files",
        "copy",
        "a part of a file that was being written when the program was stopped",
        "they are removed, and named",
        (f"*{atomic.UNFINISHED}",),
        **files.copies(f"**/*{atomic.UNFINISHED}", what="a file that was never finished"),
    ),
    Place("demo", "file", "a synthetic book: no customers", "nothing", ("demo/*",)),
    Place(
        "pending erasures",
        "file",
        "who is being forgotten: the id, and hashes of texts",
        "removed at the end",
        (f"{PENDING}/*.json",),
    ),
    Place("reports", "outside", "reports, digests, exports, and files that batches were told to write", "not touched"),
    Place("rejected rows elsewhere", "outside", "files named with ingest --rejects", "not touched"),
    Place(
        "eval runs", "outside", "labelled sets, with their stores and the folders of runs (eval-runs)", "not touched"
    ),
    Place("trackers", "outside", "methods and runs sent to MLflow or W&B", "not touched"),
)
"""In the order in which `forget` walks them."""


def not_listed(store: Path) -> list[str]:
    """Files in a store that are in no place, by their paths in it."""
    patterns = [pattern for place in PLACES for pattern in place.paths]
    there = (path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file())
    return sorted(file for file in there if not any(fnmatch(file, pattern) for pattern in patterns))
