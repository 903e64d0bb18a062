"""The index: vectors of texts in Chroma. A cache; the history can always rebuild it. The only module that knows Chroma.

A vector belongs to a text, not to an interaction: its id is `<text_id>:<part>`, so a text is embedded and stored
once however often it occurs, and vectors of one customer are fetched by id without a filter over the others.
Neither texts nor customers stand in the index.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray

from churn_agent.embedding import Embedder
from churn_agent.errors import StoreUnavailable

FOLDER = "index"
_COLLECTION = "texts"
_CARD = "index.json"
_FETCH = 1000


class Index:
    """Vectors of texts in a folder of the store."""

    def __init__(self, store: Path) -> None:
        """Opens nothing yet: a missing index is an empty one."""
        self._folder = store / FOLDER
        self._collection: Any = None

    @property
    def card(self) -> Mapping[str, Any] | None:
        """Which embedder made the vectors: `embedder, revision, dimension`; None for no index."""
        try:
            return json.loads((self._folder / _CARD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreUnavailable(
                f"the index in {str(self._folder)!r} is damaged; run: churn-agent index --rebuild"
            ) from error

    def check(self, embedder: Embedder) -> None:
        """Raises `StoreUnavailable` if the vectors are of another embedder."""
        card = self.card
        if card and (card["embedder"], card["revision"]) != (embedder.id, embedder.revision):
            raise StoreUnavailable(
                f"the index was made with {card['embedder']!r}, and the embedder is {embedder.id!r}; "
                "run: churn-agent index --rebuild"
            )

    def text_ids(self) -> set[str]:
        """The texts whose vectors are all here."""
        if self.card is None:
            return set()
        parts: dict[str, int] = {}
        wanted: dict[str, int] = {}
        found = self._call(lambda collection: collection.get(include=["metadatas"]))
        for metadata in found["metadatas"]:
            text_id = metadata["text"]
            parts[text_id] = parts.get(text_id, 0) + 1
            wanted[text_id] = metadata["parts"]
        return {text_id for text_id, n in wanted.items() if parts[text_id] == n}

    def vectors(self, text_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Vectors of the given texts, as far as they are here: arrays of shape (parts, dimension)."""
        if self.card is None:
            return {}
        found: dict[str, NDArray[np.float32]] = {}
        for batch in chunked(dict.fromkeys(text_ids), _FETCH):
            rows = self._get([f"{text_id}:0" for text_id in batch])
            first = {key.removesuffix(":0"): row for key, row in rows.items()}
            others = self._get([f"{text_id}:{part}" for text_id, (_, n) in first.items() for part in range(1, n)])
            for text_id, (vector, n) in first.items():
                more = [others[f"{text_id}:{part}"][0] for part in range(1, n) if f"{text_id}:{part}" in others]
                if len(more) == n - 1:
                    found[text_id] = np.vstack([vector, *more])
        return found

    def add(self, vectors: Iterable[tuple[str, NDArray[np.float32]]]) -> None:
        """Stores vectors of texts: (text_id, array of shape (parts, dimension))."""
        ids: list[str] = []
        rows: list[NDArray[np.float32]] = []
        metadatas: list[dict[str, Any]] = []
        for text_id, of_text in vectors:
            for part, row in enumerate(of_text):
                ids.append(f"{text_id}:{part}")
                rows.append(row)
                metadatas.append({"text": text_id, "parts": len(of_text)})
        if ids:
            self._call(lambda collection: collection.upsert(ids=ids, embeddings=np.vstack(rows), metadatas=metadatas))

    def remove(self, text_ids: Sequence[str]) -> None:
        """Takes out the vectors of texts that the history no longer holds."""
        for batch in chunked(text_ids, _FETCH):
            self._call(lambda collection, b=batch: collection.delete(where={"text": {"$in": b}}))

    def _get(self, ids: list[str]) -> dict[str, tuple[NDArray[np.float32], int]]:
        if not ids:
            return {}
        rows = self._call(lambda collection: collection.get(ids=ids, include=["embeddings", "metadatas"]))
        return {
            key: (np.asarray(vector, np.float32), metadata["parts"])
            for key, vector, metadata in zip(rows["ids"], rows["embeddings"], rows["metadatas"], strict=True)
        }

    def _call(self, use: Callable[[Any], Any]) -> Any:
        try:
            if self._collection is None:
                self._collection = _open(self._folder)
            return use(self._collection)
        except (KeyboardInterrupt, SystemExit, StoreUnavailable):
            raise
        except BaseException as error:  # Chroma's native part raises a PanicException that is no Exception
            raise StoreUnavailable(
                f"the index in {str(self._folder)!r} cannot be used ({type(error).__name__}); "
                "run: churn-agent index --rebuild"
            ) from error

    def create(self, embedder: Embedder) -> None:
        """Notes which embedder the vectors come from; an index that is there stays."""
        self._folder.mkdir(parents=True, exist_ok=True)
        card = {"embedder": embedder.id, "revision": embedder.revision, "dimension": embedder.dimension}
        (self._folder / _CARD).write_text(json.dumps(card), encoding="utf-8")


def update(
    index: Index,
    embedder: Embedder,
    text_ids: set[str],
    read_texts: Callable[[Sequence[str]], Mapping[str, str]],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Makes the index hold exactly the texts of the history. Returns how many were embedded.

    An interrupted call loses at most its last batch: the next one goes on.

    Args:
        text_ids: all texts of the history.
        read_texts: gives the texts of some ids.
        progress: called with (texts done, texts in all).
    """
    index.check(embedder)
    known = index.text_ids()
    missing = sorted(text_ids - known)
    if missing or index.card is None:
        if index.card is None:
            index.create(embedder)
        texts = read_texts(missing)
        stream = embedder.stream([texts[id_] for id_ in missing], lambda done: progress(done, len(missing)))
        for batch in chunked(stream, 512):
            index.add((missing[position], vectors) for position, vectors in batch)
    index.remove(sorted(known - text_ids))
    return len(missing)


def rebuild(
    store: Path,
    embedder: Embedder,
    text_ids: set[str],
    read_texts: Callable[[Sequence[str]], Mapping[str, str]],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Builds a new index beside the old one and swaps them. Returns how many texts were embedded."""
    scratch = Path(tempfile.mkdtemp(dir=store, prefix="index-new-"))
    try:
        done = update(Index(scratch), embedder, text_ids, read_texts, progress)
        old = store / FOLDER
        if old.exists():
            old.rename(scratch / "old")
        (scratch / FOLDER).rename(old)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return done


def _open(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    settings = Settings(
        anonymized_telemetry=False,
        chroma_otel_collection_endpoint="",
        chroma_otel_service_name="",
        chroma_otel_granularity=None,
    )
    client = chromadb.PersistentClient(path=str(folder), settings=settings)
    return client.get_or_create_collection(_COLLECTION, embedding_function=None, metadata={"hnsw:space": "cosine"})
