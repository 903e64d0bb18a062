"""Refuses to write an output over a file that the command reads, or over the store's own files."""

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from churn_agent.errors import InputError
from churn_agent.store import places


def check(output: Path, *, store: Path, inputs: Iterable[Path] = (), may_be: str = "") -> None:
    """Checks where an output is about to be written.

    Args:
        output: the file to write.
        store: folder of the store.
        inputs: other files of the command.
        may_be: a place of the store whose files the command may write.

    Raises:
        InputError: the output is one of the inputs, under whatever name, or a file of the store.
    """
    for path in inputs:
        if _same(output, path):
            raise InputError(f"{str(output)!r} is also an input of this command; name another file for the output")
    within = output.resolve()
    if not within.is_relative_to(store.resolve()):
        return
    name = within.relative_to(store.resolve()).as_posix()
    for place in places.PLACES:
        if place.name != may_be and any(fnmatch(name, pattern) for pattern in place.paths):
            raise InputError(f"{str(output)!r} belongs to the store ({place.holds}); name another file for the output")


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one file, also through links."""
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return one.resolve() == other.resolve()
