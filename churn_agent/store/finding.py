"""Finds the store that a user names."""

import os.path
from difflib import get_close_matches
from pathlib import Path

from churn_agent.errors import InputError
from churn_agent.history.database import FILE_NAME


def is_store(folder: Path) -> bool:
    """Whether a folder holds a store."""
    return os.path.exists(folder / FILE_NAME)  # noqa: PTH110 - False, not an error, for folders that cannot be read


def require(folder: Path) -> None:
    """Raises `InputError` if a folder is not a store, and names one in it or beside it that may be meant."""
    if is_store(folder):
        return
    try:
        beside = {path.name: path for path in folder.absolute().parent.iterdir() if is_store(path)}
        inside = [path for path in folder.iterdir() if is_store(path)] if folder.is_dir() else []
    except OSError:  # the folder above is missing too, or cannot be read
        beside, inside = {}, []
    near = inside or [beside[name] for name in get_close_matches(folder.name, beside)]
    if near:
        remedy = f"did you mean {' or '.join(repr(str(path)) for path in near[:3])}?"
    else:
        remedy = "to make one, run: churn-agent --store FOLDER ingest FILE.csv"
    raise InputError(f"there is no store in {str(folder)!r}; {remedy}")
