"""Selects the customers of a batch."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.content.conditions import Kind, parse
from churn_agent.errors import InputError
from churn_agent.history import book, interactions, records


@dataclass(frozen=True)
class Part:
    """One of several random parts of a book; the division is always the same."""

    number: int
    """Counted from 1."""
    of: int

    def holds(self, customer_id: str) -> bool:
        """Whether a customer belongs to this part."""
        digest = hashlib.sha256(customer_id.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


def parse_part(text: str) -> Part:
    """Parses `1/2`. Raises `InputError` for other text."""
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if match and 1 <= int(match[1]) <= int(match[2]):
        return Part(int(match[1]), int(match[2]))
    raise InputError(f"{text!r} is not a part of a book; give one such as 1/2, the first of two")


def choose(
    agent: ChurnAgent, day: date, *, where: str | None = None, only_new: bool = False, part: Part | None = None
) -> list[str]:
    """Returns the ids of customers with interactions up to the end of a day, sorted.

    Args:
        agent: whose store has the customers.
        day: the day, in the book's time zone.
        where: a condition on attributes, such as `segment = smb and owner = ana`; customers without the attribute are
            left out.
        only_new: only customers with interactions since their latest assessment at an earlier day.
        part: only customers in one part of the book, to compare methods on similar customers.

    Raises:
        InputError: the condition cannot be parsed, or names an attribute that no customer has.
    """
    end = agent.store.card.end_of_day(day)
    ids = interactions.customer_ids(agent.store.history, until=end)
    if where:
        condition = parse(where)
        attributes = book.all_attributes(agent.store.history, as_of=day)
        condition.check(_kinds(attributes.values()))
        ids = [id_ for id_ in ids if condition.holds(attributes.get(id_, {}))]
    if part:
        ids = [id_ for id_ in ids if part.holds(id_)]
    if only_new:
        latest = interactions.latest(agent.store.history, until=end)
        assessed = records.newest_day(agent.store.history, before=day)
        ids = [id_ for id_ in ids if id_ not in assessed or latest[id_] > agent.store.card.end_of_day(assessed[id_])]
    return ids


def values_there(agent: ChurnAgent, where: str, *, most: int = 5) -> dict[str, list[str]]:
    """Returns the most frequent values of each attribute in a condition, to explain why it matches no customer."""
    rows = book.all_attributes(agent.store.history).values()
    names = dict.fromkeys(name for name, _ in parse(where).compared)
    return {
        name: [value for value, _ in Counter(row[name] for row in rows if name in row).most_common(most)]
        for name in names
    }


def _kinds(rows: Iterable[Mapping[str, str]]) -> dict[str, Kind]:
    """Maps each attribute to `number` if all its values are numbers, else to `text`."""
    kinds: dict[str, Kind] = {}
    for row in rows:
        for name, value in row.items():
            if not _is_number(value):
                kinds[name] = "text"
            else:
                kinds.setdefault(name, "number")
    return kinds


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
