"""`ingest`, `index`, `customers`, `show`, `forget`."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from churn_agent.cli import common
from churn_agent.cli.imports import imports
from churn_agent.cli.outputs import Output
from churn_agent.cli.summaries import summary_lines, warnings
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.domain.interactions import Interaction, Speaker

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("customer_id")
@click.confirmation_option(prompt="This deletes all data of the customer except anonymous numbers. Continue?")
@common.as_json
@click.pass_context
def forget(context: click.Context, customer_id: str, json_: bool) -> None:
    """Delete a customer from the store: texts, attributes, judgements, and text that models wrote.

    Forecasts stay in the ledger with their date and outcome, under an anonymous id. Files outside the store (exports,
    rejected rows, reports) are not touched. Train methods again afterwards. Run it again if it was interrupted.
    """
    from churn_agent.store.places import PLACES

    with common.open_agent(context) as agent:
        removed = agent.store.forget(customer_id)
    if json_:
        common.print_json({"interactions": removed.interactions, "forecasts_kept": removed.forecasts})
    else:
        click.echo(
            f"deleted {counted(removed.interactions, 'interaction')}; "
            f"{counted(removed.forecasts, 'forecast is', 'forecasts are')} kept anonymously"
        )
    outside = "; ".join(place.holds for place in PLACES if place.kind == "outside")
    common.note(f"not deleted, because it is outside the store: {outside}")


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--customers", type=_FILE, help="File of customer attributes, with a column customer_id.")
@click.option("--labels", type=_FILE, help="File of outcomes (customer_id, as_of, churned, horizon_days).")
@click.option("--measurements", type=_FILE, help="File of numbers (customer_id, date, metric, value), such as logins.")
@click.option("--aliases", type=_FILE, help="File of ids that mean the same customer (old, new).")
@click.option("--card", type=_FILE, help="Card of the book (YAML): company, meaning of churn, horizon.")
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    help="YAML file that maps columns to fields, or a shipped mapping, such as zendesk or slack.",
)
@click.option("--query", metavar="SQL", help="Query to run, if PATH is a database. It can only read (SELECT, WITH).")
@click.option("--sheet", metavar="NAME", help="Sheet of a workbook (default: all sheets with the same columns).")
@click.option(
    "--own",
    metavar="NAMES",
    help="Your mail addresses and domains, and your people in calls and chats, separated by commas: @acme.example,Tim.",
)
@click.option("--customer", metavar="ID", help="Customer of rows that name none, such as those of a recorded call.")
@click.option(
    "--unknown-is",
    type=click.Choice(["customer", "company", "unknown"]),
    help="Author to assume when no column names one. Texts of unknown authors are stored, and not read.",
)
@click.option("--yes", is_flag=True, help="Accept the answers that the data suggest; ask only the other questions.")
@click.option(
    "--write-mapping", type=Output(), metavar="FILE", help="Write the mapping as understood to a new YAML file."
)
@click.option(
    "--rejects", type=Output(may_be="rejected"), help="File for rejected rows (default: in the store's folder)."
)
@click.option("--replace-card", is_flag=True, help="Allow the card of another company to replace the stored card.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, show a sample, store nothing.")
@common.as_json
@click.pass_context
def ingest(
    context: click.Context,
    paths: tuple[str, ...],
    customers: Path | None,
    labels: Path | None,
    measurements: Path | None,
    aliases: Path | None,
    card: Path | None,
    mapping: Path | None,
    query: str | None,
    sheet: str | None,
    own: str | None,
    customer: str | None,
    unknown_is: "Speaker | None",
    yes: bool,
    write_mapping: Path | None,
    rejects: Path | None,
    replace_card: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Import interactions, all of them or none.

    The rows of an export that were imported before are updated, not added again. Undo an import with: churn-agent
    imports undo.

    PATH is a file (.csv .tsv .jsonl .json, also .gz; .parquet .xlsx .mbox .eml .vtt .srt .txt .duckdb .sqlite), a
    folder of such files, a quoted glob, or the address of a database (sqlite:///..., postgresql+psycopg://...).
    """
    from churn_agent.ingest import written
    from churn_agent.ingest.options import ImportOptions

    if not (paths or customers or labels or measurements or aliases or card):
        raise click.UsageError(
            "give files or folders to import, or --customers, --labels, --measurements, --aliases, --card"
        )
    if write_mapping:
        written.check_new(write_mapping)
    with common.open_agent(context, makes_store=True) as agent:
        with common.reading() as bar:
            task = bar.add_task("reading", total=None)
            options = ImportOptions(
                customers=customers,
                labels=labels,
                measurements=measurements,
                aliases=aliases,
                card=card,
                mapping=mapping,
                query=query,
                sheet=sheet,
                own=_names(own),
                customer=customer,
                unknown_is=unknown_is,
                rejects=rejects,
                replace_card=replace_card,
                dry_run=dry_run,
                ask=common.asker(bar),
                yes=yes,
                progress=lambda source, done, total: bar.update(
                    task, description=source[-40:], completed=done, total=total
                ),
            )
            summary = agent.store.ingest(paths, options)
        has_card = dry_run or agent.store.has_card
    if write_mapping:
        written.write_mapping(write_mapping, summary.mapping, summary.sources, summary.guesses)
        common.note(f"mapping written to {write_mapping}")
    if json_:
        common.print_json(asdict(summary) | {"dry_run": dry_run})
        return
    for line in summary_lines(summary, dry_run=dry_run):
        click.echo(line)
    for line in warnings(summary):
        common.note(line)
    if not has_card:
        common.note("no card of the book yet; to define churn, run: churn-agent ingest --card card.yaml")


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


