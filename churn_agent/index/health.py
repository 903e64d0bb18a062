"""Checks whether the files of an index are sound.

Chroma answers from damaged files without an error (without its vectors, a query for all rows returns a part of them),
fails in all calls after a kill during a flush, and may crash the process. Changed files are therefore first tried in a
child process.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from churn_agent.errors import StoreUnavailable

MANIFEST = "index.json"
COLLECTION = "texts"
_DATABASE = "chroma.sqlite3"
_PAGE = 2000
_TIMEOUT_S = 600
_TRY = "import sys; from churn_agent.index.health import read_through; read_through(sys.argv[1])"

Fingerprint = Mapping[str, list[int]]
"""File -> [bytes, modification time in ns]; 0 for the time of Chroma's database, because opening it changes it."""


def fingerprint(folder: Path) -> Fingerprint:
    """Returns the sizes and times of an index's files."""
    states: dict[str, list[int]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST and not name.startswith(f"{_DATABASE}-"):
            state = path.stat()
            states[name] = [state.st_size, 0 if name == _DATABASE else state.st_mtime_ns]
    return states


def is_written(folder: Path) -> bool:
    """Whether Chroma has written to a folder."""
    return (folder / _DATABASE).exists()


def is_sound(folder: Path, left: Fingerprint) -> bool:
    """Reads a whole index in a child process, so that a crash of native code is detected too.

    Files of vectors only grow. A file that is missing or shorter than it was `left` is not tried: half a list of links
    may work once and crash Chroma the next time.

    Raises:
        StoreUnavailable: Chroma cannot be imported, which says nothing about the index.
    """
    _import_chroma()
    now = fingerprint(folder)
    if any(now.get(name, [0])[0] < state[0] for name, state in left.items() if name.endswith(".bin")):
        return False
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _TRY, str(folder)], capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def read_through(folder: str) -> None:
    """Opens an index and exits with a code other than 0 unless every row has a vector and can be found."""
    collection = open_client(Path(folder)).get_collection(COLLECTION, embedding_function=None)
    total = collection.count()
    ids: set[str] = set()
    for offset in range(0, total, _PAGE):
        rows = collection.get(limit=_PAGE, offset=offset, include=["embeddings", "metadatas"])
        if not all(metadata and "text" in metadata for metadata in rows["metadatas"]):
            sys.exit(2)
        ids.update(rows["ids"])
    if len(ids) != total:
        sys.exit(4)
    if total:
        first = collection.get(limit=1, include=["embeddings"])["embeddings"][0]
        [everything] = collection.query(query_embeddings=[first], n_results=total, include=[])["ids"]
        # the search is approximate, but a lost file costs far more than it misses
        sys.exit(0 if len(everything) >= 0.98 * total else 5)


def open_client(folder: Path) -> Any:
    """Returns a Chroma client without telemetry. Raises `StoreUnavailable` if Chroma cannot be imported."""
    chromadb = _import_chroma()
    from chromadb.config import Settings

    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue] - a .env could name another host or other classes
        anonymized_telemetry=False,
        chroma_otel_collection_endpoint="",
        chroma_otel_service_name="",
        chroma_otel_granularity=None,
    )
    return chromadb.PersistentClient(path=str(folder), settings=settings)


def _import_chroma() -> Any:
    try:
        import chromadb
    except ValidationError as error:  # Chroma reads the `.env` of the working folder
        names = ", ".join(str(detail["loc"][0]).upper() for detail in error.errors())
        raise StoreUnavailable(
            f"Chroma cannot use {names} from '.env' or the environment; unset it or change to another folder"
        ) from error
    return chromadb
