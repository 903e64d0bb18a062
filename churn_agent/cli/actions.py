"""`actions`: what can be done to keep customers, whom to do it for, and what it is worth."""

from datetime import date
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table

from churn_agent.cli import common
from churn_agent.errors import InputError

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.reports.portfolio.holdout import Plan

_SEASONS = (1, 2, 4, 8)
"""Quarters that a plan is judged for. All through one the same customers may stand at the margin."""
_POINTLESS = 0.5
"""Share of churn that acting would have to prevent for it to be seen, above which a control group teaches nothing."""


@click.group()
def actions() -> None:
    """Retention actions: the playbook, whom to act on, what it is worth."""


@actions.command("list")
@common.as_json
@click.pass_context
def list_actions(context: click.Context, json_: bool) -> None:
    """The playbook: the only actions that can be suggested."""
    with common.open_agent(context) as agent:
        from churn_agent.content.playbook import load_playbook

        found = load_playbook(agent.settings.prompts_dir).actions
    if json_:
        common.print_json([each.model_dump(mode="json") for each in found])
        return
    table = Table(
        Column("id", no_wrap=True), "title", "for", "when", "cost", "keeps", "at most", "by", "not again within"
    )
    for each in found:
        again = f"{each.cooldown_days} days" if each.cooldown_days else ""
        keeps = "" if each.effect is None else f"{each.effect:.0%}"
        most = "" if each.capacity is None else str(each.capacity)
        what = (each.id, each.title, ", ".join(each.addresses), each.when or "")
        table.add_row(*what, f"{each.cost:g}", keeps, most, each.owner, again)
    common.out.print(table)


@actions.command("plan")
@click.argument("run_id", metavar="RUN", default="latest")
@click.option("--capacity", type=click.IntRange(min=1), default=20, show_default=True, metavar="N")
@click.option(
    "--share", type=click.IntRange(0, 100), default=25, show_default=True, metavar="P", help="Per cent of it."
)
@click.option("--dry-run", is_flag=True, help="Only say what could be learned.")
@common.as_json
@click.pass_context
def plan(context: click.Context, run_id: str, capacity: int, share: int, dry_run: bool, json_: bool) -> None:
    """Whom to call after a run, and whom to leave alone so that calling can be judged.

    Chance decides about SHARE per cent of the CAPACITY places, between about twice as many customers at its margin;
    reports then show who is not to be called. RUN: the beginning of its id, or latest.
    """
    with common.open_agent(context) as agent:
        from churn_agent.history import assignments, runs
        from churn_agent.reports.portfolio import building, holdout

        run = runs.find(agent.store.history, run_id)
        portfolio = building.build(agent.store, run, capacity=capacity, cards=0)
        found = holdout.plan(portfolio, share=share / 100)
        if not dry_run:
            assignments.replace(agent.store.history, run.id, found.assignments)
    if json_:
        common.print_json(
            {
                "run_id": run.id,
                "stored": not dry_run,
                "assignments": found.assignments,
                "expected": found.expected,
                "calibrated": found.calibrated,
                "detectable": {n: found.detectable(n) for n in _SEASONS} if found.drawn else None,
                "pointless": _is_pointless(found),
            }
        )
        return
    acted = sum(each.arm == "act" for each in found.assignments)
    click.echo(
        f"{acted} customers to act on; {found.drawn} of them, and {found.drawn} to be left alone, are drawn by lot"
    )
    _advise(found)


def _advise(found: "Plan") -> None:
    if not found.drawn:
        click.echo(
            "nothing can be learned: there are no more customers at risk than can be called, no share is drawn, or all "
            "lots of so few fell alike"
        )
        return
    table = Table("quarters", "in each group", "smallest difference that is found (4 times out of 5)")
    for n in _SEASONS:
        table.add_row(str(n), str(found.drawn * n), f"{found.detectable(n):.0%} of the customers")
    common.out.print(table)
    if not found.calibrated:
        click.echo(f"that {found.expected:.0%} of them leave is what scores say, which are no probabilities")
    if _is_pointless(found):
        click.echo(
            f"a control group is hardly worth it: of about {found.expected:.0%} who leave, acting would have to keep "
            "more than half for two years to show it; call them all, or draw a larger share"
        )


def _is_pointless(found: "Plan") -> bool:
    return not found.drawn or found.detectable(_SEASONS[-1]) > _POINTLESS * found.expected


@actions.command("log")
@click.argument("customer_id")
@click.argument("action_id")
@click.option("--at", "at", type=common.Day(), metavar="DATE", help="The day it was done (default: today).")
@click.pass_context
def log(context: click.Context, customer_id: str, action_id: str, at: date | None) -> None:
    """Note that an action was done: it is not suggested again too soon, and the customer counts as treated."""
    with common.open_agent(context) as agent:
        added = _log(agent, customer_id, action_id, at or date.today())  # noqa: DTZ011 - the day on the user's clock
    click.echo(f"{action_id} noted for {customer_id}" if added else f"{action_id} was noted for {customer_id} before")


def _log(agent: "ChurnAgent", customer_id: str, action_id: str, at: date) -> bool:
    from churn_agent.content.playbook import load_playbook

    known = load_playbook(agent.settings.prompts_dir).by_id
    if action_id not in known:
        raise InputError(f"no action {action_id!r} in the playbook; there are: {', '.join(known)}")
    agent.store.snapshot(customer_id)  # says it where nobody is called so
    return agent.store.note_action(customer_id, known[action_id], at)


@actions.command("uplift")
@common.as_json
@click.pass_context
def uplift(context: click.Context, json_: bool) -> None:
    """What acting did: those who were drawn to be called against those who were drawn to be left alone."""
    with common.open_agent(context) as agent:
        from churn_agent.history import assignments, book
        from churn_agent.reports.portfolio import holdout

        found = holdout.uplift(assignments.all_assignments(agent.store.history), book.outcomes(agent.store.history))
    if json_:
        common.print_json(found)
        return
    table = Table("", "outcomes known", "churned")
    table.add_row("acted on", str(found.acted), str(found.acted_churned))
    table.add_row("left alone", str(found.control), str(found.control_churned))
    common.out.print(table)
    if found.difference == found.difference:
        click.echo(f"kept by acting: {found.difference:+.1%} [{found.low:+.1%}, {found.high:+.1%}]")
    click.echo(found.verdict)
