"""`doctor`: what is installed, which model, store health, what to type next."""

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from churn_agent.cli import common
from churn_agent.errors import ChurnAgentError, StoreUnavailable
from churn_agent.files.folders import obstacle

_PACKAGES = ("churn-agent", "llama-cpp-python", "xllamacpp", "torch", "sentence-transformers", "chromadb", "openai")


@click.command()
@common.as_json
@click.pass_context
def doctor(context: click.Context, json_: bool) -> None:
    """Check the installation, the weights and the store, and say what to type next."""
    from churn_agent.settings import PROJECT_FILES

    report: dict[str, str] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            report[package] = version(package)
        except PackageNotFoundError:
            report[package] = "not installed"
    for name in PROJECT_FILES:
        _try(f"settings in {name}", lambda n=name: _settings_file(n), report)
    problems = _try("settings", lambda: _settings(context.obj["store"]), report)
    if not problems:  # else nobody knows which model and which store are meant
        problems = _examine(context.obj["store"], report)
    step = problems[0][1] if problems else report.pop("next", "churn-agent assess CUSTOMER_ID")
    report.pop("next", None)
    if json_:
        common.print_json({"report": report, "healthy": not problems, "next": step})
    else:
        for name, value in report.items():
            click.echo(f"{name:<40} {value}")
        click.echo(f"\nnext: {step}")
    if problems:
        raise click.exceptions.Exit(4)


def _settings_file(name: str) -> str:
    from churn_agent.cli.trust import state_of
    from churn_agent.settings import Settings
    from churn_agent.settings import files as settings_files

    file = settings_files.read(Path(name), Settings.model_fields)
    if file is None:
        return "no such file here"
    return f"{state_of(file)}, sets {', '.join(file.raw) or 'nothing'}"


def _settings(store: Path | None) -> str:
    from churn_agent.settings import Settings

    Settings.load(store=store)
    return "sound"


def _examine(store: Path | None, report: dict[str, str]) -> list[tuple[str, str]]:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.models.catalogue import catalogue

    with ChurnAgent.open(store) as agent:
        settings = agent.settings
        report["model"] = settings.model
        problems = _try("store", lambda: _store(settings.store), report)
        missing: list[tuple[str, str]] = []
        for name in (settings.model, settings.embedder):
            if name in catalogue():
                missing += _try(f"weights of {name}", lambda n=name: _weights(n, settings.models_dir), report)
        problems += _try("model folder", lambda: _models(settings.models_dir, needed=bool(missing)), report) + missing
        problems += _try("history", lambda: _history(agent), report)
        problems += _try("index", lambda: _index(agent), report)
    return problems


def _try(what: str, check: Callable[[], str], report: dict[str, str]) -> list[tuple[str, str]]:
    try:
        report[what] = check()
    except ChurnAgentError as error:
        report[what] = f"PROBLEM: {error}"
        message = str(error)  # errors end with what to do: "...; run: COMMAND" or "...; do this"
        return [(what, message.rpartition("run: " if "run: " in message else "; ")[2])]
    return []


def _store(folder) -> str:  # type: ignore[no-untyped-def]
    if reason := obstacle(folder):
        raise StoreUnavailable(
            f"cannot write to {str(folder)!r}: {reason}; set CHURN_AGENT_STORE to a folder that can be written"
        )
    return str(folder)


def _models(folder, *, needed: bool) -> str:  # type: ignore[no-untyped-def]
    """Args: needed: weights have yet to be put there; else it serves without being written."""
    from churn_agent.models import weights

    if needed:
        weights.check_writable(folder)
    reason = obstacle(folder)
    return f"{folder} (cannot be written: {reason}; prompt prefixes are not kept)" if reason else str(folder)


def _weights(name: str, models_dir) -> str:  # type: ignore[no-untyped-def]
    from churn_agent.models import weights

    return f"here, {weights.find(name, models_dir)}"


def _history(agent) -> str:  # type: ignore[no-untyped-def]
    from churn_agent.history import answers, book, database, interactions

    database.check(agent.store.history)
    n = interactions.count(agent.store.history)
    span = interactions.span(agent.store.history)
    if span is None:
        return "empty; churn-agent ingest FILE.csv fills it"
    customers = len(interactions.customer_ids(agent.store.history))
    card = "with a card" if book.card(agent.store.history) else "without a card of the book (ingest --card)"
    kept = answers.count(agent.store.history)
    last_day = agent.store.card.local(span[1]).date()
    return f"{n} interactions of {customers} customers up to {last_day}, {card}, {kept} kept answers"


def _index(agent) -> str:  # type: ignore[no-untyped-def]
    from churn_agent.index.vectors import Index

    index = Index(agent.settings.store)
    if index.card is None:
        return "none yet; assess makes what it needs, churn-agent index makes all of it"
    index.inspect()
    index.check(agent.store.embedder)
    made_by = index.card["embedder"]
    missing = agent.store.not_indexed()
    return f"{made_by}, sound, {missing} texts not embedded yet"
