"""Risk items with what a reader needs: the reasons with their quotes, the customer's name, the log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from churn_agent.content.task_rules import load_task_rules
from churn_agent.domain.assessment import Assessment, Reason
from churn_agent.followup.syncing import reasons_of
from churn_agent.history import book, tasks
from churn_agent.history.tasks import ACTIVE, Entry, State, Task
from churn_agent.reports import wording
from churn_agent.store.store import Store

_RANK = {"high": 0, "medium": 1, "low": 2, None: 3}


@dataclass(frozen=True)
class Item:
    """A risk item for readers."""

    task: Task
    name: str | None
    """Name of the customer; None if the data has none."""
    says: Sequence[str]
    """Sentences of the rules that are true."""
    assessment: Assessment | None
    """The record with its reasons; None if it is no longer stored."""

    @property
    def customer(self) -> str:
        """The name, or the id without one."""
        return self.name or self.task.customer_id

    @property
    def reasons(self) -> Sequence[Reason]:
        """The reasons for churn, strongest first; empty if they were withdrawn."""
        return wording.cases(self.assessment)[0] if self.assessment else ()

    @property
    def withdrawn(self) -> bool:
        """Whether an import that its reasons rest on was undone."""
        return self.assessment is not None and self.assessment.provenance.on_withdrawn_data

    def overdue(self, today: date) -> bool:
        """Whether it is still open after its due day."""
        return self.task.active and self.task.due is not None and self.task.due < today

    def as_dict(self, log: Sequence[Entry] | None = None) -> dict[str, Any]:
        """Returns the item for JSON, with its reasons and quotes, and with its log if it is given."""
        reasons = [
            {
                "concept": reason.concept,
                "statement": wording.statement(reason),
                "quotes": [
                    {"quote": each.quote, "interaction_id": each.interaction_id, "said_on": each.occurred_at.date()}
                    for each in reason.citations
                ],
            }
            for reason in self.reasons
        ]
        risk = {"risk": self.task.risk, "name": self.name, "says": list(self.says), "reasons": reasons}
        return vars(self.task) | risk | ({} if log is None else {"log": [vars(entry) for entry in log]})


def items(
    store: Store, *, states: Collection[State] | None = ACTIVE, owner: str | None = None, customer: str | None = None
) -> list[Item]:
    """Returns risk items: those of the highest risk first, then by due day.

    Args:
        store: with the items.
        states: only items in these states; None for all.
        owner: only those of this account manager, in any case of letters.
        customer: only those of this customer.
    """
    today = store.aliases()
    chosen = [
        task
        for task in tasks.read(store.history, states=states)
        if owner is None or (task.owner or "").casefold() == owner.casefold()
        if customer is None or today.get(task.customer_id, task.customer_id) == today.get(customer, customer)
    ]
    chosen.sort(key=lambda task: (_RANK[task.risk], task.due or date.max, task.number))
    return described(store, chosen)


def item(store: Store, number: int) -> tuple[Item, list[Entry]]:
    """Returns an item and its log, oldest first. Raises `InputError` if there is no such item."""
    with store.history.connect() as connection:
        task = tasks.find(connection, number)
    [found] = described(store, [task])
    return found, tasks.log_of(store.history, number)


def described(store: Store, chosen: Sequence[Task]) -> list[Item]:
    """Returns items with names and reasons, in the same order."""
    rules = load_task_rules(store.settings.prompts_dir)
    attributes = book.all_attributes(store.history) if chosen else {}
    behind = reasons_of(store, chosen)
    name = store.card.name_attribute
    return [
        Item(
            task,
            " ".join(attributes.get(task.customer_id, {}).get(name, "").split()) or None,
            [rules.says(id_) for id_ in task.rules],
            behind.get(task.number),
        )
        for task in chosen
    ]
