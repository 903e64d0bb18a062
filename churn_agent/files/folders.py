"""Checks whether a folder is writable."""

import os
import tempfile
from pathlib import Path


def obstacle(folder: Path) -> str | None:
    """Returns why a folder, or its nearest existing parent, is not writable; None if it is.

    It writes a temporary file, because permissions do not show a full or read-only disk.
    """
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return error.strerror or str(error)
