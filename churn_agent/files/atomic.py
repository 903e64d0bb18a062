"""Files that are written whole or not at all: beside their place first, then moved there."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from churn_agent.errors import InputError

UNFINISHED = ".part"
"""End of the name of a file that is still being written; a kill leaves it."""


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Generator[Path]:
    """Gives a file beside `path` to write to, and moves it there when the block ends without an error.

    A link stays a link to the file that is replaced. What is not a plain file, such as a pipe, is written to directly.
    Of several processes that write to the same path, the last one counts.

    Args:
        private: only the user may read the new file.
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
        with scratch.open("rb+") as file:  # a crash of the machine must not leave an empty file of that name
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def write(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Replaces the content of a file (text in UTF-8, line ends as they are); see `replacing`. Raises `OSError`."""
    with replacing(path, private=private) as scratch:
        scratch.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def save(path: Path, content: str | bytes) -> None:
    """Writes a file that a user named. Raises `InputError` if it cannot be written."""
    try:
        write(path, content)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
