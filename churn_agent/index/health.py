"""Whether the files of an index can be trusted.

Chroma answers from damaged files without a word (with its vectors gone, a query for all rows gives a part of them),
fails in all calls after a kill in the middle of a flush, and may crash the process. So files that are not as they were
left are first tried in a process of their own.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from churn_agent.errors import StoreUnavailable

CARD = "index.json"
COLLECTION = "texts"
_DATABASE = "chroma.sqlite3"
_PAGE = 2000
_TIMEOUT_S = 600
_TRY = "import sys; from churn_agent.index.health import read_through; read_through(sys.argv[1])"

Fingerprint = Mapping[str, list[int]]
"""File -> [bytes, time of the last change in ns] (the time of Chroma's database is 0: opening it changes it)."""


def fingerprint(folder: Path) -> Fingerprint:
    """What the files of an index look like from outside."""
    found: dict[str, list[int]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != CARD and not name.startswith(f"{_DATABASE}-"):
            state = path.stat()
            found[name] = [state.st_size, 0 if name == _DATABASE else state.st_mtime_ns]
    return found


def is_made(folder: Path) -> bool:
    """Whether Chroma has written anything there."""
    return (folder / _DATABASE).exists()


def is_sound(folder: Path, left: Fingerprint) -> bool:
    """Reads all of an index in a child process, so that a crash of native code is an answer too.

    Files of vectors only grow. One that is gone or shorter than it was `left` is not tried: half a list of links may
    answer once and crash Chroma the next time.

    Raises:
        StoreUnavailable: Chroma cannot be imported here, which says nothing about the index.
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
    """Opens an index and leaves with a code other than 0 unless every row has its vector and can be searched."""
    collection = open_client(Path(folder)).get_collection(COLLECTION, embedding_function=None)
    total = collection.count()
    seen: set[str] = set()
    for offset in range(0, total, _PAGE):
        rows = collection.get(limit=_PAGE, offset=offset, include=["embeddings", "metadatas"])
        if not all(metadata and "text" in metadata for metadata in rows["metadatas"]):
            sys.exit(2)
        seen.update(rows["ids"])
    if len(seen) != total:
        sys.exit(4)
    if total:
        first = collection.get(limit=1, include=["embeddings"])["embeddings"][0]
        [everything] = collection.query(query_embeddings=[first], n_results=total, include=[])["ids"]
        # the search is approximate; a lost file costs far more than what it may miss
        sys.exit(0 if len(everything) >= 0.98 * total else 5)


def open_client(folder: Path) -> Any:
    """A Chroma client on a folder, without telemetry. Raises `StoreUnavailable` if Chroma cannot be imported here."""
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
    except ValidationError as error:  # it reads the `.env` of the working folder, whosever that is
        names = ", ".join(str(each["loc"][0]).upper() for each in error.errors())
        raise StoreUnavailable(
            f"Chroma reads {names} from '.env' or the environment and cannot use the value; work in another folder"
        ) from error
    return chromadb
