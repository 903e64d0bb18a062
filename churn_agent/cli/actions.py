"""`actions`: what can be done to keep customers, whom to do it for, and what it is worth."""

from datetime import date
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table

from churn_agent.cli import common

if TYPE_CHECKING:
    from churn_agent.reports.portfolio.holdout import Plan


@click.group()
def actions() -> None:
    """Retention actions: the playbook, whom to act on, what it is worth."""


@actions.command("list")
@common.as_json
@click.pass_context
def list_actions(context: click.Context, json_: bool) -> None:
    """The playbook: the only actions that can be suggested."""
    with common.open_agent(context) as agent:
        found = agent.playbook.actions
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
        from churn_agent.reports.portfolio.holdout import plan_run

        planned = plan_run(agent.store, run_id, capacity=capacity, share=share / 100, dry_run=dry_run)
    if json_:
        common.print_json({"run_id": planned.run_id, "stored": not dry_run, **planned.as_dict()})
        return
    acted = sum(each.arm == "act" for each in planned.assignments)
    click.echo(
        f"{acted} customers to act on; {planned.drawn} of them, and {planned.drawn} to be left alone, are drawn by lot"
    )
    _advise(planned)


def _advise(planned: "Plan") -> None:
    if not planned.drawn:
        click.echo(
            "nothing can be learned: there are no more customers at risk than can be called, no share is drawn, or all "
            "lots of so few fell alike"
        )
        return
    table = Table("quarters", "in each group", "smallest difference that is found (4 times out of 5)")
    from churn_agent.reports.portfolio.holdout import SEASONS

    for n in SEASONS:
        table.add_row(str(n), str(planned.drawn * n), f"{planned.detectable(n):.0%} of the customers")
    common.out.print(table)
    if not planned.calibrated:
        click.echo(f"that {planned.expected:.0%} of them leave is what scores say, which are no probabilities")
    if planned.pointless:
        click.echo(
            f"a control group is hardly worth it: of about {planned.expected:.0%} who leave, acting would have to keep "
            "more than half for two years to show it; call them all, or draw a larger share"
        )


@actions.command("log")
@click.argument("customer_id")
@click.argument("action_id")
@click.option("--at", "at", type=common.Day(), metavar="DATE", help="The day it was done (default: today).")
@click.pass_context
def log(context: click.Context, customer_id: str, action_id: str, at: date | None) -> None:
    """Note that an action was done: it is not suggested again too soon, and the customer counts as treated."""
    with common.open_agent(context) as agent:
        day = at or date.today()  # noqa: DTZ011 - the day on the user's clock
        added = agent.store.note_action(customer_id, action_id, day)
    click.echo(f"{action_id} noted for {customer_id}" if added else f"{action_id} was noted for {customer_id} before")


@actions.command("uplift")
@common.as_json
@click.pass_context
def uplift(context: click.Context, json_: bool) -> None:
    """What acting did: those who were drawn to be called against those who were drawn to be left alone."""
    with common.open_agent(context) as agent:
        from churn_agent.reports.portfolio.holdout import measured_uplift

        found = measured_uplift(agent.store)
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
