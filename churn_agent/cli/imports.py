"""`imports`: the log of imports, and undoing one; `aliases`: ids that mean the same customer."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from churn_agent.cli import common
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.store.store import Undone

_COUNTS = ("rows", "updated", "outdated", "rejected", "empty", "customers", "labels", "measurements", "aliases")


@click.group(invoke_without_command=True)
@common.as_json
@click.pass_context
def imports(context: click.Context, json_: bool) -> None:
    """List imports, show one, undo it, or repeat it with another mapping."""
    if context.invoked_subcommand is None:
        _list(context, json_)


@imports.command("list")
@common.as_json
@click.pass_context
def list_(context: click.Context, json_: bool) -> None:
    """List the imports, oldest first: number, time, interactions added, sources."""
    _list(context, json_)


def _list(context: click.Context, json_: bool) -> None:
    with common.open_agent(context) as agent:
        rows, card = agent.store.imports(), agent.store.card
    if json_:
        common.print_json([asdict(row) | {"can_be_undone": row.can_be_undone} for row in rows])
        return
    for row in rows:
        state = "" if row.state == "stored" else f"  ({row.state})"
        click.echo(
            f"{row.id}  {card.local(row.started_at):%Y-%m-%d %H:%M}  {row.rows_added} added  {row.source}{state}"
        )
        if row.summary.get("rejected"):
            click.echo(f"   {counted(row.summary['rejected'], 'row was', 'rows were')} rejected")
    if not rows:
        common.note("no imports yet; run: churn-agent ingest FILE.csv")


@imports.command()
@click.argument("import_id", type=int, metavar="N")
@common.as_json
@click.pass_context
def show(context: click.Context, import_id: int, json_: bool) -> None:
    """Show an import: the rows that it added, its mapping, and the values that were rejected, cleaned or guessed."""
    with common.open_agent(context) as agent:
        row, card = agent.store.find_import(import_id), agent.store.card
    if json_:
        common.print_json(asdict(row) | {"can_be_undone": row.can_be_undone})
        return
    click.echo(f"import {row.id} of {card.local(row.started_at):%Y-%m-%d %H:%M}: {row.source}")
    if row.state != "stored":
        click.echo(f"state: {row.state}")
    click.echo(f"interactions added: {row.rows_added}")
    for name in _COUNTS:
        if row.summary.get(name):
            click.echo(f"{name}: {row.summary[name]}")
    for name in ("channels", "speakers", "languages", "cleaning"):
        counts = row.summary.get(name)
        if counts:
            click.echo(f"{name}: " + ", ".join(f"{n} {word}" for word, n in counts.items()))
    for guess in row.summary.get("guesses", ()):
        click.echo(f"guessed: {guess['about']}: {guess['taken']} ({guess['evidence']})")
    if row.mapping:
        click.echo("mapping:")
        click.echo(common.as_yaml(row.mapping))


@imports.command()
@click.argument("import_id", type=int, metavar="N")
@click.confirmation_option(prompt="This removes the rows of the import, and its text everywhere. Continue?")
@common.as_json
@click.pass_context
def undo(context: click.Context, import_id: int, json_: bool) -> None:
    """Undo an import: its rows are deleted, or get their earlier values back.

    None of its text stays in the store. Assessments based on its messages keep their number and are marked.
    Run it again if it was interrupted.
    """
    with common.open_agent(context) as agent:
        undone = agent.store.undo_import(import_id)
    if json_:
        common.print_json(asdict(undone) if undone else {"resumed": import_id})
    elif undone is None:
        click.echo(f"import {import_id} is undone now")
    else:
        click.echo(f"import {import_id} undone: {', '.join(_undone(undone)) or 'no row has changed'}")


def _undone(undone: "Undone") -> Iterator[str]:
    """Yields what undoing an import has changed."""
    if undone.removed:
        yield f"{counted(len(undone.removed), 'interaction')} removed"
    if undone.restored:
        yield f"{counted(len(undone.restored), 'interaction')} with the earlier values"
    if undone.kept:
        yield f"{counted(undone.kept, 'interaction')} kept because a later import has the same"
    if undone.measurements:
        yield f"{counted(undone.measurements, 'measurement')} removed"
    if undone.customers:
        yield f"attributes of {counted(undone.customers, 'customer')} changed"
    if undone.labels:
        yield f"{counted(undone.labels, 'label')} changed"
    if undone.records:
        yield f"{counted(undone.records, 'assessment')} marked"


@imports.command()
@click.argument("import_id", type=int, metavar="N")
@click.option("--mapping", type=click.Path(path_type=Path), help="The corrected mapping.")
@click.option("--yes", is_flag=True, help="Accept the answers that the data suggest; ask only the other questions.")
@common.as_json
@click.pass_context
def redo(context: click.Context, import_id: int, mapping: Path | None, yes: bool, json_: bool) -> None:
    """Import the files of an import again with another mapping, replacing its rows."""
    with common.open_agent(context) as agent:
        summary = agent.store.redo_import(import_id, mapping=mapping, ask=common.asker(), yes=yes)
    if json_:
        common.print_json(asdict(summary))
    elif summary.import_id == import_id:
        click.echo(f"import {import_id} was repeated with the same files and the same mapping")
    else:
        parts = [f"{counted(summary.added, 'interaction')} added", f"{summary.updated:,} with new values"]
        click.echo(f"import {summary.import_id} replaces {import_id}: {', '.join(parts)}")


@click.group()
def aliases() -> None:
    """Ids that mean the same customer."""


@aliases.command("list")
@common.as_json
@click.pass_context
def list_aliases(context: click.Context, json_: bool) -> None:
    """List old ids and the customers that they mean."""
    with common.open_agent(context) as agent:
        known = agent.store.aliases()
    if json_:
        common.print_json(known)
        return
    for old, new in known.items():
        click.echo(f"{old}\t{new}")
    if not known:
        common.note("no aliases")


@aliases.command()
@click.argument("old")
@click.argument("new")
@common.as_json
@click.pass_context
def merge(context: click.Context, old: str, new: str, json_: bool) -> None:
    """Treat OLD as another id of the customer NEW, now and in later imports."""
    with common.open_agent(context) as agent:
        moved = agent.store.merge_customers(old, new)
        unknown = agent.store.ids_without_data([old, new])
    if unknown:
        common.note(f"the store has no data of {' and '.join(map(repr, unknown))} yet; the alias counts when they come")
    if json_:
        common.print_json({"old": old, "new": new, "interactions": moved})
    else:
        click.echo(
            f"{counted(moved, 'interaction')} of {old!r} moved to {new!r}; undo it: churn-agent aliases split {old}"
        )


@aliases.command()
@click.argument("old")
@common.as_json
@click.pass_context
def split(context: click.Context, old: str, json_: bool) -> None:
    """Make OLD a separate customer again."""
    with common.open_agent(context) as agent:
        moved = agent.store.split_customer(old)
    if json_:
        common.print_json({"old": old, "interactions": moved})
    else:
        click.echo(f"{old!r} has {counted(moved, 'interaction')} again")
