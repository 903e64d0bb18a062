"""Synchronizes an index with the texts of the history."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from more_itertools import chunked

from churn_agent.index.embedder import Embedder
from churn_agent.index.vectors import FOLDER, Index

Progress = Callable[[int, int], None]
"""Called with (texts done, total texts)."""
UNFINISHED = f"{FOLDER}-new-"
"""Prefix of folders in which an index is rebuilt."""
_STORED = 512


def update(
    index: Index,
    embedder: Embedder,
    text_ids: set[str],
    read_texts: Callable[[Sequence[str]], Mapping[str, str]],
    progress: Progress = lambda done, total: None,
) -> int:
    """Makes the index match the texts of the history. Returns the number of texts embedded.

    An interrupted call loses at most its last batch; the next call resumes.

    Args:
        index: the index; opened if necessary.
        embedder: embeds missing texts.
        text_ids: ids of all texts of the history.
        read_texts: returns texts by id.
        progress: called with the number of embedded texts and their total.

    Raises:
        StoreUnavailable: the index is for another embedder, or in use.
    """
    index.check(embedder)
    known = index.text_ids()
    missing = sorted(text_ids - known)
    if missing or index.manifest is None:
        if index.manifest is None:
            index.create(embedder)
        texts = read_texts(missing)
        stream = embedder.stream([texts[id_] for id_ in missing], lambda done: progress(done, len(missing)))
        for batch in chunked(stream, _STORED):
            index.add((missing[position], vectors) for position, vectors in batch)
    index.remove(sorted(known - text_ids))
    return len(missing)


def forget(index: Index, store: Path, text_ids: Sequence[str]) -> None:
    """Removes the vectors of some texts. An index without a readable card is unusable and removed as a whole.

    Raises `StoreUnavailable` if the index is in use or damaged.
    """
    if index.manifest is not None:
        index.remove(text_ids)
    elif (store / FOLDER).exists():
        shutil.rmtree(store / FOLDER)


def rebuild(
    index: Index,
    store: Path,
    embedder: Embedder,
    text_ids: set[str],
    read_texts: Callable[[Sequence[str]], Mapping[str, str]],
    progress: Progress = lambda done, total: None,
) -> int:
    """Builds a new index beside the old one and swaps them. Returns the number of texts embedded.

    Args:
        index: the old index, in `store`; it is locked meanwhile.
        store: folder of the store.
        embedder: embeds all texts.
        text_ids: ids of all texts of the history.
        read_texts: returns texts by id.
        progress: called with the number of embedded texts and their total.

    Raises:
        StoreUnavailable: the old index is in use.
    """
    with index.held():
        scratch = Path(tempfile.mkdtemp(dir=store, prefix=UNFINISHED))
        try:
            new = Index(scratch)
            done = update(new, embedder, text_ids, read_texts, progress)
            new.close()
            old = store / FOLDER
            if old.exists():
                old.rename(scratch / "old")
            (scratch / FOLDER).rename(old)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return done
