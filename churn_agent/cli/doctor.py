"""`doctor`: the installation, the model, the health of the store, and the next command."""

import click

from churn_agent.cli import common
from churn_agent.cli.names import as_typed


@click.command()
@common.as_json
@click.pass_context
def doctor(context: click.Context, json_: bool) -> None:
    """Check the installation, the weights and the store, and suggest the next command."""
    from churn_agent.settings import Settings
    from churn_agent.store.health import check_up

    checkup = check_up(lambda: Settings.load(store=context.obj["store"]))
    if json_:
        common.print_json(checkup)
    else:
        for name, detail in checkup.as_dict()["report"].items():
            click.echo(f"{name:<40} {detail}")
        click.echo(f"\nnext: {as_typed(checkup.next_step)}")
    if checkup.problems:
        raise click.exceptions.Exit(4)
