"""Merges the rows of attributes of a customer: those of an import by the card, and of imports the one known last."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from churn_agent.domain.days import real_day
from churn_agent.domain.interactions import as_number
from churn_agent.domain.money import currency_in, is_money
from churn_agent.domain.snapshot import Card
from churn_agent.history.known import known_day


def merged(rows: Iterable[Any], card: Card, as_of: date | None = None) -> dict[str, str]:
    """Returns the attributes of a customer.

    Of each attribute, the import with the latest row counts, whatever the order of the imports; of rows of one day, the
    import that came last. A row is as late as the day since which it is known (`known_day`).

    Args:
        rows: rows with `import_id`, its `started_at`, `known_from`, `content` and the `customer_id` in the source, in
            the order in which they came. In an import, those without a day are later than all others.
        card: its `combine` says how the rows of one import are combined; equal rows of one id count once. The latest is
            the last one of the latest `known_from`.
        as_of: day after which the next renewal is wanted (`next_renewal`), unless the card combines it; None for the
            latest row's.
    """
    imports: dict[object, list[Any]] = {}
    for number, row in enumerate(rows):
        key = row.import_id if row.import_id is not None else ("row", number)  # rows of no import come one by one
        imports.setdefault(key, []).append(row)
    latest: dict[str, date] = {}
    attributes: dict[str, str] = {}
    for group in imports.values():
        dated = _distinct(sorted(group, key=lambda row: row.known_from or date.max))
        for name in dict.fromkeys(name for row in dated for name in row.content):
            having = [row for row in dated if name in row.content]
            day = max(known_day(row, card) for row in having)
            if day >= latest.get(name, date.min):
                latest[name] = day
                attributes[name] = _of_import(name, having, card, as_of)
    return attributes


def _of_import(name: str, rows: Sequence[Any], card: Card, as_of: date | None) -> str:
    """Returns the value of an attribute from the rows of one import that have it, sorted by `known_from`."""
    if as_of and name == card.renewal_attribute and name not in card.combine:
        return next_renewal(rows, name, as_of)
    how = card.combine.get(name, "latest")
    contents = [row.content for row in rows]
    if how != "latest" and is_money(name):
        return _by_currency([(currency_in(content, name).upper(), content[name]) for content in contents], how)
    return _combined([content[name] for content in contents], how)


def next_renewal(rows: Sequence[Any], attribute: str, from_day: date) -> str:
    """Returns when the next contract of a customer renews, by the rows of one import.

    Args:
        rows: rows that have the attribute, sorted by `known_from`; those of the latest day count.
        attribute: the attribute with the days on which contracts renew.
        from_day: the first day that counts.

    Returns:
        The earliest day that is not over; if all are, the last one; if none is a date, the last value.
    """
    values = [row.content[attribute] for row in rows if row.known_from == rows[-1].known_from]
    days = {day: value for value in values if (day := real_day(value))}
    coming = [day for day in days if day >= from_day]
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


def _distinct(rows: Iterable[Any]) -> list[Any]:
    """Returns the rows without equal ones of the same id before them."""
    distinct: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        key = (row.customer_id, *sorted(row.content.items()))
        distinct.pop(key, None)
        distinct[key] = row
    return list(distinct.values())


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
