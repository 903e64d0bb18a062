"""Merges the rows of attributes of a customer: those of an import by the card, later imports over earlier ones."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from churn_agent.domain.days import real_day
from churn_agent.domain.interactions import as_number
from churn_agent.domain.money import currency_in, is_money


class Renewal(NamedTuple):
    """The attribute with the days on which contracts renew, and the day from which the next one is wanted."""

    attribute: str
    from_day: date


def merged(rows: Iterable[Any], combine: Mapping[str, str], renewal: Renewal | None = None) -> dict[str, str]:
    """Returns the attributes of a customer.

    Args:
        rows: rows with `import_id`, `known_from`, `content` and the `customer_id` in the source, in the order in which
            they came. Those without a day are known from their import on, after all days in it.
        combine: attribute -> `latest` (the default), `sum`, `highest` or `lowest` of the rows of one import. Equal rows
            of one id count once. The latest is the last one of the latest `known_from`.
        renewal: attribute of which `next_renewal` of the rows of one import counts, unless `combine` names it.
    """
    imports: dict[object, list[Any]] = {}
    for number, row in enumerate(rows):
        key = row.import_id if row.import_id is not None else ("row", number)  # rows of no import come one by one
        imports.setdefault(key, []).append(row)
    attributes: dict[str, str] = {}
    for group in imports.values():
        dated = sorted(group, key=lambda row: row.known_from or date.max)
        contents = [content for _, content in _distinct([(row.customer_id, row.content) for row in dated])]
        for name in dict.fromkeys(name for content in contents for name in content):
            having = [content for content in contents if name in content]
            values = [content[name] for content in having]
            how = combine.get(name, "latest")
            if renewal and name == renewal.attribute and name not in combine:
                attributes[name] = next_renewal(dated, renewal)
            elif how != "latest" and is_money(name):
                amounts = [(currency_in(content, name).upper(), content[name]) for content in having]
                attributes[name] = _by_currency(amounts, how)
            else:
                attributes[name] = _combined(values, how)
    return attributes


def next_renewal(rows: Sequence[Any], renewal: Renewal) -> str:
    """Returns when the next contract of a customer renews, by the rows of one import.

    Args:
        rows: rows of which at least one has the attribute, sorted by `known_from`; those of its latest day count.
        renewal: the attribute, and the first day that counts.

    Returns:
        The earliest day that is not over; if all are, the last one; if none is a date, the last value.
    """
    having = [row for row in rows if renewal.attribute in row.content]
    values = [row.content[renewal.attribute] for row in having if row.known_from == having[-1].known_from]
    days = {day: value for value in values if (day := real_day(value))}
    coming = [day for day in days if day >= renewal.from_day]
    return days[min(coming) if coming else max(days)] if days else values[-1]


def differing(contents: Sequence[Mapping[str, str]]) -> list[str]:
    """Returns the attributes in which rows differ."""
    names = dict.fromkeys(name for content in contents for name in content)
    return [name for name in names if len({content[name] for content in contents if name in content}) > 1]


def ways(values: Collection[str]) -> tuple[str, ...]:
    """Returns the ways that suit some values, besides the latest: numbers have a sum, days an earliest and a latest."""
    if all(as_number(value) is not None for value in values):
        return "sum", "highest", "lowest"
    return ("highest", "lowest") if all(real_day(value) for value in values) else ()


def _distinct(rows: Sequence[tuple[str, Mapping[str, str]]]) -> list[tuple[str, Mapping[str, str]]]:
    return [row for number, row in enumerate(rows) if row not in rows[number + 1 :]]


def _by_currency(amounts: Sequence[tuple[str, str]], how: str) -> str:
    """Combines the amounts of each currency; those of several currencies stay apart: `EUR 100 + USD 50`."""
    of_currency: dict[str, list[str]] = {}
    for currency, amount in amounts:
        of_currency.setdefault(currency, []).append(amount)
    if len(of_currency.keys() - {""}) <= 1:
        return _combined([amount for _, amount in amounts], how)
    return " + ".join(f"{currency} {_combined(values, how)}".strip() for currency, values in of_currency.items())


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
