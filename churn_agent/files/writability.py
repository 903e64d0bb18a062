"""Checks whether files and folders are writable."""

import os
import tempfile
from pathlib import Path


def is_read_only(path: Path) -> bool:
    """Whether a file or folder exists and this user cannot write to it, by its permissions or its file system."""
    return path.exists() and not os.access(path, os.W_OK)


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
