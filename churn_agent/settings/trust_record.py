"""The record of trusted settings files, by path and SHA-256 of the content, as in direnv.

A changed file must be trusted again.
"""

import json
from pathlib import Path

from platformdirs import user_config_path
from pydantic import TypeAdapter, ValidationError

from churn_agent.errors import InputError
from churn_agent.files import atomic

APP = "churn-agent"

_ENTRIES = TypeAdapter(dict[str, str])


def record_path() -> Path:
    """Returns the path of the record, in the user's configuration folder."""
    return user_config_path(APP) / "trusted.json"


def entries() -> dict[str, str]:
    """Returns path -> SHA-256 of the trusted content for each trusted file.

    Raises:
        InputError: the record cannot be read.
    """
    path = record_path()
    try:
        return _ENTRIES.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise InputError(
            f"cannot read the record of trusted files {str(path)!r}: {reason}; delete it and trust your files again"
        ) from error


def grant(path: Path, sha256: str) -> None:
    """Trusts a file with this content only. Raises `InputError` if the record cannot be written."""
    _write(entries() | {str(path): sha256})


def revoke(path: Path) -> bool:
    """Revokes trust. Returns whether the file was trusted. Raises `InputError` if the record cannot be written."""
    kept = entries()
    if kept.pop(str(path), None) is None:
        return False
    _write(kept)
    return True


def _write(kept: dict[str, str]) -> None:
    """Replaces the record atomically, readable by the user only."""
    path = record_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic.write(path, json.dumps(kept, indent=2, sort_keys=True), private=True)
    except OSError as error:
        raise InputError(f"cannot write the record of trusted files {str(path)!r}: {error.strerror}") from error
