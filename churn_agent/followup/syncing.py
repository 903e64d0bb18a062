"""Brings risk items up to date with a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from churn_agent.content.conditions import Value
from churn_agent.content.playbook import ATTRIBUTE
from churn_agent.content.task_rules import TaskRules, load_task_rules
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Card
from churn_agent.domain.working_days import working_days_after
from churn_agent.evidence import people
from churn_agent.followup.deciding import Case, Decision, Outcome, decide, merged_into
from churn_agent.history import book, records, tasks
from churn_agent.history.runs import NEWEST, Run
from churn_agent.history.tasks import Task
from churn_agent.reports.portfolio import acting, building
from churn_agent.reports.portfolio.accounts import Account
from churn_agent.store.store import Store

_CAN_BE_WRITTEN_TO = "not to be called"
"""Customers who refuse calls can still be written to."""


@dataclass(frozen=True)
class Synced:
    """What a batch meant for an item."""

    customer_id: str
    outcome: Outcome
    number: int | None
    """None if no item was opened, or nothing was stored."""
    why: str | None = None


def sync(store: Store, run: str = NEWEST, *, dry_run: bool = False) -> list[Synced]:
    """Opens, updates and closes risk items by the rules of `tasks.yaml`. Doing it again changes nothing.

    Args:
        store: the store of the batch.
        run: start of the batch's id, or `latest`.
        dry_run: decide, but store nothing.

    Returns:
        The customers of whom an item was opened, updated, closed, marked or held back.

    Raises:
        InputError: the batch is unknown.
        FileFormatError: the rules cannot be used.
    """
    batch = store.run(run)
    cases = cases_of(store, batch, load_task_rules(store.settings.prompts_dir))
    today = store.aliases()
    results: list[Synced] = []
    with store.history.begin() as connection:
        every = tasks.all_tasks(connection)
        behind = reasons_of(store, every)
        own: dict[str, list[Task]] = {}
        for task in every:
            own.setdefault(today.get(task.customer_id, task.customer_id), []).append(task)
        for case in cases:
            id_ = case.assessment.customer_id
            items = own.get(today.get(id_, id_), [])
            latest = _latest(items)
            decisions: list[tuple[Task | None, Decision]] = [
                (latest, decide(case, batch.id, latest, behind.get(latest.number) if latest else None))
            ]
            decisions += [
                (task, merged_into(task, latest.number)) for task in items if latest and task.active and task != latest
            ]
            for task, decision in decisions:
                number = task.number if task and decision.outcome != "opened" else None
                if not dry_run and decision.values:
                    if decision.outcome == "opened":
                        number = tasks.add(connection, decision.values, decision.entries)
                    elif task:
                        tasks.change(connection, task, decision.values, decision.entries)
                if decision.outcome != "unchanged":
                    results.append(Synced(id_, decision.outcome, number, decision.why))
    return results


def _latest(items: Sequence[Task]) -> Task | None:
    """The newest open item, else the newest one."""
    return max(items, key=lambda task: (task.active, task.number), default=None)


def reasons_of(store: Store, items: Sequence[Task]) -> dict[int, Assessment]:
    """Returns number -> the record with the reasons of an item, where it is stored."""
    found = records.in_runs(store.history, {(task.run_id, task.customer_id) for task in items})
    return {
        task.number: found[task.run_id, task.customer_id] for task in items if (task.run_id, task.customer_id) in found
    }


def cases_of(store: Store, batch: Run, rules: TaskRules) -> list[Case]:
    """Returns the customers of a batch who were assessed or have left. Of others nothing is known: nothing changes."""
    day = date.fromisoformat(str(batch.spec["as_of"]))
    attributes = book.all_attributes(store.history, as_of=day)
    portfolio = building.build(store, batch, capacity=0, cards=0)
    return [
        _case(account, attributes.get(account.assessment.customer_id, {}), store, rules)
        for account in portfolio.accounts
        if (account.assessment.status == "assessed" or account.assessment.former)
        and not account.assessment.provenance.on_withdrawn_data
    ]


def _case(account: Account, attributes: Mapping[str, str], store: Store, rules: TaskRules) -> Case:
    assessment = account.assessment
    values = known(account, attributes, store.card)
    if not assessment.former and rules.asks_for_people(values):
        snapshot = store.snapshot(assessment.customer_id, as_of=assessment.as_of)
        values |= people.numbers(people.people_of(snapshot), assessment.as_of)
    days = rules.due_days[assessment.band or "low"]
    ends = (account.ends_on, acting.last_day_for_notice(assessment), account.renewal)
    by_band = working_days_after(assessment.as_of, days)
    due = min([by_band, *(end for end in ends if end and end >= assessment.as_of)])
    true = () if assessment.former else rules.true_for(values)
    return Case(assessment, true, account.owner, due, _barred(account), _why_untrue(assessment))


def known(account: Account, attributes: Mapping[str, str], card: Card) -> dict[str, Value]:
    """Returns the values that conditions of rules can use, by name."""
    assessment = account.assessment
    values: dict[str, Value] = {f"{ATTRIBUTE}{name}": value for name, value in attributes.items()}
    values |= {fact.name: fact.value for fact in reversed(assessment.facts)}
    values |= {signal.concept: signal.strength for signal in assessment.signals}
    values |= {"domain": card.domain, "notice_given": float(bool(assessment.announced and assessment.announced.stands))}
    overdue = (assessment.as_of - assessment.promised.due).days if assessment.promised else 0
    values["promise_overdue"] = float(max(overdue, 0))
    optional = {"band": assessment.band, "number": account.number, "value": account.yearly_value}
    return values | {name: value for name, value in optional.items() if value is not None}


def _barred(account: Account) -> str | None:
    if account.control:
        return "control group"
    promised = account.assessment.promised
    if account.not_listed and promised and account.not_listed.startswith("promised for"):
        return f"promised for {promised.due}"  # without the name of the person
    return None if account.not_listed == _CAN_BE_WRITTEN_TO else account.not_listed


def _why_untrue(assessment: Assessment) -> str:
    if assessment.former:
        return "they are no longer a customer"
    parts = [f"the risk is {assessment.band}" if assessment.band else "the score has no band"]
    announced = assessment.announced
    if announced and not announced.stands:
        parts.append(f"the announcement to leave no longer stands ({announced.ended_by})")
    return ", ".join(parts)
