"""`ingest`, `index`, `customers`, `show`, `forget`."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from churn_agent.cli import common

if TYPE_CHECKING:
    from churn_agent.ingest.importing import ImportSummary

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHOWN_TEMPLATES = 3


@click.command()
@click.argument("customer_id")
@click.confirmation_option(prompt="Nothing of the customer but numbers without a name will be left. Go on?")
@common.as_json
@click.pass_context
def forget(context: click.Context, customer_id: str, json_: bool) -> None:
    """Take a customer out of the store: words, attributes, judgements, and what models wrote.

    Forecasts stay in the ledger with their date and outcome, under a name that leads to nobody. Files outside the
    store (exports, rejected rows, reports) are not touched, and methods that were trained are to be trained again.
    Run it again if it was cut off.
    """
    from churn_agent.store.places import PLACES

    with common.open_agent(context) as agent:
        removed = agent.store.forget(customer_id)
    if json_:
        common.print_json({"interactions": removed.interactions, "forecasts_kept": removed.forecasts})
    else:
        click.echo(f"{removed.interactions} interactions are gone; {removed.forecasts} forecasts stay without a name")
    outside = "; ".join(place.holds for place in PLACES if place.kind == "outside")
    common.note(f"outside the store, and yours to delete: {outside}")


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--customers", type=_FILE, help="File of customers' attributes (column customer_id).")
@click.option("--labels", type=_FILE, help="File of outcomes (customer_id, as_of, churned, horizon_days).")
@click.option("--card", type=_FILE, help="YAML card of the book: company, what churn means, horizon.")
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    help="YAML file that says which column is which; or one that ships: hubspot, intercom, stripe, zendesk.",
)
@click.option("--query", metavar="SQL", help="What to read from a database.")
@click.option("--rejects", type=_FILE, help="File for rows that are not taken (default: in the store's folder).")
@click.option("--replace-card", is_flag=True, help="Let a card of another company replace the stored card.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, store nothing, show a sample.")
@common.as_json
@click.pass_context
def ingest(
    context: click.Context,
    paths: tuple[str, ...],
    customers: Path | None,
    labels: Path | None,
    card: Path | None,
    mapping: Path | None,
    query: str | None,
    rejects: Path | None,
    replace_card: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Bring in interactions; all or nothing.

    PATH is a file (.csv .tsv .jsonl .json, also .gz; .parquet .xlsx .mbox .eml .vtt .srt .duckdb .sqlite), a folder
    that holds some, a glob in quotes, or the address of a database (sqlite:///..., postgresql+psycopg://...).
    """
    if not (paths or customers or labels or card):
        raise click.UsageError("give files or folders to import, or --customers, --labels, --card")
    with common.open_agent(context) as agent:
        with common.reading() as bar:
            task = bar.add_task("reading", total=None)
            summary = agent.store.ingest(
                paths,
                customers=customers,
                labels=labels,
                card=card,
                mapping=mapping,
                query=query,
                rejects=rejects,
                replace_card=replace_card,
                dry_run=dry_run,
                progress=lambda source, done, total: bar.update(
                    task, description=source[-40:], completed=done, total=total
                ),
            )
        has_card = agent.store.has_card
    if json_:
        common.print_json(asdict(summary) | {"dry_run": dry_run})
        return
    _print_import(summary, dry_run)
    if dry_run:
        _print_sample(summary)
    elif not has_card:
        common.note("no card of the book yet: say what churn means here with  churn-agent ingest --card card.yaml")


