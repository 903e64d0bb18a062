"""Files that commands write: they replace neither an input of the command nor a file of a store or a run."""

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, cast

import click


class Output(click.Path):
    """A file or folder that a command writes; see `guard`."""

    def __init__(self, *, folder: bool = False, may_be: str = "") -> None:
        """Creates the type of an option.

        Args:
            folder: whether it is a folder.
            may_be: a place of the store (`store.places`) whose files the command may write.
        """
        super().__init__(path_type=Path, dir_okay=folder, file_okay=not folder)
        self.may_be = may_be


def guard(command: click.Command) -> None:
    """Makes a command, or all commands of a group, check their outputs before they run."""
    if isinstance(command, click.Group):
        for one in command.commands.values():
            guard(one)
    elif command.callback and any(isinstance(param.type, Output) for param in command.params):
        command.callback = _checked(command.callback)


def _checked(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def call(*args: Any, **options: Any) -> Any:
        _check(click.get_current_context())
        return callback(*args, **options)

    return call


def _check(context: click.Context) -> None:
    """Raises `InputError` if an output is an input, another output, or a file of a store or a run."""
    values = [(param.type, context.params.get(param.name or "")) for param in context.command.params]
    outputs = [(type_, path) for type_, value in values if isinstance(type_, Output) for path in _paths(value)]
    inputs = [path for type_, value in values if not isinstance(type_, Output) for path in _paths(value)]
    if not outputs:
        return
    from churn_agent.errors import InputError
    from churn_agent.settings import Settings
    from churn_agent.store import outputs as checks

    store_option = cast("dict[str, Path | None]", context.obj)["store"]
    store = store_option or Settings.load().store
    if len({path.resolve() for _, path in outputs}) < len(outputs):
        raise InputError("two outputs of this command have the same name; name another file for one of them")
    for type_, path in outputs:
        checks.check_run(path, [folder for folder in inputs if folder.is_dir()])
        for folder in {store, *checks.stores_around(path)}:
            checks.check(path, store=folder, inputs=inputs, may_be=type_.may_be)


def _paths(value: Any) -> Iterator[Path]:
    """Yields the paths in the value of an option: text may be one (`cards.csv`, `scripted:answers.json`)."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, str):
        yield from (Path(text) for text in (value, value.partition(":")[2]) if text and "\0" not in text)
    elif isinstance(value, tuple | list):
        for item in cast("Sequence[Any]", value):
            yield from _paths(item)
