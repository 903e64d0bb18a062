"""What several commands share: options, progress, and the agent they stand for."""

import json
import math
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import is_dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent

F = TypeVar("F", bound=Callable[..., Any])
_FILE_WIDTH = 200
"""Columns of what is not shown in a terminal, so that no table is cut there."""
out = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
notes = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _FILE_WIDTH)
"""Notes and progress go to standard error; data to standard output."""
_SEEN = 180
"""Seconds over which a pace is seen: several blocks of answers on two slow cores."""


class Day(click.ParamType[date]):
    """An ISO date."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Called by click."""
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date such as 2026-03-01", param, ctx)


def as_json(command: F) -> F:
    """The option `--json`."""
    return click.option("--json", "json_", is_flag=True, help="Print one JSON document.")(command)


def as_of(command: F) -> F:
    """The option `--as-of`."""
    text = "Judge at the end of this day (default: the day of the latest interaction stored)."
    return click.option("--as-of", type=Day(), metavar="DATE", help=text)(command)


def model_options(command: F) -> F:
    """Which model and how it is used."""
    for option in (
        click.option("--base-url", metavar="URL", help="Address of an OpenAI-compatible API."),
        click.option("--prompt", metavar="NAME", help="Prompt variant of the mode."),
        click.option("--mode", type=click.Choice(["ask", "read", "explain"]), help="How the model is used."),
        click.option("--model", metavar="M", help="Catalogue name, .gguf file, openai:NAME or scripted[:FILE]."),
    ):
        command = option(command)
    return command


def method_option(command: F) -> F:
    """The option `--method`."""
    text = "A method trained with `churn-agent train` gives the number; none: the mode, even where it was calibrated."
    return click.option("--method", metavar="NAME", help=text)(command)


@contextmanager
def open_agent(context: click.Context, **settings: Any) -> Generator["ChurnAgent"]:
    """The agent on the store that the command line names; it says what it does, for people who wait."""
    note("starting")
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.settings import Settings

    with ChurnAgent(Settings.load(store=context.obj["store"], **settings), notify=note) as agent:
        yield agent


def note(what: str) -> None:
    """A word on standard error, as text."""
    notes.print(f"\u00b7 {what}", style="dim", markup=False)


def print_json(document: Any) -> None:
    """Prints dataclasses and named tuples by their `as_dict`, or field by field; NaN, which JSON lacks, as null."""
    click.echo(json.dumps(_known(document), ensure_ascii=False, indent=2, default=_plain))


def _known(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        value = value.as_dict()
    elif is_dataclass(value):
        value = vars(value)
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_known(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


class Pace(ProgressColumn):
    """How many a minute, and the time left by that, seen over the last minutes.

    Answers of a model arrive a block at a time. Rich reads its rate off the moments between updates, which in a block
    is millions a minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: defaultdict[TaskID, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=_SEEN))
        """(Seconds, how many were done), one a second."""

    def render(self, task: Task) -> Text:
        """Rich calls it whenever it draws."""
        seen, now = self._seen[task.id], (task.get_time(), task.completed)
        if seen and task.completed < seen[-1][1]:
            seen.clear()  # another stage counts anew
        if not seen or now[0] - seen[-1][0] >= 1:
            seen.append(now)
        done, seconds = now[1] - seen[0][1], now[0] - seen[0][0]
        if not done or not seconds or task.remaining is None:
            return Text()
        pace = 60 * done / seconds
        left = timedelta(seconds=round(60 * task.remaining / pace))
        return Text(f"{pace:,.1f} a minute, {left} left")


class Counting(Progress):
    """A bar over things done; where standard error is no terminal, a line a minute."""

    def __init__(self, get_time: Callable[[], float] | None = None) -> None:
        self._pace = Pace()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), self._pace)
        super().__init__(
            *columns,
            console=notes,
            transient=True,
            redirect_stdout=False,  # data stay on standard output while the bar is drawn on standard error
            disable=not notes.is_terminal,
            get_time=get_time,
        )
        self._said = self.get_time()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Moves the bar; see `rich.progress.Progress.update`."""
        super().update(task_id, **changes)
        self._say(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Moves the bar on; see `rich.progress.Progress.advance`."""
        super().advance(task_id, advance)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        if not self.disable:
            return
        task = self._tasks[task_id]
        pace = self._pace.render(task)
        if self.get_time() - self._said < 60:
            return
        self._said = self.get_time()
        whole = "" if task.total is None else f" of {task.total:,.0f}"
        note(f"{task.description}: {task.completed:,.0f}{whole}" + (f", {pace}" if pace else ""))


def reading() -> Progress:
    """A bar over what is read, in bytes or rows; it moves where nobody knows how much there is."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
    )


def downloading() -> Progress:
    """A bar over bytes."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=notes,
    )


def mention_card(agent: "ChurnAgent") -> None:
    """A note where nobody has said what churn means in this book."""
    if not agent.store.has_card:
        card = agent.store.card
        note(
            f"no card of the book: churn is taken as {card.churn_means!r} within {card.horizon_days} days; "
            "give one with: churn-agent ingest --card card.yaml"
        )
