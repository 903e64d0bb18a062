"""Imports from the sources that the card names. A source that fails does not keep the others back."""

import glob
from dataclasses import dataclass
from pathlib import Path

from churn_agent.domain.card_sources import CardSource
from churn_agent.domain.wording import counted
from churn_agent.errors import ChurnAgentError, StoreUnavailable
from churn_agent.ingest.options import ImportOptions
from churn_agent.ingest.summary import ImportSummary
from churn_agent.store.store import Store

_TABLES = frozenset({"csv", "tsv", "jsonl", "ndjson", "json", "parquet", "xlsx"})
"""Endings of files that are read alone; mails and transcripts are many, and belong together."""


@dataclass(frozen=True)
class Synced:
    """The result of one source."""

    source: str
    result: str
    changed: bool = False
    """Whether something new was stored."""
    failed: bool = False
    known: bool = False
    """Whether its contents were imported before."""


def sync(store: Store, *, dry_run: bool = False) -> list[Synced]:
    """Imports the sources on the card, in their order.

    Tables that a glob finds are separate sources, so that only new ones are read. Files whose contents were imported
    before are left out. A question about the data that has no likely answer is a
    failure of its source.

    Args:
        store: with a card.
        dry_run: read and check everything, store nothing.

    Raises:
        StoreUnavailable: the store itself cannot be used.
    """
    return [_synced(store, part, dry_run=dry_run) for source in store.card.sources for part in _parts(source)]


def _parts(source: CardSource) -> list[CardSource]:
    """Returns a source for each table that a glob finds; the source itself if it is something else."""
    if source.customers or source.labels or source.measurements or not any(map(glob.has_magic, source.files)):
        return [source]
    found = [sorted(glob.glob(text, recursive=True)) for text in source.files]  # noqa: PTH207
    files = [file for of_pattern in found for file in of_pattern]
    if not all(found) or not all(_is_table(Path(file)) for file in files):
        return [source]
    return [source.model_copy(update={"files": (file,)}) for file in files]


def _is_table(path: Path) -> bool:
    return path.is_file() and path.name.casefold().removesuffix(".gz").rpartition(".")[2] in _TABLES


def _synced(store: Store, source: CardSource, *, dry_run: bool) -> Synced:
    options = ImportOptions(
        customers=_path(source.customers),
        labels=_path(source.labels),
        measurements=_path(source.measurements),
        mapping=source.mapping,
        query=source.query,
        sheet=source.sheet,
        keep_card=True,  # it names these sources
        dry_run=dry_run,
        yes=True,
    )
    try:
        before = store.imported_before(source.files, options)
        if before is not None:
            return Synced(source.name, f"unchanged since import {before}", known=True)
        summary = store.ingest(source.files, options)
    except StoreUnavailable:
        raise
    except ChurnAgentError as error:
        return Synced(source.name, " ".join(str(error).split()), failed=True)
    return Synced(source.name, _counts(summary), changed=_changes(summary))


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _changes(summary: ImportSummary) -> bool:
    """Whether an import may change an assessment; attributes and numbers of an unseen file always may."""
    return bool(summary.added or summary.updated or summary.customers or summary.labels or summary.measurements)


def _counts(summary: ImportSummary) -> str:
    counts = [
        (summary.added, "new interaction"),
        (summary.updated, "updated interaction"),
        (summary.customers, "customer"),
        (summary.labels, "outcome"),
        (summary.measurements, "measurement"),
        (summary.rejected, "rejected row"),
    ]
    return ", ".join(counted(n, word) for n, word in counts if n) or "nothing new"
