"""The state and the log of weekly runs, in the folder `weekly` of the store."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from churn_agent.errors import StoreUnavailable
from churn_agent.files import atomic
from churn_agent.store.places.files import WEEKLY

Outcome = Literal["done", "in part"]
LOG = "log.jsonl"
_STATE, _LOCK = "state.json", "lock"


class State(BaseModel):
    """A weekly run, finished or not."""

    model_config = ConfigDict(extra="forbid")

    started: datetime
    options: str
    """Of the call; a call with others starts a new run."""
    as_of: date | None = None
    batch: str | None = None
    """Name of the batch's file."""
    run_id: str | None = None
    steps: dict[str, Outcome] = {}
    finished: bool = False


@dataclass(frozen=True)
class Journal:
    """The folder of weekly runs of a store."""

    folder: Path

    @classmethod
    @contextmanager
    def open(cls, store: Path) -> Generator["Journal"]:
        """Opens the journal of a store, for one process at a time.

        Raises:
            StoreUnavailable: another weekly run uses the store.
        """
        folder = store / WEEKLY
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        try:
            with lock.acquire(timeout=0):
                yield cls(folder)
        except Timeout as error:
            raise StoreUnavailable(f"another weekly run uses this store; its log is {folder / LOG}") from error

    @property
    def log_path(self) -> Path:
        """The log: one JSON object a line, with `at` (UTC), `step`, `outcome` and `result`."""
        return self.folder / LOG

    def resumed(self, options: str, same_week: Callable[[datetime], bool]) -> tuple[State, bool]:
        """Returns the run to continue, or a new one, and whether it is continued.

        A run is continued if it is not finished, has the same options and began in the same week: after that, its data
        are no longer those of today.
        """
        state = self._stored()
        if state and not state.finished and state.options == options and same_week(state.started):
            return state, True
        return State(started=datetime.now(UTC), options=options), False

    def _stored(self) -> State | None:
        try:
            return State.model_validate_json((self.folder / _STATE).read_bytes())
        except (FileNotFoundError, ValidationError):  # a damaged state costs a repetition, and no result
            return None

    def save(self, state: State) -> None:
        """Stores the state."""
        atomic.write(self.folder / _STATE, state.model_dump_json(indent=1) + "\n")

    def log(self, step: str, outcome: str, result: str) -> None:
        """Appends a line to the log."""
        line = {"at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "step": step, "outcome": outcome, "result": result}
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
