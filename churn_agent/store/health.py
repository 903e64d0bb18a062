"""Whether everything is in place: the installation, the settings, the weights and the store (`churn-agent doctor`)."""

import platform
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from churn_agent.errors import ChurnAgentError, StoreUnavailable
from churn_agent.files.folders import obstacle
from churn_agent.history import answers, book, database, interactions
from churn_agent.index.vectors import Index
from churn_agent.models import weights
from churn_agent.models.catalogue import catalogue
from churn_agent.settings import PROJECT_FILES, Settings
from churn_agent.settings import trusting as settings_trust
from churn_agent.store.store import Store

_PACKAGES = ("churn-agent", "llama-cpp-python", "xllamacpp", "torch", "sentence-transformers", "chromadb", "openai")
_NEXT = "churn-agent assess CUSTOMER_ID"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    sound: bool
    detail: str
    """What was found, or what is wrong."""
    remedy: str | None = None
    """What to do, where something is wrong."""


@dataclass(frozen=True)
class Checkup:
    """All checks, in the order in which problems are best mended."""

    checks: tuple[Check, ...]

    @property
    def problems(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.sound)

    @property
    def next_step(self) -> str:
        """What to type next."""
        return next((check.remedy or check.detail for check in self.problems), _NEXT)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        report = {check.name: check.detail if check.sound else f"PROBLEM: {check.detail}" for check in self.checks}
        return {"report": report, "healthy": not self.problems, "next": self.next_step, "checks": self.checks}


def check_up(load: Callable[[], Settings]) -> Checkup:
    """Looks at everything. A problem ends its own check only, unless it hides what is to be looked at.

    Args:
        load: gives the settings, such as `Settings.load`; that it raises is one of the problems.
    """
    return Checkup(tuple(_checks(load)))


def _checks(load: Callable[[], Settings]) -> Iterator[Check]:
    yield Check("python", True, platform.python_version())
    for package in _PACKAGES:
        yield Check(package, True, _installed(package))
    for name in PROJECT_FILES:
        yield _try(f"settings in {name}", partial(settings_trust.describe, name))
    try:
        settings = load()
    except ChurnAgentError as error:  # without settings, nobody knows which model and which store are meant
        yield _failed("settings", error)
        return
    yield Check("settings", True, "sound")
    yield from _of_settings(settings)


def _of_settings(settings: Settings) -> Iterator[Check]:
    yield Check("model", True, settings.model)
    yield _try("store", lambda: _writable(settings.store))
    named = [name for name in (settings.model, settings.embedder) if name in catalogue()]
    of_weights = [_try(f"weights of {name}", partial(_weights, name, settings.models_dir)) for name in named]
    missing = any(not check.sound for check in of_weights)
    # First: weights cannot be fetched into a folder that cannot be written.
    yield _try("model folder", lambda: _model_folder(settings.models_dir, to_be_written=missing))
    yield from of_weights
    with closing(Store(settings)) as store:
        yield _try("history", lambda: _history(store))
        yield _try("index", lambda: _index(store))


def _try(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except ChurnAgentError as error:
        return _failed(name, error)


def _failed(name: str, error: ChurnAgentError) -> Check:
    """The last part of a message says what to do."""
    return Check(name, False, str(error), str(error).rpartition("; ")[2].rpartition("run: ")[2])


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _writable(folder: Path) -> str:
    if reason := obstacle(folder):
        raise StoreUnavailable(
            f"cannot write to {str(folder)!r}: {reason}; set CHURN_AGENT_STORE to a folder that can be written"
        )
    return str(folder)


def _model_folder(folder: Path, *, to_be_written: bool) -> str:
    if to_be_written:
        weights.check_writable(folder)
    reason = obstacle(folder)
    return f"{folder} (cannot be written: {reason}; prompt prefixes are not kept)" if reason else str(folder)


def _weights(name: str, models_dir: Path) -> str:
    return f"here, {weights.find(name, models_dir)}"


def _history(store: Store) -> str:
    database.check(store.history)
    span = interactions.span(store.history)
    if span is None:
        return "empty; churn-agent ingest FILE.csv fills it"
    stored, customers = interactions.count(store.history), len(interactions.customer_ids(store.history))
    card = "with a card" if book.card(store.history) else "without a card of the book (ingest --card)"
    kept = answers.count(store.history)
    last_day = store.card.local(span[1]).date()
    return f"{stored} interactions of {customers} customers up to {last_day}, {card}, {kept} kept answers"


def _index(store: Store) -> str:
    index = Index(store.settings.store)
    if index.card is None:
        return "none yet; assess makes what it needs, churn-agent index makes all of it"
    index.inspect()
    index.check(store.embedder)
    return f"{index.card['embedder']}, sound, {store.not_indexed()} texts not embedded yet"
