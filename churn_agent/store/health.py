"""Checks the installation, the settings, the weights and the store (`churn-agent doctor`)."""

import platform
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from churn_agent.errors import ChurnAgentError, StoreUnavailable
from churn_agent.files.writability import obstacle
from churn_agent.history import answers, book, database, interactions
from churn_agent.index.vectors import Index
from churn_agent.models import weights
from churn_agent.models.catalogue import catalogue
from churn_agent.models.opening import weights_name
from churn_agent.settings import PROJECT_FILES, Settings, granting
from churn_agent.store.finding import is_store
from churn_agent.store.store import Store

_PACKAGES = ("churn-agent", "llama-cpp-python", "xllamacpp", "torch", "sentence-transformers", "chromadb", "openai")
_NEXT = "churn-agent assess CUSTOMER_ID"
_IMPORT = "import data with: "
"""Before the command that fills an empty store."""


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    sound: bool
    detail: str
    """The finding, or the problem."""
    remedy: str | None = None
    """What to do about a problem, or next in a store without data."""


@dataclass(frozen=True)
class Checkup:
    """All checks, in the order in which to fix problems."""

    checks: tuple[Check, ...]

    @property
    def problems(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.sound)

    @property
    def next_step(self) -> str:
        """The next command or step for the user."""
        remedies = (check.remedy or check.detail for check in self.problems)
        return next(remedies, None) or next((check.remedy for check in self.checks if check.remedy), _NEXT)

    def as_dict(self) -> dict[str, Any]:
        """Returns the checks for JSON."""
        report = {check.name: check.detail if check.sound else f"PROBLEM: {check.detail}" for check in self.checks}
        return {"report": report, "healthy": not self.problems, "next": self.next_step, "checks": self.checks}


def check_up(load: Callable[[], Settings]) -> Checkup:
    """Runs all checks. A problem ends only its own check, unless others depend on it.

    Args:
        load: returns the settings, such as `Settings.load`; an error it raises is a problem too.
    """
    return Checkup(tuple(_checks(load)))


def _checks(load: Callable[[], Settings]) -> Iterator[Check]:
    yield Check("python", True, platform.python_version())
    for package in _PACKAGES:
        yield Check(package, True, _installed(package))
    for name in PROJECT_FILES:
        yield _try(f"settings in {name}", partial(granting.describe, name))
    try:
        settings = load()
    except ChurnAgentError as error:  # without settings, the model and the store are unknown
        yield _failed("settings", error)
        return
    yield Check("settings", True, "sound")
    yield from _of_settings(settings)


def _of_settings(settings: Settings) -> Iterator[Check]:
    yield Check("model", True, settings.model)
    yield _try("store", lambda: _writable(settings.store))
    named = [name for name in (weights_name(settings), settings.embedder) if name in catalogue()]
    of_weights = [_try(f"weights of {name}", partial(_weights, name, settings.models_dir)) for name in named]
    missing = any(not check.sound for check in of_weights)
    # First, because weights cannot be downloaded into a folder that is not writable.
    yield _try("model folder", lambda: _model_folder(settings.models_dir, must_be_writable=missing))
    yield from of_weights
    with closing(Store(settings)) as store:
        yield _try("history", lambda: _history(store))
        yield _try("index", lambda: _index(store))


def _try(name: str, check: Callable[[], str]) -> Check:
    try:
        detail = check()
    except ChurnAgentError as error:
        return _failed(name, error)
    return Check(name, True, detail, detail.partition(_IMPORT)[2] or None)


def _failed(name: str, error: ChurnAgentError) -> Check:
    """Takes the remedy from the last part of the message."""
    return Check(name, False, str(error), str(error).rpartition("; ")[2].rpartition("run: ")[2])


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _writable(folder: Path) -> str:
    if reason := obstacle(folder):
        raise StoreUnavailable(f"cannot write to {str(folder)!r}: {reason}; set CHURN_AGENT_STORE to a writable folder")
    return str(folder)


def _model_folder(folder: Path, *, must_be_writable: bool) -> str:
    if must_be_writable:
        weights.check_writable(folder)
    reason = obstacle(folder)
    return f"{folder} (not writable: {reason}; prompt prefixes are not cached)" if reason else str(folder)


def _weights(name: str, models_dir: Path) -> str:
    return f"present, {weights.find(name, models_dir)}"


def _history(store: Store) -> str:
    if not is_store(store.settings.store):  # opening it would make it
        return f"none yet; {_IMPORT}churn-agent ingest FILE.csv"
    database.check(store.history)
    span = interactions.span(store.history)
    if span is None:
        return f"empty; {_IMPORT}churn-agent ingest FILE.csv"
    stored, customers = interactions.count(store.history), len(interactions.customer_ids(store.history))
    card = "with a card" if book.card(store.history) else "without a card (ingest --card)"
    kept = answers.count(store.history)
    last_day = store.card.local(span[1]).date()
    return f"{stored} interactions of {customers} customers up to {last_day}, {card}, {kept} cached answers"


def _index(store: Store) -> str:
    index = Index(store.settings.store)
    if index.manifest is None:
        return "none yet; assess indexes only what it needs, churn-agent index indexes everything"
    index.inspect()
    index.check(store.embedder)
    return f"{index.manifest['embedder']}, sound, {store.not_indexed()} texts not embedded yet"
