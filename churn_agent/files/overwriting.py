"""Keeps a command from writing over a file of the user that only happens to have the name."""

from collections.abc import Collection
from pathlib import Path

from churn_agent.errors import InputError
from churn_agent.files import strict_json


def check_lines(path: Path, keys: Collection[str], kind: str) -> None:
    """Checks that a JSON Lines file may be written again.

    Args:
        path: the file, which need not exist.
        keys: keys of the objects in its lines.
        kind: the content of such a file, for the message.

    Raises:
        InputError: the file exists, is not empty, and its first line is not an object with these keys.
    """
    if not path.is_file() or not path.stat().st_size:  # a pipe is written to
        return
    try:
        with path.open("rb") as file:
            first = strict_json.parse(file.readline())
    except (OSError, ValueError):
        first = None
    if not strict_json.is_object(first) or not first.keys() >= set(keys):
        raise InputError(f"{str(path)!r} exists and does not contain {kind}; delete it, or choose another path")
