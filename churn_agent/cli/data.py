"""`ingest`, `index`, `customers`, `show`."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from churn_agent.cli import common

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHOWN_REJECTIONS = 5


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--customers", type=_FILE, help="File of customers' attributes (column customer_id).")
@click.option("--labels", type=_FILE, help="File of outcomes (customer_id, as_of, churned, horizon_days).")
@click.option("--card", type=_FILE, help="YAML card of the book: company, what churn means, horizon.")
@click.option("--mapping", type=_FILE, help="YAML file that says which column is which.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, store nothing.")
@common.as_json
@click.pass_context
def ingest(
    context: click.Context,
    paths: tuple[Path, ...],
    customers: Path | None,
    labels: Path | None,
    card: Path | None,
    mapping: Path | None,
    dry_run: bool,
    json_: bool,
) -> None:
    """Bring in interactions (.csv, .jsonl, also .gz) or folders that hold them; all or nothing."""
    if not (paths or customers or labels or card):
        raise click.UsageError("give files or folders to import, or --customers, --labels, --card")
    with common.open_agent(context) as agent:
        from churn_agent.history import book

        with common.downloading() as bar:
            task = bar.add_task("reading", total=None)
            summary = agent.ingest(
                paths,
                customers=customers,
                labels=labels,
                card=card,
                mapping=mapping,
                dry_run=dry_run,
                progress=lambda file, done, total: bar.update(task, description=file.name, completed=done, total=total),
            )
        has_card = book.card(agent.history) is not None
    if json_:
        document = asdict(summary) | {"dry_run": dry_run}
        common.print_json(document)
        return
    for file, columns in summary.columns.items():
        common.note(f"{file}: " + ", ".join(f"{field} = {column}" for field, column in columns.items()))
    verb = "would be added" if dry_run else "added"
    click.echo(f"{summary.added} interactions {verb}, {summary.already_known} known before", nl=False)
    click.echo(f"; {summary.customers} customers, {summary.labels} labels")
    if summary.first and summary.last:
        most = sorted(summary.channels.items(), key=lambda pair: -pair[1])[:6]
        channels = ", ".join(f"{n} {channel}" for channel, n in most)
        click.echo(f"from {summary.first:%Y-%m-%d} to {summary.last:%Y-%m-%d}: {channels}")
    if summary.empty:
        click.echo(f"{summary.empty} rows without text and amount were skipped")
    if summary.in_the_future:
        common.note(f"warning: {summary.in_the_future} interactions lie in the future")
    for rejection in summary.rejected[:_SHOWN_REJECTIONS]:
        common.note(f"not taken: {rejection.file}:{rejection.line}: {rejection.reason}")
    if summary.rejected:
        click.echo(f"{len(summary.rejected)} rows were not taken")
    if dry_run:
        for interaction in summary.sample:
            when = f"{interaction.occurred_at:%Y-%m-%d %H:%M}"
            click.echo(f"  {interaction.customer_id!r} {when} {interaction.channel}: {interaction.text[:80]!r}")
    elif not has_card:
        common.note("no card of the book yet: say what churn means here with  churn-agent ingest --card card.yaml")


@click.command()
@click.option("--rebuild", is_flag=True, help="Make the whole index anew, beside the old one, and swap.")
@common.as_json
@click.pass_context
def index(context: click.Context, rebuild: bool, json_: bool) -> None:
    """Embed the texts that are not in the index yet. (assess also does this, for its customer.)"""
    with common.open_agent(context) as agent, common.counting("texts") as bar:
        task = bar.add_task("", total=None)
        done = agent.index(rebuild=rebuild, progress=lambda n, total: bar.update(task, completed=n, total=total))
    if json_:
        common.print_json({"embedded": done, "rebuilt": rebuild})
    else:
        click.echo(f"{done} texts embedded; the index holds every text of the history")


@click.command()
@click.option("--search", metavar="TEXT", help="Only ids that hold this.")
@common.as_json
@click.pass_context
def customers(context: click.Context, search: str | None, json_: bool) -> None:
    """List the customers: how many interactions, first and last."""
    with common.open_agent(context) as agent:
        from churn_agent.history import interactions

        rows = interactions.summaries(agent.history)
    if search:
        rows = [row for row in rows if search.casefold() in row[0].casefold()]
    if json_:
        common.print_json(
            [{"customer_id": id_, "interactions": n, "first": first, "last": last} for id_, n, first, last in rows]
        )
        return
    for id_, n, first, last in rows:
        click.echo(f"{id_}\t{n}\t{first:%Y-%m-%d}\t{last:%Y-%m-%d}")
    if not rows:
        common.note(
            "no customers" + (f" with {search!r} in their id" if search else "; run: churn-agent ingest FILE.csv")
        )


@click.command()
@click.argument("customer_id")
@common.as_of
@common.as_json
@click.pass_context
def show(context: click.Context, customer_id: str, as_of: date | None, json_: bool) -> None:
    """Show the history of a customer, with attributes and facts."""
    with common.open_agent(context) as agent:
        from churn_agent import facts as computed

        snapshot = agent.snapshot(customer_id, as_of=as_of)
        facts = computed.compute(snapshot)
    if json_:
        common.print_json(
            {
                "customer_id": snapshot.customer_id,
                "as_of": snapshot.as_of,
                "attributes": dict(snapshot.attributes),
                "facts": [fact.model_dump() for fact in facts],
                "interactions": [
                    {
                        k: getattr(each, k)
                        for k in ("id", "occurred_at", "channel", "direction", "author", "text", "amount")
                    }
                    for each in snapshot.interactions
                ],
            }
        )
        return
    click.echo(f"Customer {snapshot.customer_id} at {snapshot.as_of}")
    for name, value in snapshot.attributes.items():
        click.echo(f"  {name}: {value}")
    for fact in facts:
        click.echo(f"  {fact.text}")
    click.echo()
    for each in snapshot.interactions:
        amount = "" if each.amount is None else f" [{each.amount:g}]"
        click.echo(f"{each.local_time:%Y-%m-%d %H:%M}  {each.channel}{amount}: {' '.join(each.text.split())}")
