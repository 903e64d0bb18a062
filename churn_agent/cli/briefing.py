"""`brief`: one page before a call."""

from datetime import date
from pathlib import Path

import click

from churn_agent.cli import common
from churn_agent.cli.outputs import Output


@click.command()
@click.argument("customer_id", metavar="CUSTOMER")
@click.option("-o", "--output", type=Output(), help="Write the page to this .html, .pdf or .md file.")
@common.as_of
@common.as_json
@click.pass_context
def brief(context: click.Context, customer_id: str, output: Path | None, as_of: date | None, json_: bool) -> None:
    """Show one page before a call: people, changes, words for and against, open promises, what to offer and not to say.

    It is assembled from facts, quotes and the latest assessment; no model writes it.
    """
    with common.open_agent(context) as agent:
        from churn_agent.followup import brief_page
        from churn_agent.followup.brief import brief as assemble

        if output:
            brief_page.check(output)
        page = assemble(agent.store, customer_id, as_of=as_of)
        card = agent.store.card
        if output:
            brief_page.write(page, output, card)
    if json_:
        common.print_json(page)
    elif not output:
        click.echo(brief_page.heading(page))
        for part in brief_page.sections(page, card):
            click.echo(f"\n{part.title}")
            for line in part.lines:
                click.echo(f"  {line}")
            for when, words in part.quotes:
                click.echo(f"    {words} ({when})")
    if output:
        click.echo(f"written: {output}", err=json_)
    if page.assessment is None:
        common.note(f"not assessed yet; for reasons and actions: churn-agent assess {customer_id}")
