"""The log of a run: what was run, on which data, with which software, where and when (`run.json`)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from churn_agent.errors import InputError
from churn_agent.evals.runs.suite import Suite
from churn_agent.files import atomic, strict_json

LOG = "run.json"
"""Name of the file in the folder of a run."""
VERSION = 2
_OF_ONE_CALL = ("date", "dates", "machine", "machines", "started", "ended")
"""Entries of a log file, of any version, that say when and where a run was made, not what it is."""


class SetLog(BaseModel):
    """The samples of one set, as a run used them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: str
    """Fingerprint of the samples drawn: customers, dates and outcomes."""
    n: int = 0
    """Number of samples drawn."""
    of: int = 0
    """Number of samples of the whole set."""
    files: str = ""
    """SHA-256 over the files of the set, first 16 hexadecimal digits."""
    development: str = ""
    """SHA-256 over the ids of the samples of the development split, first 16 hexadecimal digits."""
    split: Literal["customer", "time"] = "customer"
    """How the development split is separated from the test split."""


class RunLog(BaseModel):
    """What a reader needs to judge, repeat or continue a run.

    Version 1, which `churn-agent` 0.1.0 wrote and which does not name its version, is converted when it is read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[2] = VERSION
    """Version of this format."""
    churn_agent: str = ""
    """Version of churn-agent."""
    libraries: Mapping[str, str] = {}
    """Package -> version, of the packages that figures depend on."""
    command: str = ""
    """Command line that starts the same run."""
    suite: Suite
    """The suite with all defaults filled in."""
    limit: int | None = None
    """Most samples of a set, if the command line limited them; the suite may have its own limit."""
    settings: Mapping[str, str | int | float | None] = {}
    """Settings that predictions depend on, as they were before a way changed some; empty in version 1."""
    started: datetime | None = None
    """When the first call on the folder started, UTC; None in version 1, which noted days alone."""
    ended: datetime | None = None
    """When the call that finished the run ended, UTC; None if the run is not finished, and in version 1."""
    finished: bool = False
    """Whether all predictions of the suite were made."""
    dates: tuple[str, ...] = ()
    """Days (UTC, ISO 8601) on which calls worked on the run; several if it was resumed."""
    machines: tuple[str, ...] = ()
    """Processor, cores and system of each machine that calls ran on."""
    sets: Mapping[str, SetLog]
    """Set -> its samples. The names of a pair begin with `train: ` and `test: `."""
    judged: Mapping[str, tuple[str, ...]] | None = None
    """Set -> labels of the methods that the suite names; predictions of others are not shown. None shows all."""
    prompts: Mapping[str, str] = {}
    """Label of a prompt (`mode/name@version`) -> hash of its content."""
    default_model: str
    """Model of the ways that name none."""
    models: Mapping[str, str] = {}
    """Model of the catalogue -> SHA-256 of its weights."""
    embedder: str = ""
    """Model that embeds texts."""
    test_set_used_before: int | None = None
    """How many other suites were judged on the same test set before; None without its own test set."""
    trials: Mapping[str, int] = {}
    """Set -> how many ways (prompt, model, settings) have been tried on it in this folder of runs, these included."""

    @model_validator(mode="before")
    @classmethod
    def _convert(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "version" in data:
            return cast("Any", data)
        stored = cast("Mapping[str, Any]", data)
        converted = {name: value for name, value in stored.items() if name in cls.model_fields}
        for old, new in (("date", "dates"), ("machine", "machines")):
            if old in stored:
                converted[new] = str(stored[old]).split("; ")
        return converted

    def continuing(self, earlier: "RunLog", folder: Path) -> "RunLog":
        """The log of a call that resumes an earlier one in the same folder.

        Raises:
            InputError: the earlier call used other samples or splits of a set, or a prompt has changed since.
        """
        remedy = "omit --resume, or choose another folder with -o"
        for name in earlier.sets.keys() & self.sets.keys():
            if earlier.sets[name] != self.sets[name]:
                raise InputError(f"{str(folder)!r} holds a run on other samples of {name!r}; {remedy}")
        for label in earlier.prompts.keys() & self.prompts.keys():
            if earlier.prompts[label] != self.prompts[label]:
                raise InputError(f"prompt {label} has changed since the run in {str(folder)!r}; {remedy}")
        return self.model_copy(
            update={
                "started": earlier.started,
                "dates": tuple(dict.fromkeys((*earlier.dates, *self.dates))),
                "machines": tuple(dict.fromkeys((*earlier.machines, *self.machines))),
            }
        )


def write_log(folder: Path, log: RunLog) -> None:
    """Writes the log into the folder of a run. Raises `InputError` if it cannot be written."""
    atomic.write(folder / LOG, log.model_dump_json(indent=2))


def find_log(folder: Path) -> RunLog | None:
    """The log of a run; None for predictions without one, such as those made by other tools.

    Raises:
        InputError: the log is damaged, or of a version that this one does not know.
    """
    path = folder / LOG
    return _parse(_read(path), path) if path.exists() else None


def find_logs(folders: Iterable[Path]) -> list[RunLog]:
    """The logs of several runs, without those that have none. Raises what `find_log` does."""
    return [log for folder in folders if (log := find_log(folder))]


def last_suite(logs: Sequence[RunLog]) -> Suite:
    """The suite of the last of several runs: its costs and prices hold for a report on all."""
    return logs[-1].suite if logs else Suite(sets=("unknown",))


def read_log(folder: Path) -> tuple[RunLog, Mapping[str, Any]]:
    """The log of a run, and the content of its file that is the same whenever and wherever the run is made.

    Raises:
        InputError: there is no log, it is damaged, or it is of a version that this one does not know.
    """
    path = folder / LOG
    content = _read(path)
    return _parse(content, path), {name: value for name, value in content.items() if name not in _OF_ONE_CALL}


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = strict_json.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{str(path.parent)!r} is not a finished run: cannot read {path.name} ({error.strerror})"
        ) from error
    except ValueError as error:
        raise _damaged(path) from error
    if not strict_json.is_object(content):
        raise _damaged(path)
    return content


def _parse(content: Mapping[str, Any], path: Path) -> RunLog:
    version = content.get("version", 1)
    if isinstance(version, int) and version > VERSION:
        raise InputError(f"{path} was written by a newer churn-agent (log version {version}); update churn-agent")
    try:
        return RunLog.model_validate(content)
    except ValidationError as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is not a log of this version; run the suite again without --resume")
