"""The file of rejected rows."""

import json
from pathlib import Path
from types import TracebackType
from typing import IO

from churn_agent.errors import InputError
from churn_agent.files.overwriting import check_lines
from churn_agent.ingest.readers.base import Row

SHOWN = 5
_KEYS = {"file", "line", "reason", "values"}


def check_replaceable(path: Path) -> None:
    """Raises `InputError` if a file exists that does not hold rejected rows: it would be lost."""
    check_lines(path, _KEYS, "rejected rows")


class Rejects:
    """Writes rejected rows to a JSON Lines file, created with the first one."""

    def __init__(self, path: Path | None) -> None:
        """Creates the log.

        Args:
            path: file for the rows; None keeps only the first few in memory.
        """
        self.path = path
        self.count = 0
        self.first: list[dict[str, object]] = []
        """`file`, `line` and `reason` of the first few rows."""
        self._file: IO[str] | None = None

    def add(self, source: str, row: Row, reason: str) -> None:
        """Adds a row. Raises `InputError` if the file cannot be written."""
        self.count += 1
        where = f"{source} (sheet {row.sheet})" if row.sheet else source
        entry: dict[str, object] = {"file": where, "line": row.line, "reason": reason}
        if len(self.first) < SHOWN:
            self.first.append(entry)
        if self.path is None:
            return
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Not `atomic`, so that people can read the rejected rows of an interrupted import.
                self._file = self.path.open("w", encoding="utf-8")
            self._file.write(json.dumps(entry | {"values": row.values}) + "\n")
        except OSError as error:
            raise InputError(f"cannot write rejected rows to {str(self.path)!r}: {error.strerror}") from error

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
