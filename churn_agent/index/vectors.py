"""Vectors of texts in a folder of the store.

A vector belongs to a text, not to an interaction: its id is `<text_id>:<part>`, so a text is embedded and stored
once however often it occurs, and vectors of one customer are fetched by id without a filter over the others.
The index contains neither texts nor customers.

One process at a time can use an index; another one gets an error. Files changed by others are tried in a child process
and set aside if damaged; the index is then empty and is rebuilt from the history.
"""

import json
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from filelock import FileLock, Timeout
from more_itertools import chunked
from numpy.typing import NDArray

from churn_agent.errors import IndexBusy, StoreUnavailable
from churn_agent.files import atomic, strict_json
from churn_agent.index import health
from churn_agent.index.embedder import Embedder

FOLDER = "index"
DAMAGED = f"{FOLDER}-damaged-"
"""Prefix of damaged folders that were set aside."""
_LOCK = "index.lock"
_FETCH = 1000
_WAIT_S = 1.0


class Index:
    """Vectors of texts in a folder of the store."""

    def __init__(self, store: Path, *, notify: Callable[[str], None] = lambda what: None) -> None:
        """Opens nothing yet; a missing index counts as empty.

        Args:
            store: folder of the store.
            notify: called when files are checked or set aside.
        """
        self._store = store
        self._folder = store / FOLDER
        self._notify = notify
        self._client: Any = None
        self._collection: Any = None
        self._lock = FileLock(store / _LOCK, is_singleton=True)
        self._changed = False

    @property
    def manifest(self) -> Mapping[str, Any] | None:
        """The embedder of the vectors: `embedder, revision, dimension`; None without a readable manifest."""
        try:
            manifest = strict_json.parse((self._folder / health.MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        known = cast("dict[str, Any]", manifest) if isinstance(manifest, dict) else {}
        return known if {"embedder", "revision"} <= known.keys() else None

    def check(self, embedder: Embedder) -> None:
        """Raises `StoreUnavailable` if the vectors are from another embedder."""
        manifest = self.manifest
        if manifest and (manifest["embedder"], manifest["revision"]) != (embedder.id, embedder.revision):
            raise StoreUnavailable(
                f"the index was made with {manifest['embedder']!r}, but the embedder is {embedder.id!r}; "
                "run: churn-agent index --rebuild"
            )

    def text_ids(self) -> set[str]:
        """Returns the ids of texts whose vectors are complete."""
        if self.manifest is None:
            return set()
        parts: dict[str, int] = {}
        expected: dict[str, int] = {}
        rows = self._call(lambda collection: collection.get(include=["metadatas"]))
        for metadata in rows["metadatas"]:
            text_id = metadata["text"]
            parts[text_id] = parts.get(text_id, 0) + 1
            expected[text_id] = metadata["parts"]
        return {text_id for text_id, n in expected.items() if parts[text_id] == n}

    def vectors(self, text_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Returns the vectors of texts that are in the index, as arrays of shape (parts, dimension)."""
        if self.manifest is None:
            return {}
        by_text: dict[str, NDArray[np.float32]] = {}
        for batch in chunked(dict.fromkeys(text_ids), _FETCH):
            rows = self._get([f"{text_id}:0" for text_id in batch])
            first = {key.removesuffix(":0"): row for key, row in rows.items()}
            others = self._get([f"{text_id}:{part}" for text_id, (_, n) in first.items() for part in range(1, n)])
            for text_id, (vector, n) in first.items():
                more = [others[f"{text_id}:{part}"][0] for part in range(1, n) if f"{text_id}:{part}" in others]
                if len(more) == n - 1:
                    by_text[text_id] = np.vstack([vector, *more])
        return by_text

    def nearest(self, vector: NDArray[np.float32], n: int) -> dict[str, float]:
        """Returns the texts nearest in meaning (approximate search): text id -> cosine similarity, best first.

        Args:
            vector: vector of shape (dimension,) and unit length.
            n: number of parts of texts to fetch; several may belong to one long text.
        """
        if self.manifest is None:
            return {}

        def query(collection: Any) -> Any:
            size = min(n, collection.count())
            include = ["metadatas", "distances"]
            return collection.query(query_embeddings=[vector], n_results=size, include=include) if size else None

        rows = self._call(query)
        similarities: dict[str, float] = {}
        if rows is not None:
            for metadata, distance in zip(rows["metadatas"][0], rows["distances"][0], strict=True):
                similarities.setdefault(metadata["text"], 1.0 - distance)
        return similarities

    def add(self, vectors: Iterable[tuple[str, NDArray[np.float32]]]) -> None:
        """Adds vectors of texts: pairs of text id and array of shape (parts, dimension)."""
        ids: list[str] = []
        rows: list[NDArray[np.float32]] = []
        metadatas: list[dict[str, Any]] = []
        for text_id, of_text in vectors:
            for part, row in enumerate(of_text):
                ids.append(f"{text_id}:{part}")
                rows.append(row)
                metadatas.append({"text": text_id, "parts": len(of_text)})
        if ids:
            self._change(lambda collection: collection.upsert(ids=ids, embeddings=np.vstack(rows), metadatas=metadatas))

    def remove(self, text_ids: Sequence[str]) -> None:
        """Removes the vectors of texts."""
        for batch in chunked(text_ids, _FETCH):
            self._change(lambda collection, b=batch: collection.delete(where={"text": {"$in": b}}))

    def create(self, embedder: Embedder) -> None:
        """Creates an empty index for an embedder. Sets aside files without a manifest, whose embedder is unknown."""
        self._acquire()
        if health.is_written(self._folder):
            self._set_aside()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write_manifest({"embedder": embedder.id, "revision": embedder.revision, "dimension": embedder.dimension})

    def close(self) -> None:
        """Closes the files and records their state."""
        if self._client is not None:
            self._client.close()
        self._client = self._collection = None
        if self._changed and self.manifest:
            self._write_manifest({**self.manifest, "files": health.fingerprint(self._folder)})
            self._changed = False
        self._lock.release()

    @contextmanager
    def held(self) -> Generator[None]:
        """Locks the index while its files are replaced. Raises `IndexBusy`."""
        self.close()
        self._acquire()
        try:
            yield
        finally:
            self._lock.release()

    def inspect(self) -> None:
        """Reads the whole index in a child process. Raises `StoreUnavailable` if it is damaged."""
        with self.held():
            manifest = self.manifest
            sound = manifest is None or health.is_sound(self._folder, manifest.get("files", {}))
        if not sound:
            raise StoreUnavailable(f"the index in {str(self._folder)!r} is damaged; run: churn-agent index --rebuild")

    def _get(self, ids: list[str]) -> dict[str, tuple[NDArray[np.float32], int]]:
        if not ids:
            return {}
        rows = self._call(lambda collection: collection.get(ids=ids, include=["embeddings", "metadatas"]))
        return {
            key: (np.asarray(vector, np.float32), metadata["parts"])
            for key, vector, metadata in zip(rows["ids"], rows["embeddings"], rows["metadatas"], strict=True)
        }

    def _change(self, use: Callable[[Any], Any]) -> None:
        if not self._changed:
            self._call(lambda collection: None)  # open and check it before marking it as changed
            if self.manifest:
                self._write_manifest({key: value for key, value in self.manifest.items() if key != "files"})
            self._changed = True
        self._call(use)

    def _call(self, use: Callable[[Any], Any]) -> Any:
        try:
            if self._collection is None:
                self._open()
            return use(self._collection)
        except (KeyboardInterrupt, SystemExit, StoreUnavailable):
            raise
        except BaseException as error:  # Chroma's native code raises a PanicException, which is not an Exception
            self._set_aside()
            raise StoreUnavailable(
                f"the index in {str(self._folder)!r} was damaged ({type(error).__name__}) and set aside; "
                "run the command again to rebuild it from the history"
            ) from error

    def _open(self) -> None:
        self._acquire()
        manifest = self.manifest
        if health.is_written(self._folder) and (manifest is None or not self._as_left(manifest)):
            self._set_aside()
            if manifest:
                self._folder.mkdir()
                self._write_manifest({key: value for key, value in manifest.items() if key != "files"})
        self._client = health.open_client(self._folder)
        self._collection = self._client.get_or_create_collection(
            health.COLLECTION, embedding_function=None, metadata={"hnsw:space": "cosine"}
        )

    def _as_left(self, manifest: Mapping[str, Any]) -> bool:
        """Whether the files are unchanged since this program closed them, or at least sound."""
        if manifest.get("files") == health.fingerprint(self._folder):
            return True
        self._notify("checking the index")
        self._changed = True  # so that their state is recorded
        return health.is_sound(self._folder, manifest.get("files", {}))

    def _acquire(self) -> None:
        if self._lock.is_locked:
            return
        try:
            self._store.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=_WAIT_S)
        except Timeout:
            raise IndexBusy(
                f"another churn-agent is using the index in {str(self._store)!r}; try again when it has finished"
            ) from None
        except OSError as error:
            raise StoreUnavailable(f"cannot write to the store {str(self._store)!r}: {error.strerror}") from error

    def _set_aside(self) -> None:
        """Moves damaged files out of the way; the latest ones are kept for inspection."""
        if self._client is not None:
            self._client.close()
        self._client = self._collection = None
        for old in self._store.glob(f"{DAMAGED}*"):
            shutil.rmtree(old, ignore_errors=True)
        if self._folder.exists():
            self._folder.rename(self._store / f"{DAMAGED}{datetime.now(UTC):%Y%m%dT%H%M%S}")
            self._notify("the index was damaged and set aside; it is rebuilt from the history")

    def _write_manifest(self, manifest: Mapping[str, Any]) -> None:
        atomic.write(self._folder / health.MANIFEST, json.dumps(manifest))
