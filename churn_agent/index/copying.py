"""Copies an index out of a read-only store. Chroma writes to its files even when it only reads vectors."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from churn_agent.errors import StoreUnavailable
from churn_agent.index.vectors import FOLDER


def copy(store: Path) -> "TemporaryDirectory[str]":
    """Returns a temporary folder with a copy of the store's index, if it has one. The caller deletes it.

    Sizes and times of the files are kept, since they show whether the index was changed. Permissions are not.

    Raises:
        StoreUnavailable: the index cannot be read, or the temporary folder has no room for it.
    """
    folder = TemporaryDirectory(prefix="churn-agent-index-")
    try:
        for path in sorted((store / FOLDER).rglob("*")):
            target = Path(folder.name) / path.relative_to(store)
            if path.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            state = path.stat()
            os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))
    except OSError as error:
        folder.cleanup()
        raise StoreUnavailable(
            f"cannot copy the index of the read-only store {str(store)!r} to a temporary folder: {error.strerror}; "
            "name a larger one in the variable TMPDIR"
        ) from error
    return folder
