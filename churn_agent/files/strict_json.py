"""JSON written by others (models, servers, files): whatever is wrong with it is a `ValueError`.

Python's own parser raises `RecursionError` for deeply nested text, and what it does accept may be too deep for code
that walks the value afterwards. Models given as pydantic types are parsed by pydantic, which has such a limit itself.
"""

import json
from typing import Any

MOST_LEVELS = 100
"""Objects and lists inside each other; real documents have a dozen."""
_TOO_DEEP = f"nested more than {MOST_LEVELS} levels deep"


def parse(text: str | bytes, *, numbers_as_text: bool = False) -> Any:
    """Parses a JSON document.

    Args:
        numbers_as_text: numbers stay as they are written (`1e3`, `1.0`).

    Raises:
        ValueError: it is not JSON, is not Unicode text, or is nested deeper than `MOST_LEVELS`.
    """
    number = str if numbers_as_text else None
    try:
        value = json.loads(text, parse_float=number, parse_int=number, parse_constant=number)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Level by level and not by recursion, which would fail on what it looks for."""
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
