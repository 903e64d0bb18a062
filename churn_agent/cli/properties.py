"""`runs properties`: scores as a file for the import of a CRM."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from churn_agent.cli import common
from churn_agent.cli.outputs import Output
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.reports.crm.properties import PropertyFile

_SHOWN = 20


@click.command("properties")
@click.argument("run_id", metavar="RUN", default="latest")
@click.option("--for", "crm", type=click.Choice(["hubspot", "salesforce"]), required=True, help="The CRM.")
@click.option("-o", "--output", type=Output(), help="The .csv file to write.")
@click.option("--dry-run", is_flag=True, help="Show what the import would change; write nothing.")
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="An export of the CRM with the key and the properties: only records that differ are written.",
)
@click.option("--key", metavar="COLUMN", help="Column that identifies a record (default: Record ID, or Id).")
@click.option(
    "--key-attribute", metavar="NAME", help="Attribute with a customer's id in the CRM (default: the customer's id)."
)
@click.option("--words", is_flag=True, help="Also the strongest reason in words, with its quote.")
@common.as_json
@click.pass_context
def properties(
    context: click.Context,
    run_id: str,
    crm: Any,
    output: Path | None,
    dry_run: bool,
    against: Path | None,
    key: str | None,
    key_attribute: str | None,
    words: bool,
    json_: bool,
) -> None:
    """Write scores as properties of records, for the import of a CRM.

    No cell is empty, and customers without a number are left out: the import clears no field. RUN: the first characters
    of its id, or latest.
    """
    if output is None and not dry_run:
        raise click.UsageError("name the file with -o, or use --dry-run")
    with common.open_agent(context) as agent:
        from churn_agent.files import atomic
        from churn_agent.reports.crm.properties import property_file

        file = property_file(
            agent.store,
            agent.store.run(run_id),
            crm,
            key=key,
            key_attribute=key_attribute,
            against=against,
            words=words,
        )
        if output and not dry_run:
            atomic.save(output, file.to_csv())
    if json_:
        common.print_json(file)
    else:
        _print(file)
    if output and not dry_run:
        click.echo(f"written: {output}", err=json_)


def _print(file: "PropertyFile") -> None:
    for change in file.changes[:_SHOWN]:
        parts = (f"{name} {change.before[name] or '(empty)'} -> {value}" for name, value in change.after.items())
        click.echo(f"{change.customer_id}: {'; '.join(parts)}")
    if len(file.changes) > _SHOWN:
        click.echo(f"... and {len(file.changes) - _SHOWN:,} more")
    click.echo(
        f"{counted(len(file.changes), 'record')} to write, {file.unchanged:,} unchanged, {file.cleared} fields cleared"
    )
    for n, why in (
        (file.without_number, "without a number: fields stay as they are"),
        (file.without_key, "without an id in the CRM"),
        (file.not_there, "not in the export of the CRM"),
    ):
        if n:
            click.echo(f"{counted(n, 'customer')} {why}")
