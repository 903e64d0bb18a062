"""Shared by several commands: options, progress, output, and opening the agent."""

import json
import math
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import is_dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

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

from churn_agent.cli.names import as_typed
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.ingest.questions import Ask, Question
    from churn_agent.ingest.summary import ImportSummary

F = TypeVar("F", bound=Callable[..., Any])
_FILE_WIDTH = 200
"""Columns of output outside a terminal, so that no table is cut off there."""
out = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
notes = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _FILE_WIDTH)
"""Notes and progress go to standard error; data to standard output."""
INTERRUPTED = 130
"""Exit code of work that the user has stopped."""
_PACE_SECONDS = 180
"""Seconds over which the pace is averaged: several blocks of answers on two slow cores."""


class Day(click.ParamType[date]):
    """An ISO date."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Called by click."""
        from churn_agent.domain.arguments import as_day
        from churn_agent.errors import InputError

        try:
            return as_day(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


def asker(bar: Progress | None = None) -> "Ask | None":
    """Returns a function that asks questions about data in the terminal; None without a terminal.

    Args:
        bar: progress bar to hide meanwhile.
    """

    def ask(question: "Question") -> str:
        if bar:
            bar.stop()
        click.echo(f"{question.about}\n  {question.why}", err=True)
        for n, option in enumerate(question.options, start=1):
            click.echo(f"  {n}  {option}", err=True)

        def chosen(text: str) -> str:
            if text in (*question.options, "stop"):
                return text
            if text.isdecimal() and 0 < int(text) <= len(question.options):
                return question.options[int(text) - 1]
            raise click.UsageError(f"{text!r} is none of the answers")

        answer: str = click.prompt("Answer (a number, or stop)", default=question.likely, value_proc=chosen, err=True)
        if answer == "stop":
            note("stopped; nothing was stored")
            raise click.exceptions.Exit(INTERRUPTED)
        if bar:
            bar.start()
        return answer

    return ask if sys.stdin.isatty() and sys.stderr.isatty() else None


def as_yaml(value: Any) -> str:
    """Returns a value as YAML."""
    import yaml

    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False).rstrip()


def as_json(command: F) -> F:
    """The option `--json`; before the name of a subcommand it counts for that."""

    def either(context: click.Context, _: click.Parameter, value: bool) -> bool:
        return value or bool(context.parent and context.parent.params.get("json_"))

    return click.option("--json", "json_", is_flag=True, callback=either, help="Print one JSON document.")(command)


def as_of(command: F) -> F:
    """The option `--as-of`."""
    text = "Assess as of the end of this day (default: that of the latest interaction up to today)."
    return click.option("--as-of", type=Day(), metavar="DATE", help=text)(command)


def model_options(command: F) -> F:
    """The options that choose the model and its use."""
    for option in (
        click.option("--base-url", metavar="URL", help="Address of an OpenAI-compatible API."),
        click.option("--prompt", metavar="NAME", help="Prompt variant for the mode."),
        click.option("--mode", type=click.Choice(["ask", "read", "explain"]), help="How the model is used."),
        click.option("--model", metavar="M", help="Catalogue name, .gguf file, openai:NAME or scripted[:FILE]."),
    ):
        command = option(command)
    return command


def method_option(command: F) -> F:
    """The option `--method`."""
    text = "Take the number from this method, trained with `churn-agent train`; none: use the plain score of the mode."
    return click.option("--method", metavar="NAME", help=text)(command)


def capacity_option(when: str = "", *, least: int = 1) -> Callable[[F], F]:
    """The option `--capacity`.

    Args:
        when: the time for which it holds, for the help text.
        least: least value.
    """
    return click.option(
        "--capacity",
        type=click.IntRange(min=least),
        default=20,
        show_default=True,
        metavar="N",
        help=f"Customers that can be called{when}.",
    )


@contextmanager
def open_agent(context: click.Context, *, makes_store: bool = False, **settings: Any) -> Generator["ChurnAgent"]:
    """Opens the agent on the store that the command line names; notes tell the user what it does.

    Args:
        context: of the command.
        makes_store: whether the command may make the store that `--store` names.
        **settings: flags of the command that are settings.

    Raises:
        InputError: there is no such store, or a setting is invalid.
    """
    note("starting")
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.settings import Settings
    from churn_agent.store import finding

    chosen = Settings.load(store=context.obj["store"], **settings)
    if context.obj["store"] and not makes_store:
        finding.require(chosen.store)
    if not finding.is_store(chosen.store):
        note(f"new store: {chosen.store}")
    with ChurnAgent(chosen, notify=note) as agent:
        yield agent


