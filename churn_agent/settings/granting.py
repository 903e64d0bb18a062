"""Grants, revokes and lists trust in settings files (`churn-agent trust`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from churn_agent.errors import InputError
from churn_agent.settings import PROJECT_FILES, Settings, project_files, trust_record
from churn_agent.settings import files as settings_files
from churn_agent.settings.files import SettingsFile


@dataclass(frozen=True)
class FileTrust:
    """A settings file, and whether it is trusted."""

    file: str
    """Path of the file."""
    state: str
    """State of trust, in words."""
    sets: tuple[str, ...] = ()
    """Settings in the file that need trust."""


def state_of(file: SettingsFile) -> str:
    """Returns the state of trust of a file, in words. Raises `InputError` if the record cannot be read."""
    if not file.guarded:
        return "needs no trust"
    trusted_as = trust_record.entries().get(str(file.path))
    if trusted_as is None:
        return "not trusted"
    return "trusted" if trusted_as == file.sha256 else "changed since it was trusted"


def describe(name: str) -> str:
    """Describes a settings file in the working folder: its state of trust and its settings.

    Raises:
        InputError: the file cannot be read, or sets an unknown setting.
    """
    file = settings_files.read(Path(name), Settings.model_fields)
    return "no such file here" if file is None else f"{state_of(file)}, sets {', '.join(file.raw) or 'nothing'}"


def grant(paths: Sequence[Path] = ()) -> list[FileTrust]:
    """Trusts settings files with their current content.

    Args:
        paths: the files; empty for those in the working folder.

    Raises:
        InputError: a file does not exist, cannot be read, or is not a settings file.
    """
    files = [_read(path) for path in paths] if paths else project_files()
    if not files:
        raise InputError(f"this folder has neither {' nor '.join(PROJECT_FILES)}")
    for file in files:
        if file.guarded:
            trust_record.grant(file.path, file.sha256)
    return [FileTrust(str(file.path), state_of(file), file.guarded) for file in files]


def revoke(paths: Sequence[Path] = ()) -> list[FileTrust]:
    """Revokes trust, also for files that are missing or unreadable.

    Args:
        paths: the files; empty for the trusted ones in the working folder.

    Raises:
        InputError: the record of trust cannot be read or written.
    """
    resolved = [settings_files.resolve(path) for path in paths or map(Path, PROJECT_FILES)]
    was_trusted = {path: trust_record.revoke(path) for path in resolved}
    return [
        FileTrust(str(path), "no longer trusted" if before else "was not trusted")
        for path, before in was_trusted.items()
        if paths or before
    ]


def trusted() -> list[FileTrust]:
    """Returns the trusted files, sorted by path. Raises `InputError` if the record cannot be read."""
    return [_listed(name) for name in sorted(trust_record.entries())]


def _listed(name: str) -> FileTrust:
    try:
        file = settings_files.read(Path(name), Settings.model_fields)
    except InputError as error:
        return FileTrust(name, str(error))
    return FileTrust(name, "gone") if file is None else FileTrust(name, state_of(file), file.guarded)


def _read(path: Path) -> SettingsFile:
    if path.name not in PROJECT_FILES:
        raise InputError(f"{str(path)!r} is not a settings file; name a {' or a '.join(PROJECT_FILES)}")
    file = settings_files.read(path, Settings.model_fields)
    if file is None:
        raise InputError(f"file not found: {str(path)!r}")
    return file
