"""Fixtures: a store in a temporary folder, the labelled sets, the real models, and a guard on the network."""

import os

os.environ["COLUMNS"] = "240"  # messages with long paths of temporary folders are not broken
os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that share cores with other work wait longer than they work

import json
import logging
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import Engine, event

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.cli import main
from churn_agent.demo.writing import write_book
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.errors import WeightsMissing
from churn_agent.history import database, migrating
from churn_agent.index.embedder import Embedder
from churn_agent.models import weights
from churn_agent.models.base import ChatModel
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings

AS_OF = date(2026, 3, 1)
EXAMPLES = 100
"""Examples that hypothesis tries of a property with --run-slow, if the test names no other number."""
_QUICK = 4
"""Without --run-slow it tries one part in so many."""
_LOCAL = {"127.0.0.1", "::1", "localhost", None, ""}
_MODELS_DIR = Settings.load().models_dir


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run the tests that take long")
    parser.addoption("--run-model", action="store_true", help="also run the tests that need the real models")


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders in memory, if there is enough: databases wait for a disk at each commit."""
    settings = hypothesis.settings
    same = config.getoption("--hypothesis-seed") is None  # a failure is then of the change, not of luck
    # No deadline: machines that run tests are busy.
    settings.register_profile("all", deadline=None, max_examples=EXAMPLES, derandomize=same)
    settings.register_profile("quick", settings.get_profile("all"), max_examples=EXAMPLES // _QUICK)
    settings.load_profile("all" if config.getoption("--run-slow") else "quick")
    memory = Path("/dev/shm")  # noqa: S108
    if "TMPDIR" not in os.environ and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 << 30:
        os.environ["TMPDIR"] = tempfile.tempdir = str(memory)


def examples(n: int) -> int:
    """As many examples of a property as `n` are when `EXAMPLES` are tried of others."""
    return max(n * hypothesis.settings.default.max_examples // EXAMPLES, 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for option, marks in {"--run-slow": {"slow"}, "--run-model": {"model", "hard"}}.items():
        if config.getoption(option):
            continue
        for item in items:
            if marks.intersection(item.keywords):
                item.add_marker(pytest.mark.skip(reason=f"needs {option} (make test)"))


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    host: Any = "127.0.0.1"
    if event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    if host not in _LOCAL:
        raise RuntimeError(f"a test reached for the network: {event} {host!r}")


sys.addaudithook(_guard)


@pytest.fixture(scope="session", autouse=True)
def migrate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., None]]:
    """The real migration. In tests a new database is a copy of one that it made once; an older one is migrated."""
    template = tmp_path_factory.mktemp("migrated") / database.FILE_NAME
    database.open_database(template.parent).dispose()
    real, newest = migrating.migrate, database.SCHEMA_VERSION

    def copy_or_migrate(engine: Engine, path: Path, target: str, notify: Callable[[str], None]) -> None:
        if target == newest and not path.exists():
            shutil.copyfile(template, path)
        real(engine, path, target, notify)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrating, "migrate", copy_or_migrate)
        yield real


@pytest.fixture(scope="session", autouse=True)
def _no_settings() -> Iterator[None]:
    """None of the settings in the environment of the person who runs the tests, but the folder of models."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("CHURN_AGENT_") and name != "CHURN_AGENT_TEST_DATA":
                patch.delenv(name)
        patch.setenv("CHURN_AGENT_MODELS_DIR", str(_MODELS_DIR))
        yield


@pytest.fixture(scope="session", autouse=True)
def _loaded_once() -> Iterator[None]:
    """Agents share an embedder, which takes a second to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Embedder, "open", cache(Embedder.open))
        yield


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file outside of a temporary folder."""
    monkeypatch.setenv("CHURN_AGENT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path.with_name(f"{tmp_path.name}-config")))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data() -> Path:
    """The folder of labelled sets; tests that need it are skipped without `CHURN_AGENT_TEST_DATA`."""
    folder = os.environ.get("CHURN_AGENT_TEST_DATA")
    if not folder:
        pytest.skip("CHURN_AGENT_TEST_DATA names no folder of labelled sets")
    return Path(folder)


class Result:
    """What a command left: code, standard output, standard error."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """The command line as a function."""

    def call(*arguments: object) -> Result:
        logging.disable(logging.NOTSET)
        code = main.run([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call


@pytest.fixture
def scripted() -> ChatModel:
    return ScriptedModel()


@pytest.fixture
def short_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibration that tries the first rung alone, for tests of what is done with it."""
    from churn_agent.learning import ladder

    monkeypatch.setattr(ladder, "RUNGS", ladder.RUNGS[:1])


@pytest.fixture
def agent(tmp_path: Path, scripted: ChatModel) -> Iterator[ChurnAgent]:
    """An agent on an empty store, with a model that says nothing."""
    with ChurnAgent(Settings.load(store=tmp_path / "store"), model=scripted) as opened:
        yield opened


@pytest.fixture(scope="session")
def real_model() -> Iterator[ChatModel]:
    """The default language model, loaded once."""
    from churn_agent.models.opening import open_model

    try:
        model = open_model(Settings.load(models_dir=_MODELS_DIR))
    except WeightsMissing as error:
        pytest.skip(str(error))
    yield model
    model.close()


def find_language_model() -> tuple[Path, str]:
    """(file, sha256) of the default language model."""
    from churn_agent.models.catalogue import catalogue

    name = Settings.load().model
    try:
        return weights.find(name, _MODELS_DIR), catalogue()[name].files[0].sha256
    except WeightsMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def embedder_folder() -> Path:
    try:
        return weights.find("multilingual-e5-small-q4", _MODELS_DIR)
    except WeightsMissing as error:
        pytest.skip(str(error))


def interaction(
    n: int = 0, *, days_ago: float = 0, text: str = "hello", channel: str = "chat", **more: Any
) -> Interaction:
    """An interaction some days before noon of `AS_OF`."""
    noon = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 12, tzinfo=UTC)
    return Interaction(f"{n:032x}", "c-1", noon - timedelta(days=days_ago), channel, text, **more)


def snapshot(*interactions: Interaction, card: Card | None = None, **more: Any) -> Snapshot:
    ordered = tuple(sorted(interactions, key=lambda each: each.occurred_at))
    return Snapshot("c-1", AS_OF, card or Card(company="Acme"), ordered, **more)


def write_csv(path: Path, *rows: str, header: str | None = None) -> Path:
    """A file of messages by customers, or with a header of its own."""
    lines = [header, *rows] if header else [f"speaker_role,{HEADER}", *(f"customer,{row}" for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


HEADER = "customer_id,timestamp,channel,text"
"""Columns of `write_csv`, after that of the speaker."""


@contextmanager
def sql_of(engine: Engine) -> Iterator[list[str]]:
    """The SQL statements that a database executes meanwhile."""
    executed: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        executed.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield executed
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(scope="session")
def book_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small labelled set on disk."""
    folder = tmp_path_factory.mktemp("sets") / "book"
    write_book(folder, "telecom", 60)
    return folder
