"""Merges the rows of attributes of a customer: those of an import by the card, later imports over earlier ones."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from churn_agent.domain.interactions import as_number


def merged(rows: Iterable[Any], combine: Mapping[str, str]) -> dict[str, str]:
    """Returns the attributes of a customer.

    Args:
        rows: rows with `import_id`, `known_from` and `content`, in the order in which they came.
        combine: attribute -> `latest` (the default), `sum`, `highest` or `lowest` of the rows of one import. Equal rows
            count once. The latest is the last one of the latest `known_from`.
    """
    imports: dict[object, list[Any]] = {}
    for number, row in enumerate(rows):
        key = row.import_id if row.import_id is not None else ("row", number)  # rows of no import come one by one
        imports.setdefault(key, []).append(row)
    attributes: dict[str, str] = {}
    for group in imports.values():
        dated = sorted(group, key=lambda row: row.known_from or date.min)
        contents = _distinct([row.content for row in dated])
        for name in dict.fromkeys(name for content in contents for name in content):
            values = [content[name] for content in contents if name in content]
            attributes[name] = _combined(values, combine.get(name, "latest"))
    return attributes


def differing(contents: Sequence[Mapping[str, str]]) -> list[str]:
    """Returns the attributes in which rows differ."""
    names = dict.fromkeys(name for content in contents for name in content)
    return [name for name in names if len({content[name] for content in contents if name in content}) > 1]


def _distinct(contents: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    return [content for number, content in enumerate(contents) if content not in contents[number + 1 :]]


def _combined(values: Sequence[str], how: str) -> str:
    numbers = [value for value in values if as_number(value) is not None]
    if how == "sum" and numbers:
        return format(sum((Decimal(value) for value in numbers), Decimal()).normalize(), "f")
    if how in ("highest", "lowest"):
        choose = max if how == "highest" else min
        if len(numbers) == len(values):
            return choose(values, key=lambda value: as_number(value) or 0.0)
        return choose(values)
    return values[-1]
