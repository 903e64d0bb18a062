"""Atomic writes: a file is written beside its target, then moved there."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from churn_agent.errors import InputError

UNFINISHED = ".part"
"""Suffix of a file that is still being written; a kill leaves it behind."""


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Generator[Path]:
    """Yields a scratch file beside `path`, and moves it there if the block ends without an error.

    A link stays a link to the replaced file. A path that is not a plain file, such as a pipe, is written directly. If
    several processes write to one path, the last one wins.

    Args:
        path: target of the file.
        private: make the new file readable by the user only.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        yield path
        return
    scratch = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        if private:
            scratch.touch(mode=0o600)
        yield scratch
        with scratch.open("rb+") as file:  # a crash of the machine must not leave an empty file
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def write(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Replaces the content of a file (text as UTF-8, line ends unchanged); see `replacing`. Raises `OSError`."""
    with replacing(path, private=private) as scratch:
        scratch.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def save(path: Path, content: str | bytes) -> None:
    """Writes a file chosen by the user. Raises `InputError` if it cannot be written."""
    try:
        write(path, content)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
