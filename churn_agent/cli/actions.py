"""`actions`: the playbook, the plan of calls after a run, and the measured effect of acting."""

from datetime import date
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table

from churn_agent.cli import common

if TYPE_CHECKING:
    from churn_agent.reports.portfolio.holdout import Plan


@click.group()
def actions() -> None:
    """Retention actions: list the playbook, plan calls, log actions, measure their effect."""


@actions.command("list")
@common.as_json
@click.pass_context
def list_actions(context: click.Context, json_: bool) -> None:
    """List the playbook. Only its actions can be suggested."""
    with common.open_agent(context) as agent:
        playbook = agent.playbook.actions
    if json_:
        common.print_json([action.model_dump(mode="json") for action in playbook])
        return
    table = Table(
        Column("id", no_wrap=True), "title", "addresses", "when", "cost", "keeps", "capacity", "owner", "cooldown"
    )
    for action in playbook:
        cooldown = f"{action.cooldown_days} days" if action.cooldown_days else ""
        keeps = "" if action.effect is None else f"{action.effect:.0%}"
        capacity = "" if action.capacity is None else str(action.capacity)
        description = (action.id, action.title, ", ".join(action.addresses), action.when or "")
        table.add_row(*description, f"{action.cost:g}", keeps, capacity, action.owner, cooldown)
    common.out.print(table)


@actions.command("plan")
@click.argument("run_id", metavar="RUN", default="latest")
@common.capacity_option()
@click.option(
    "--share",
    type=click.IntRange(0, 100),
    default=25,
    show_default=True,
    metavar="P",
    help="Percentage of the capacity that is assigned at random.",
)
@click.option("--dry-run", is_flag=True, help="Show what the plan could measure; store nothing.")
@common.as_json
@click.pass_context
def plan(context: click.Context, run_id: str, capacity: int, share: int, dry_run: bool, json_: bool) -> None:
    """Plan which customers to call after a run, with a control group of customers who are not called.

    SHARE percent of the CAPACITY places are assigned at random among about twice as many customers at the margin of
    the capacity. Reports then show which customers not to call. RUN: the first characters of its id, or latest.
    """
    with common.open_agent(context) as agent:
        from churn_agent.reports.portfolio.holdout import plan_run

        assigned = plan_run(agent.store, run_id, capacity=capacity, share=share / 100, dry_run=dry_run)
    if json_:
        common.print_json({"run_id": assigned.run_id, "stored": not dry_run, **assigned.as_dict()})
        return
    acted = sum(assignment.arm == "act" for assignment in assigned.assignments)
    click.echo(
        f"{acted} customers to call; {assigned.drawn} of them are drawn at random, "
        f"and so is a control group of {assigned.drawn}"
    )
    _advise(assigned)


def _advise(planned: "Plan") -> None:
    if not planned.drawn:
        click.echo(
            "no control group: all customers at risk can be called, the share is 0, or so few customers all fell into "
            "one group"
        )
        return
    table = Table("quarters", "in each group", "smallest detectable difference (power 80%)")
    from churn_agent.reports.portfolio.holdout import SEASONS

    for n in SEASONS:
        table.add_row(str(n), str(planned.drawn * n), f"{planned.detectable(n):.0%} of the customers")
    common.out.print(table)
    if not planned.calibrated:
        click.echo(f"the expected churn of {planned.expected:.0%} comes from scores, which are not probabilities")
    if planned.pointless:
        click.echo(
            f"a control group is hardly worth it: of the {planned.expected:.0%} expected to leave, acting would have "
            "to keep more than half for two years to show an effect; call all customers, or draw a larger share"
        )


@actions.command("log")
@click.argument("customer_id")
@click.argument("action_id")
@click.option("--at", "at", type=common.Day(), metavar="DATE", help="The day it was done (default: today).")
@click.pass_context
def log(context: click.Context, customer_id: str, action_id: str, at: date | None) -> None:
    """Record that an action was done. It is not suggested again too soon, and the customer counts as treated."""
    with common.open_agent(context) as agent:
        day = at or date.today()  # noqa: DTZ011 - the day on the user's clock
        added = agent.store.note_action(customer_id, action_id, day)
    click.echo(
        f"recorded {action_id} for {customer_id}" if added else f"{action_id} was already recorded for {customer_id}"
    )


@actions.command("uplift")
@common.as_json
@click.pass_context
def uplift(context: click.Context, json_: bool) -> None:
    """Measure the effect of acting: customers drawn to be called, compared with the control group."""
    with common.open_agent(context) as agent:
        from churn_agent.reports.portfolio.holdout import measured_uplift

        effect = measured_uplift(agent.store)
    if json_:
        common.print_json(effect)
        return
    table = Table("", "known outcomes", "churned")
    table.add_row("acted on", str(effect.acted), str(effect.acted_churned))
    table.add_row("control group", str(effect.control), str(effect.control_churned))
    common.out.print(table)
    if effect.difference == effect.difference:
        click.echo(f"kept by acting: {effect.difference:+.1%} [{effect.low:+.1%}, {effect.high:+.1%}]")
    click.echo(effect.verdict)
