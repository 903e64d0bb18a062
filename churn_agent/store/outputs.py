"""Refuses to write an output over a file that the command reads, or over the store's own files."""

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from churn_agent.errors import InputError
from churn_agent.history.database import FILE_NAME
from churn_agent.store import places

_OF_RUNS = frozenset({"run.json", "predictions.jsonl", "samples.jsonl", "cards.jsonl"})
"""Files of a run of `churn-agent eval`."""


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
    names = name, f"{name}/x"  # a place may be a folder
    for place in places.PLACES:
        if place.name != may_be and any(fnmatch(name, pattern) for pattern in place.paths for name in names):
            raise InputError(f"{str(output)!r} belongs to the store ({place.holds}); name another file for the output")


def stores_around(output: Path) -> list[Path]:
    """Returns the folders around a file that are stores."""
    return [folder for folder in output.resolve().parents if (folder / FILE_NAME).is_file()]


def check_run(output: Path, runs: Iterable[Path]) -> None:
    """Raises `InputError` if an output is one of the files that runs of `churn-agent eval` are read from."""
    for run in runs:
        if output.name in _OF_RUNS and _same(output.parent, run):
            raise InputError(f"{str(output)!r} belongs to the run; name another file for the output")


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one file, also through links."""
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return one.resolve() == other.resolve()