def _print_import(summary: "ImportSummary", dry_run: bool) -> None:
    verb = "would be added" if dry_run else "added"
    click.echo(
        f"{summary.added} interactions {verb}, {summary.already_known} known before; "
        f"{summary.customers} customers, {summary.labels} labels"
    )
    if summary.first and summary.last:
        click.echo(f"from {summary.first:%Y-%m-%d} to {summary.last:%Y-%m-%d}: {_most(summary.channels)}")
    if summary.cleaning:
        click.echo(f"cleaned: {_most(summary.cleaning)}")
    if summary.languages:
        click.echo(f"languages: {_most(summary.languages)}")
    for text, n in summary.templates[:_SHOWN_TEMPLATES]:
        click.echo(f"{n} x the same but for numbers: {' '.join(text.split())[:70]!r}")
    if summary.empty:
        click.echo(f"{summary.empty} rows without text and amount were skipped")
    if summary.passed_over:
        click.echo(f"{summary.passed_over} rows were passed over, as the mapping says")
    if summary.in_the_future:
        common.note(f"warning: {summary.in_the_future} interactions lie in the future")
    for entry in summary.first_rejected:
        common.note(f"not taken: {entry['file']}:{entry['line']}: {entry['reason']}")
    if summary.rejected:
        where = f", all in {summary.rejects_file}" if summary.rejects_file else ""
        click.echo(f"{summary.rejected} rows were not taken{where}")


def _print_sample(summary: "ImportSummary") -> None:
    for interaction in summary.sample:
        when = f"{interaction.occurred_at:%Y-%m-%d %H:%M}"
        head = f"  {interaction.customer_id!r} {when} {interaction.channel}"
        if interaction.original is None:
            click.echo(f"{head}: {interaction.text[:80]!r}")
        else:
            click.echo(
                f"{head}, cleaned\n    before: {interaction.original[:200]!r}\n    after:  {interaction.text[:200]!r}"
            )


def _most(counts: Mapping[str, int]) -> str:
    """The most frequent ones, in words."""
    pairs = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{n} {name}" for name, n in pairs[:6]) + (", ..." if len(pairs) > 6 else "")


@click.command()
@click.option("--rebuild", is_flag=True, help="Make the whole index anew, beside the old one, and swap.")
@common.as_json
@click.pass_context
def index(context: click.Context, rebuild: bool, json_: bool) -> None:
    """Embed the texts that are not in the index yet; `assess` also does this, for its customer."""
    with common.open_agent(context) as agent, common.Counting() as bar:
        task = bar.add_task("texts", total=None)
        done = agent.store.index(rebuild=rebuild, progress=lambda n, total: bar.update(task, completed=n, total=total))
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
@common.as_json
@click.pass_context
def show(context: click.Context, customer_id: str, as_of: date | None, json_: bool) -> None:
    """Show the history of a customer, with attributes and facts."""
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
                "interactions": [asdict(each) for each in snapshot.interactions],
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
        when = f"{snapshot.card.local(each.occurred_at):%Y-%m-%d %H:%M}"
        click.echo(f"{when}  {each.channel}{amount}: {' '.join(each.text.split())}")


@click.group()
def data() -> None:
    """What the store holds."""


@data.command()
@click.option("-o", "--output", type=_FILE, metavar="FILE", help="Write a page (.html), .json or .txt instead.")
@common.as_json
@click.pass_context
def report(context: click.Context, output: Path | None, json_: bool) -> None:
    """Count what the book holds, show what is thin, and say what that means for assessments."""
    from churn_agent.reports import book

    if output and output.suffix not in book.RENDERERS:
        raise click.UsageError(f"{output} must end in {' or '.join(book.RENDERERS)}")
    with common.open_agent(context) as agent:
        found, card = agent.store.statistics(), agent.store.card
    if output:
        book.write(found, card, output)
        common.note(f"written to {output}")
    if json_:
        common.print_json(book.document(found, card))
    elif not output:
        click.echo(book.to_text(found, card))


@data.command()
@common.as_json
@click.pass_context
def imports(context: click.Context, json_: bool) -> None:
    """List the imports with what was done to their rows: columns, cleaning steps, languages, rows not taken."""
    with common.open_agent(context) as agent:
        found, card = agent.store.imports(), agent.store.card
    if json_:
        common.print_json(found)
        return
    for each in found:
        click.echo(f"{card.local(each['started_at']):%Y-%m-%d %H:%M}  {each['rows_added']} added  {each['source']}")
        for name in ("cleaning", "languages"):
            if each.get(name):
                click.echo(f"  {name}: {_most(each[name])}")
        if each.get("rejected"):
            click.echo(f"  {each['rejected']} rows were not taken")
    if not found:
        common.note("nothing was imported yet; run: churn-agent ingest FILE.csv")