def note(text: str) -> None:
    """Prints a note on standard error."""
    notes.print(f"\u00b7 {as_typed(text)}", style="dim", markup=False)


def print_json(document: Any) -> None:
    """Prints a JSON document: dataclasses and named tuples by their `as_dict`, or field by field; NaN as null."""
    click.echo(json.dumps(_jsonable(document), ensure_ascii=False, indent=2, default=_plain))


def _jsonable(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        value = value.as_dict()
    elif is_dataclass(value):
        value = vars(value)
    elif hasattr(value, "_asdict"):  # a named tuple
        value = value._asdict()
    if isinstance(value, dict):
        return {name: _jsonable(item) for name, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in cast("Sequence[Any]", value)]
    return None if isinstance(value, float) and math.isnan(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


class Pace(ProgressColumn):
    """Items a minute over the last three minutes, and the time left at that pace.

    Answers of a model arrive in blocks. Rich computes its rate from the time between updates, which within a block
    gives millions a minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self._history: defaultdict[TaskID, deque[tuple[float, float]]] = defaultdict(
            lambda: deque(maxlen=_PACE_SECONDS)
        )
        """(Seconds, items done), at most one entry a second."""

    def render(self, task: Task) -> Text:
        """Called by Rich whenever it draws."""
        history, now = self._history[task.id], (task.get_time(), task.completed)
        if history and task.completed < history[-1][1]:
            history.clear()  # a new stage counts from 0
        if not history or now[0] - history[-1][0] >= 1:
            history.append(now)
        done, seconds = now[1] - history[0][1], now[0] - history[0][0]
        if not done or not seconds or task.remaining is None:
            return Text()
        pace = 60 * done / seconds
        left = timedelta(seconds=round(60 * task.remaining / pace))
        return Text(f"{pace:,.1f} a minute, {left} left")


class Counting(Progress):
    """A progress bar over items; where standard error is not a terminal, one line a minute."""

    def __init__(self, get_time: Callable[[], float] | None = None) -> None:
        self._pace = Pace()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), self._pace)
        super().__init__(
            *columns,
            console=notes,
            transient=True,
            redirect_stdout=False,  # data stay on standard output; the bar is on standard error
            disable=not notes.is_terminal,
            get_time=get_time,
        )
        self._last_note = self.get_time()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Moves the bar; see `rich.progress.Progress.update`."""
        super().update(task_id, **changes)
        self._note_progress(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Advances the bar; see `rich.progress.Progress.advance`."""
        super().advance(task_id, advance)
        self._note_progress(task_id)

    def _note_progress(self, task_id: TaskID) -> None:
        if not self.disable:
            return
        task = self._tasks[task_id]
        pace = self._pace.render(task)
        if self.get_time() - self._last_note < 60:
            return
        self._last_note = self.get_time()
        total = "" if task.total is None else f" of {task.total:,.0f}"
        note(f"{task.description}: {task.completed:,.0f}{total}" + (f", {pace}" if pace else ""))


def reading() -> Progress:
    """A progress bar for reading, in bytes or rows; it pulses where the total is unknown."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
    )


def downloading() -> Progress:
    """A progress bar for downloads, in bytes."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=notes,
    )


def note_rejected(summary: "ImportSummary", file: Path) -> None:
    """A note if rows of a file were rejected, with the reason for the first one."""
    if summary.rejected:
        [first, *_] = summary.first_rejected
        note(
            f"{file}: {counted(summary.rejected, 'row was', 'rows were')} rejected, the first (line {first['line']}) "
            f"because {first['reason']}; see {summary.rejects_file}"
        )


def mention_card(agent: "ChurnAgent") -> None:
    """A note if the store has no card of the book."""
    if not agent.store.has_card:
        card = agent.store.card
        note(
            f"no card of the book: churn is assumed to be {card.churn_means!r} within {card.horizon_days} days; "
            "to change it, run: churn-agent ingest --card card.yaml"
        )
