"""Settings files that the user trusts, each by its path and the SHA-256 of its content, as direnv keeps them.

A changed file is another file, and has to be trusted again.
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
    """The file that holds the record, in the user's configuration folder."""
    return user_config_path(APP) / "trusted.json"


def entries() -> dict[str, str]:
    """Path of each trusted file -> SHA-256 of the content that was trusted.

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
    """Trusts a file with this content, and with no other. Raises `InputError` if that cannot be recorded."""
    _write(entries() | {str(path): sha256})


def revoke(path: Path) -> bool:
    """Takes trust back. Returns whether the file was trusted. Raises `InputError` if that cannot be recorded."""
    kept = entries()
    if kept.pop(str(path), None) is None:
        return False
    _write(kept)
    return True


def _write(kept: dict[str, str]) -> None:
    """Replaces the record, readable by the user alone, so that it is never half written."""
    path = record_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic.write(path, json.dumps(kept, indent=2, sort_keys=True), private=True)
    except OSError as error:
        raise InputError(f"cannot write the record of trusted files {str(path)!r}: {error.strerror}") from error
