"""JSON from outside (models, servers, files): every fault is a `ValueError`.

Python's parser raises `RecursionError` for deeply nested text, and accepts values that are too deep for code that
walks them. Data for pydantic models are parsed by pydantic, which has such a limit itself.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

from churn_agent.errors import FileFormatError

MOST_LEVELS = 100
"""Most levels of nested objects and lists; real documents have about a dozen."""
_TOO_DEEP = f"nested more than {MOST_LEVELS} levels deep"


def load(path: Path) -> Any:
    """Parses a JSON file in UTF-8. Raises `FileFormatError` with its name if it cannot be read or is not JSON."""
    try:
        return parse(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except ValueError as error:
        raise FileFormatError(f"{path}: invalid JSON: {error}") from error


def parse(text: str | bytes, *, numbers: Callable[[str], Any] | None = None) -> Any:
    """Parses a JSON document.

    Args:
        text: the document.
        numbers: called with each number as written (`1e3`, `1.0`) and returns its value; None for Python's numbers.

    Raises:
        ValueError: the text is not JSON, is not Unicode, or is nested deeper than `MOST_LEVELS`.
    """
    try:
        value = json.loads(text, parse_float=numbers, parse_int=numbers, parse_constant=str if numbers else None)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    _check_depth(value)
    return value


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a parsed value is an object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a parsed value is a list."""
    return isinstance(value, list)


def _check_depth(value: Any) -> None:
    """Checks the depth level by level; recursion would fail on deep values."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError(_TOO_DEEP)
