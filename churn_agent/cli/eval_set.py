"""`eval set new`: a labelled set from the store."""

from pathlib import Path

import click

from churn_agent.cli import common
from churn_agent.cli.outputs import Output
from churn_agent.domain.wording import counted


@click.group("set")
def set_group() -> None:
    """Make a labelled set."""


@set_group.command("new")
@click.argument("folder", type=Output(folder=True))
@common.as_json
@click.pass_context
def new(context: click.Context, folder: Path, json_: bool) -> None:
    """Make a set in FOLDER from the store's outcomes, with approved corrections as the signals to be found.

    The set holds customers' words: keep it where the store may be, and do not pass it on. `forget` does not reach it.
    """
    with common.open_agent(context) as agent:
        from churn_agent.evals.sets.making import make_set

        made = make_set(agent.store, folder)
    if json_:
        common.print_json(made)
        return
    click.echo(
        f"written: {folder}: {counted(made.samples, 'sample')} of {counted(made.customers, 'customer')}, "
        f"{made.churned:,} churned; {counted(made.corrections, 'correction')}"
    )
    if made.not_approved:
        common.note(
            f"{counted(made.not_approved, 'correction is', 'corrections are')} not approved and left out; "
            "to approve one: churn-agent corrections approve N"
        )
    if made.without_history:
        common.note(f"{counted(made.without_history, 'outcome')} of customers without a history until then: left out")
    click.echo(f"check it: churn-agent eval doctor {folder}")
    click.echo(f"compare prompts: churn-agent eval compare PROMPT_A PROMPT_B --set {folder}")
