"""Which customers of a book a batch is about."""

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
    """One of several parts that a book is divided into at random, always in the same way."""

    number: int
    """From 1 on."""
    of: int

    def holds(self, customer_id: str) -> bool:
        """Whether a customer belongs to this part."""
        digest = hashlib.sha256(customer_id.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


def parse_part(text: str) -> Part:
    """`1/2`. Raises `InputError`."""
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return Part(int(found[1]), int(found[2]))
    raise InputError(f"{text!r} is no part of a book; give one such as 1/2, the first of two")


def choose(
    agent: ChurnAgent, day: date, *, where: str | None = None, only_new: bool = False, part: Part | None = None
) -> list[str]:
    """Customers with a history up to the end of a day, sorted.

    Args:
        where: a condition on attributes, such as `segment = smb and owner = ana`; who lacks an attribute is left out.
        only_new: only who has done something since their latest assessment at an earlier day.
        part: only the customers in one part of the book, so that methods can be tried on comparable customers.

    Raises:
        InputError: the condition cannot be read, or names an attribute that nobody has.
    """
    end = agent.store.card.end_of_day(day)
    found = interactions.customer_ids(agent.store.history, until=end)
    if where:
        condition = parse(where)
        attributes = book.all_attributes(agent.store.history)
        condition.check(_kinds(attributes.values()))
        found = [id_ for id_ in found if condition.holds(attributes.get(id_, {}))]
    if part:
        found = [id_ for id_ in found if part.holds(id_)]
    if only_new:
        latest = interactions.latest(agent.store.history, until=end)
        seen = records.newest_day(agent.store.history, before=day)
        found = [id_ for id_ in found if id_ not in seen or latest[id_] > agent.store.card.end_of_day(seen[id_])]
    return found


def values_there(agent: ChurnAgent, where: str, *, most: int = 5) -> dict[str, list[str]]:
    """The commonest values of each attribute that a condition names: why it may fit nobody."""
    rows = book.all_attributes(agent.store.history).values()
    names = dict.fromkeys(name for name, _ in parse(where).compared)
    return {
        name: [value for value, _ in Counter(row[name] for row in rows if name in row).most_common(most)]
        for name in names
    }


def _kinds(rows: Iterable[Mapping[str, str]]) -> dict[str, Kind]:
    """Attribute -> whether all its values are numbers."""
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
