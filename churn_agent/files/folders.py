"""Whether files can be written in a folder."""

import os
import tempfile
from pathlib import Path


def obstacle(folder: Path) -> str | None:
    """Why no file can be written in a folder, or in the one where it would be made; None if one can.

    It is tried: permissions do not tell of disks that are full or mounted for reading only.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:
        return error.strerror or str(error)
