"""Counts of risk items by group of customers, without saying how single people work."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from churn_agent.errors import InputError
from churn_agent.history import book, tasks
from churn_agent.history.tasks import STATES, State, Task
from churn_agent.store.store import Store

LEAST_PEOPLE = 5
"""Fewest account managers of a group that is shown."""
ALL, OTHERS = "all", "smaller groups together"


@dataclass(frozen=True)
class Group:
    """Risk items of a group of customers."""

    name: str
    states: Mapping[State, int]
    """State -> number of items."""
    overdue: int
    """Open items after their due day."""

    @property
    def total(self) -> int:
        """Number of items."""
        return sum(self.states.values())


@dataclass(frozen=True)
class Figures:
    """Counts of risk items."""

    groups: Sequence[Group]
    """All items first, then by name."""
    suppressed: int
    """Groups that are not shown by name, because they have too few account managers."""


def figures(store: Store, *, by: str | None = None, today: date) -> Figures:
    """Counts risk items.

    A group with fewer than `LEAST_PEOPLE` account managers is not shown by name. Such groups are counted together, with
    further small groups if all of them still have too few: otherwise the difference to all items would show them.

    Args:
        store: with the items.
        by: an attribute of customers, such as `segment`, or the one with the account manager.
        today: items due before are overdue.

    Raises:
        InputError: figures for each account manager are off, or no customer has the attribute.
    """
    every = tasks.read(store.history)
    groups = [_group(ALL, every, today)]
    if by is None:
        return Figures(groups, 0)
    attributes = book.all_attributes(store.history)
    if not any(by in row for row in attributes.values()):
        raise InputError(f"no customer has the attribute {by!r}")
    named = by == store.card.owner_attribute
    if named and not store.settings.staff_names:
        raise InputError(
            "figures for each account manager are off; to allow them: CHURN_AGENT_STAFF_NAMES=1 (see the settings "
            "sheet for a works agreement in docs/follow-up.md)"
        )
    own: dict[str, list[Task]] = defaultdict(list)
    for task in every:
        name = task.owner if named else attributes.get(task.customer_id, {}).get(by)
        own[name or "none"].append(task)
    shown, together = (sorted(own), []) if named else _split(own)
    groups += [_group(name, own[name], today) for name in shown]
    if together and shown:
        groups.append(_group(OTHERS, [task for name in together for task in own[name]], today))
    return Figures(groups, len(together))


def _split(own: Mapping[str, Sequence[Task]]) -> tuple[list[str], list[str]]:
    """Returns the groups that are shown by name, and those that are counted together."""
    people = {name: {task.owner for task in of if task.owner} for name, of in own.items()}
    together = [name for name in own if len(people[name]) < LEAST_PEOPLE]
    rest = sorted((name for name in own if name not in together), key=lambda name: (len(people[name]), name))
    while together and rest and len(set[str | None]().union(*(people[name] for name in together))) < LEAST_PEOPLE:
        together.append(rest.pop(0))
    return sorted(rest), together


def _group(name: str, of: Sequence[Task], today: date) -> Group:
    counts = Counter(task.state for task in of)
    overdue = sum(task.active and task.due is not None and task.due < today for task in of)
    return Group(name, {state: counts[state] for state in STATES}, overdue)
