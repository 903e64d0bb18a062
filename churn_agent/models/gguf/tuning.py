"""Settings of the engine that depend on the machine, measured and stored by `churn-agent models tune`."""

import json
import platform
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from churn_agent.errors import Unavailable
from churn_agent.files import atomic, strict_json
from churn_agent.files.writability import obstacle
from churn_agent.models.cores import physical_cores

_FILE = "tuning.json"
KVType = Literal["f16", "bf16_f16", "q8_0"]
"""The number format of keys and values."""


class Tuning(BaseModel):
    """How the engine runs on this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threads: Annotated[int, Field(ge=1)] = Field(default_factory=physical_cores)
    micro_batch: Annotated[int, Field(ge=32, le=2048)] = 512
    """Tokens evaluated at once."""
    flash_attention: bool = True
    kv_type: KVType = "f16"
    """Number format for written answers. Scores have their own context (`context.Context`, `exact`)."""
    parallel: Annotated[int, Field(ge=1, le=32)] = 16
    """Answers written at once."""

    @property
    def affects_answers(self) -> str:
        """The settings that can change the last digits of a score."""
        return f"kv {self.kv_type}, flash {int(self.flash_attention)}"


def machine() -> str:
    """The machine that a measurement is valid for."""
    return f"{platform.machine()} {platform.processor()} {physical_cores()} cores"


def load_tuning(model_key: str) -> Tuning | None:
    """The measured settings of a model on this machine; None if there are none."""
    try:
        kept = strict_json.parse(_path().read_text(encoding="utf-8"))
        return Tuning.model_validate(kept[f"{machine()} | {model_key}"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def check_storable() -> None:
    """Raises `Unavailable` if measured settings cannot be stored. Call it before minutes are spent on measuring."""
    if reason := obstacle(_path().parent):
        raise _not_written(reason)


def store_tuning(model_key: str, tuning: Tuning) -> Path:
    """Adds a measurement to those of other models and machines.

    Returns:
        The file.

    Raises:
        Unavailable: the file cannot be written.
    """
    path = _path()
    try:
        kept = strict_json.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    kept[f"{machine()} | {model_key}"] = tuning.model_dump()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, json.dumps(kept, indent=2))
    except OSError as error:
        raise _not_written(error.strerror or str(error)) from error
    return path


def _path() -> Path:
    return user_config_path("churn-agent") / _FILE


def _not_written(reason: str) -> Unavailable:
    folder = str(_path().parent)
    return Unavailable(f"cannot store measured settings in {folder!r}: {reason}; make the folder writable")
