"""Stores evaluated prefixes on disk, so that a new process does not evaluate them again.

A file is named by a hash of everything that its cells depend on. It is used only if its content has the checksum
recorded when it was written. The oldest files are deleted when the folder grows too large.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from churn_agent.files import atomic

WORTH_KEEPING = 256
"""Tokens of the shortest prefix that is kept; shorter ones are evaluated faster than they are read."""
_STALE_S = 3600.0
"""Age in seconds from which an unfinished file is a leftover of a killed process."""


class PrefixFiles:
    """A folder of evaluated prefixes."""

    def __init__(self, folder: Path | None, *, build: str, most_bytes: int) -> None:
        """Args: folder: None keeps nothing. build: the weights, library and settings that cells depend on."""
        self._folder = folder
        self._build = build
        self._most_bytes = most_bytes

    def read(self, tokens: Sequence[int], load: Callable[[Path], bool]) -> bool:
        """Whether the prefix was found and loaded. A damaged file is deleted."""
        path = self._path(tokens)
        if path is None:
            return False
        try:
            if not path.exists():
                return False
            recorded = path.with_suffix(".sha256").read_text(encoding="ascii")
            if recorded == _checksum(path) and load(path):
                with suppress(OSError):  # a read-only folder works too
                    path.touch()
                return True
        except (OSError, ValueError):
            pass
        self._remove(path)
        return False

    def write(self, tokens: Sequence[int], save: Callable[[Path], bool]) -> None:
        """Keeps a prefix if it is long enough and can be written."""
        path = self._path(tokens)
        if path is None:
            return
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic.replacing(path) as scratch:
                if not save(scratch):
                    raise OSError(f"{scratch} was not saved")
                atomic.write(path.with_suffix(".sha256"), _checksum(scratch))
            self._shrink()

    def _path(self, tokens: Sequence[int]) -> Path | None:
        if self._folder is None or len(tokens) < WORTH_KEEPING:
            return None
        key = hashlib.sha256(f"{self._build}|{list(tokens)}".encode()).hexdigest()[:40]
        return self._folder / f"{key}.kv"

    def _shrink(self) -> None:
        assert self._folder
        for unfinished in self._folder.glob(f"*{atomic.UNFINISHED}"):
            if time.time() - unfinished.stat().st_mtime > _STALE_S:
                unfinished.unlink(missing_ok=True)
        files = sorted(self._folder.glob("*.kv"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files)
        for path in files[:-1]:
            if total <= self._most_bytes:
                break
            total -= path.stat().st_size
            self._remove(path)

    def _remove(self, path: Path) -> None:
        for file in (path, path.with_suffix(".sha256")):
            with suppress(OSError):
                file.unlink()


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
