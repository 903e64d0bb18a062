"""Strict YAML files: an error names the file, line and key."""

from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError

from churn_agent.errors import FileFormatError

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml takes a twentieth of the time of PyYAML's own parser, which is used where PyYAML was built without it."""
Model = TypeVar("Model", bound=BaseModel)
_MOST_VALUES = 100_000
"""Most values of a file with its aliases expanded. A few lines of nested aliases can expand to billions."""


def load(path: Path, model: type[Model], *, context: Any = None) -> Model:
    """Loads a YAML file into `model`.

    Args:
        path: the file.
        model: the model of its data.
        context: passed to the model's validators.

    Raises:
        FileFormatError: the file cannot be read, is not YAML, is nested too deeply, expands to too many values, or does
            not fit the model.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: not UTF-8 text (byte {error.start})") from error
    try:
        root = cast("yaml.Node | None", yaml.compose(text, LOADER))  # pyright: ignore[reportUnknownMemberType]
        if root and _expanded_size(root, {}) > _MOST_VALUES:
            raise FileFormatError(f"{path}: expands to more than {_MOST_VALUES} values; use fewer aliases (*name)")
        data: Any = LOADER("").construct_document(root) if root else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise FileFormatError(f"{path}{line}: invalid YAML: {getattr(error, 'problem', error)}") from error
    except RecursionError as error:
        raise FileFormatError(f"{path}: invalid YAML: nested too deeply") from error
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:  # from PyYAML, for an impossible date
        raise FileFormatError(f"{path}: invalid YAML: a value cannot be read ({error})") from error
    try:
        return model.model_validate({} if data is None else data, context=context)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the whole file"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        message = first["msg"]
        if first["type"] == "extra_forbidden":
            near = get_close_matches(key, model.model_fields, n=1)
            message = f"unknown key; did you mean {near[0]}?" if near else "unknown key"
        if first["type"] == "string_type" and isinstance(first["input"], date | int | float):
            message = f"{_written(first['input'])} must be in quotes"
        raise FileFormatError(f"{path}:{_line(root, first['loc'])}: {key}: {message}{more}") from error


def _written(value: date | int | float) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).lower()


def _expanded_size(node: yaml.Node, known: dict[int, int]) -> int:
    """Returns the number of values of a node with aliases expanded. A node inside itself raises `RecursionError`."""
    if id(node) not in known:
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        known[id(node)] = 1 + sum(_expanded_size(part, known) for part in inner)
    return known[id(node)]


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Returns the line (from 1) of the deepest part of `location` in the file."""
    line = _first_line(node)
    for step in location:
        if isinstance(node, yaml.MappingNode):
            # The last one counts, and those of merges (`<<: *name`) come first.
            pair = next(((k, v) for k, v in reversed(node.value) if k.value == str(step)), None)
            if pair is None:
                return line
            line, node = _first_line(pair[0]), pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = _first_line(node)
    return line


def _first_line(node: yaml.Node | None) -> int:
    return node.start_mark.line + 1 if node and node.start_mark else 1
