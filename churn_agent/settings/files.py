"""Settings files (`.env` and TOML): their contents, and the settings that need the user's trust.

A settings file in the working folder may come from a stranger, with a repository or an archive. It may set harmless
settings. A setting that names a file, a model or a host, contains a key, costs money or deletes something needs trust.
"""

import hashlib
import io
import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic.fields import FieldInfo

from churn_agent.errors import InputError

PREFIX = "CHURN_AGENT_"
_MOST_BYTES = 1 << 20
_REFERENCE = "${"
"""Start of a reference to the environment in a value of a `.env` file."""


class Guard(Enum):
    """Whether any file may set a setting. It is in the annotation of each setting."""

    HARMLESS = "harmless"
    NEEDS_TRUST = "needs trust"


HARMLESS, NEEDS_TRUST = Guard.HARMLESS, Guard.NEEDS_TRUST


def needs_trust(field: FieldInfo) -> bool:
    """Whether a setting needs trust; one without a guard does."""
    return HARMLESS not in field.metadata


@dataclass(frozen=True)
class SettingsFile:
    """A settings file, read only once, so that the content hashed is the content used."""

    path: Path
    """As returned by `resolve`."""
    content: bytes
    raw: Mapping[str, Any]
    """Setting -> value, without references to the environment replaced."""
    guarded: tuple[str, ...]
    """Settings in the file that need trust, or whose values refer to the environment."""

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def harmless(self) -> dict[str, Any]:
        """The values that do not need trust."""
        return {name: value for name, value in self.raw.items() if name not in self.guarded}

    @property
    def values(self) -> dict[str, Any]:
        """All values, with references to the environment replaced."""
        return _from_toml(self.content) if self.path.suffix == ".toml" else _from_dotenv(self.content, expand=True)


def read(path: Path, fields: Mapping[str, FieldInfo]) -> SettingsFile | None:
    """Reads a settings file; None if there is none.

    Args:
        path: a TOML file if its suffix is .toml, else a file of lines NAME=VALUE.
        fields: all settings.

    Raises:
        InputError: the file cannot be read, is too large or not a plain file, or sets an unknown setting.
    """
    content = _content(path)
    if content is None:
        return None
    toml = path.suffix == ".toml"
    try:
        raw = _from_toml(content) if toml else _from_dotenv(content, expand=False)
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or nested too deeply
        raise InputError(f"cannot read the settings file {str(path)!r}: {error}") from error
    _refuse_unknown(path, raw, fields, prefix="" if toml else PREFIX)
    guarded = (name for name, value in raw.items() if needs_trust(fields[name]) or (not toml and _REFERENCE in value))
    return SettingsFile(resolve(path), content, raw, tuple(sorted(guarded)))


def resolve(path: Path) -> Path:
    """Returns the path under which a settings file is trusted: a resolved folder and an unresolved name.

    A link to a trusted file counts as another file, because relative paths in it lead elsewhere.
    """
    return path.parent.resolve() / path.name


def _content(path: Path) -> bytes | None:
    try:
        if path.is_dir():  # virtual environments are sometimes named .env
            return None
        # Opening a named pipe would block until another process writes to it.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:  # noqa: PTH123
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(_MOST_BYTES + 1) if regular else b""
    except FileNotFoundError:
        if path.is_symlink():
            raise InputError(f"the settings file {str(path)!r} is a link to a file that does not exist") from None
        return None
    except OSError as error:
        raise InputError(f"cannot read the settings file {str(path)!r}: {error.strerror}") from error
    if not regular:
        raise InputError(f"the settings file {str(path)!r} is a pipe or a device; use a plain file or the environment")
    if len(content) > _MOST_BYTES:
        raise InputError(f"the settings file {str(path)!r} is larger than {_MOST_BYTES >> 20} MiB; shorten it")
    return content


def _from_toml(content: bytes) -> dict[str, Any]:
    return tomllib.loads(content.decode("utf-8-sig"))


def _from_dotenv(content: bytes, *, expand: bool) -> dict[str, str]:
    """Returns lines with our prefix, in any case; other lines are for other programs."""
    values = dotenv_values(stream=io.StringIO(content.decode("utf-8-sig")), interpolate=expand)
    prefix = PREFIX.lower()
    return {
        name.lower().removeprefix(prefix): value
        for name, value in values.items()
        if name.lower().startswith(prefix) and value is not None
    }


def _refuse_unknown(path: Path, raw: Mapping[str, Any], fields: Mapping[str, FieldInfo], *, prefix: str) -> None:
    for name in raw:
        if name in fields:
            continue
        shown = f"{prefix}{name.upper()}" if prefix else name
        raise InputError(
            f"{str(path)!r} sets {shown!r}, which is not a setting{suggestion(name, fields, prefix=prefix)}"
        )


def suggestion(name: str, fields: Iterable[str], *, prefix: str = "", likeness: float = 0.6) -> str:
    """Returns `; did you mean CHURN_AGENT_MODEL?`, with up to two settings; empty if none has a similar name.

    Args:
        name: the misspelt setting, without the prefix.
        fields: all settings.
        prefix: of settings in the environment and in `.env`.
        likeness: least likeness of the names, 0 to 1.
    """
    near = get_close_matches(name.lower(), fields, n=2, cutoff=likeness)
    close = [f"{prefix}{field.upper()}" if prefix else field for field in near]
    return f"; did you mean {' or '.join(close)}?" if close else ""