@click.command()
@click.option("--rebuild", is_flag=True, help="Build a new index beside the old one, then replace it.")
@common.as_json
@click.pass_context
def index(context: click.Context, rebuild: bool, json_: bool) -> None:
    """Embed the texts that are not in the index yet. `assess` also does this, for its customer."""
    with common.open_agent(context) as agent, common.Counting() as bar:
        task = bar.add_task("texts", total=None)
        embedded = agent.store.index(
            rebuild=rebuild, progress=lambda n, total: bar.update(task, completed=n, total=total)
        )
    if json_:
        common.print_json({"embedded": embedded, "rebuilt": rebuild})
    else:
        click.echo(f"{counted(embedded, 'text')} embedded; the index is complete")


@click.command()
@click.option("--search", metavar="TEXT", help="Only ids that contain this text.")
@common.as_json
@click.pass_context
def customers(context: click.Context, search: str | None, json_: bool) -> None:
    """List the customers: id, number of interactions, first day, last day."""
    with common.open_agent(context) as agent:
        summaries, card = agent.store.customers(containing=search or ""), agent.store.card
    if json_:
        common.print_json(summaries)
        return
    for id_, n, first, last in summaries:
        click.echo(f"{id_}\t{n}\t{card.local(first):%Y-%m-%d}\t{card.local(last):%Y-%m-%d}")
    if not summaries:
        common.note(
            "no customers" + (f" with {search!r} in their id" if search else "; run: churn-agent ingest FILE.csv")
        )


@click.command()
@click.argument("customer_id")
@common.as_of
@click.option("--original", is_flag=True, help="Show texts in full, with [what is not read] in brackets.")
@common.as_json
@click.pass_context
def show(context: click.Context, customer_id: str, as_of: date | None, original: bool, json_: bool) -> None:
    """Show the attributes, facts and interactions of a customer."""
    with common.open_agent(context) as agent:
        from churn_agent.evidence import facts as computed

        snapshot = agent.store.snapshot(customer_id, as_of=as_of)
        facts = computed.compute(snapshot)
    if json_:
        common.print_json(
            {
                "customer_id": snapshot.customer_id,
                "as_of": snapshot.as_of,
                "attributes": dict(snapshot.attributes),
                "facts": [fact.model_dump() for fact in facts],
                "interactions": [asdict(interaction) for interaction in snapshot.interactions],
            }
        )
        return
    click.echo(f"Customer {snapshot.customer_id} at {snapshot.as_of}")
    for name, value in snapshot.attributes.items():
        click.echo(f"  {name}: {value}")
    for fact in facts:
        click.echo(f"  {fact.text}")
    click.echo()
    for interaction in snapshot.interactions:
        amount = "" if interaction.amount is None else f" [{interaction.amount:g}]"
        when = f"{snapshot.card.local(interaction.occurred_at):%Y-%m-%d %H:%M}"
        who = f", {interaction.speaker}" + (f" {interaction.author}" if interaction.author else "")
        text = _marked(interaction) if original else " ".join(interaction.text.split())
        click.echo(f"{when}  {interaction.channel}{who}{amount}: {text}")


def _marked(interaction: "Interaction") -> str:
    """Returns the visible text with the parts that are not read in brackets."""
    if not interaction.marks:
        return interaction.original or interaction.text
    return "".join(f"[{kind}: {text}]" if kind and text.strip() else text for kind, text in interaction.pieces)


@click.group()
def data() -> None:
    """Describe the data in the store."""


@data.command()
@click.option("-o", "--output", type=Output(), metavar="FILE", help="Write an .html, .json or .txt file instead.")
@common.as_json
@click.pass_context
def report(context: click.Context, output: Path | None, json_: bool) -> None:
    """Summarise the book: counts, gaps in the data, and their consequences for assessments."""
    from churn_agent.reports import book

    if output and output.suffix not in book.RENDERERS:
        raise click.UsageError(f"{output} must end in {' or '.join(book.RENDERERS)}")
    with common.open_agent(context) as agent:
        statistics, card = agent.store.statistics(), agent.store.card
    if output:
        book.write(statistics, card, output)
        common.note(f"written to {output}")
    if json_:
        common.print_json(book.document(statistics, card))
    elif not output:
        click.echo(book.to_text(statistics, card))


data.add_command(imports)
