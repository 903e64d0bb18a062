"""`demo`: a synthetic company, from raw files to an assessment."""

import shlex
import time
from pathlib import Path

import click

from churn_agent.cli import common
from churn_agent.cli.names import as_typed

_INDEXED_UP_TO = 1000
"""Up to this many customers, the demo builds the full index; above, `assess` embeds only the texts it needs."""


@click.command()
@click.option(
    "--domain",
    type=click.Choice(["software", "telecom", "ecommerce", "finance", "education"]),
    default="software",
    show_default=True,
)
@click.option("--customers", type=click.IntRange(min=1, max=1_000_000), default=300, show_default=True, metavar="N")
@common.model_options
@click.pass_context
def demo(context: click.Context, domain: str, customers: int, **model: str | None) -> None:
    """Simulate a company, import its data, and assess one of its customers.

    The simulation has a fixed seed. It shows the tool and tests it under load; it says nothing about accuracy on real
    customers. The demo uses a separate store: the one that --store names, or one beside yours, with "demo-" before its
    name.
    """
    context.obj["store"] = context.obj["store"] or _demo_store()
    with common.open_agent(context, makes_store=True, **model) as agent:
        from churn_agent.ingest.options import ImportOptions
        from churn_agent.store import synthetic

        folder = synthetic.folder_of(agent.store, domain, customers)
        click.echo(f"1. A synthetic {domain} company with {customers} customers, written to {folder}")
        started = time.monotonic()
        with common.Counting() as bar:
            task = bar.add_task("customers", total=customers)
            synthetic.write_files(agent.store, domain, customers, progress=lambda n, _: bar.update(task, completed=n))
        command = as_typed(f"churn-agent --store {shlex.quote(str(agent.settings.store))}")
        click.echo(f"2. {command} ingest {shlex.quote(str(folder))}")
        with common.reading() as bar:
            task = bar.add_task("reading", total=None)
            options = ImportOptions(progress=lambda _, done, total: bar.update(task, completed=done, total=total))
            summary = agent.store.ingest([folder], options)
        seconds = time.monotonic() - started
        click.echo(f"   {summary.added} interactions added, {summary.already_known} already stored ({seconds:.0f} s)")
        if customers <= _INDEXED_UP_TO:
            click.echo(f"3. {command} index")
            started = time.monotonic()
            with common.Counting() as bar:
                task = bar.add_task("texts", total=None)
                n = agent.store.index(progress=lambda n, total: bar.update(task, completed=n, total=total))
            click.echo(f"   {n} texts embedded ({time.monotonic() - started:.0f} s)")
        customer_id = synthetic.example_customer(domain, customers)
        click.echo(f"4. {command} assess {customer_id}")
        assessment = agent.assess(customer_id)
        from rich.console import Console

        from churn_agent.reports.terminal import print_card

        company, name = f"{agent.store.card.company} (SYNTHETIC)", agent.snapshot(customer_id).name
        print_card(assessment, Console(highlight=False), company=company, name=name)
    click.echo(
        f"The demo has a separate store. Try next:\n"
        f"  {command} customers\n"
        f"  {command} evidence {customer_id}\n"
        f"  {command} batch --deep-top 20\n"
        f"  {command} report -o demo.html\n"
        f'  {command} assess --text "The customer service was terrible. I\'m considering switching."'
    )


def _demo_store() -> Path:
    """A store beside that of the settings, so that the demo never touches a real book."""
    from churn_agent.settings import Settings

    own = Settings.load().store.absolute()
    return own.with_name(f"demo-{own.name}")
