"""`tasks`: risk items - who does what for a customer by when."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from churn_agent.cli import common
from churn_agent.cli.corrections import by_option
from churn_agent.cli.outputs import Output
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.followup.items import Entry, Item

_PARTLY = 5
"""Exit code if some rows were not imported."""
_STATES = ("open", "working", "saved", "lost", "accepted", "false alarm")
_number = click.argument("number", type=int, metavar="N")
_owner = click.option("--owner", metavar="NAME", help="Only the items of this account manager.")


def _today() -> date:
    return date.today()  # noqa: DTZ011 - the day on the user's clock


@click.group()
def tasks() -> None:
    """Risk items: the customers to look after, with owner, reasons, due date and state.

    Rules open them from a batch (prompts/tasks.yaml). People close them; an item that nobody has touched closes itself
    when its reasons are no longer true.
    """


@tasks.command("update")
@click.argument("run_id", metavar="RUN", default="latest")
@click.option("--dry-run", is_flag=True, help="Show what would change; store nothing.")
@common.as_json
@click.pass_context
def update(context: click.Context, run_id: str, dry_run: bool, json_: bool) -> None:
    """Open, update and close risk items by the rules, from a batch. Running it again changes nothing.

    RUN: the first characters of its id (churn-agent runs list), or latest.
    """
    with common.open_agent(context) as agent:
        from churn_agent.followup.syncing import sync

        synced = sync(agent.store, run_id, dry_run=dry_run)
    if json_:
        common.print_json(synced)
        return
    names = {"opened": "opened", "updated": "updated", "cleared": "closed: reasons no longer true"}
    names |= {"marked": "marked: reasons no longer true", "held back": "not opened"}
    for outcome, name in names.items():
        own = [each for each in synced if each.outcome == outcome]
        if own:
            click.echo(f"{name}: {len(own)}{' (dry run)' if dry_run else ''}")
        for each in own:
            if each.why:
                number = f"{each.number} " if each.number else ""
                click.echo(f"  {number}{each.customer_id}: {each.why}")
    if not synced:
        click.echo("nothing has changed")


@tasks.command("list")
@click.option("--state", "states", type=click.Choice([*_STATES, "cleared"]), multiple=True, help="Only in this state.")
@click.option("--all", "every", is_flag=True, help="Closed items as well.")
@_owner
@click.option("--customer", metavar="ID", help="Only those of a customer.")
@click.option("--overdue", is_flag=True, help="Only open items after their due day.")
@common.as_json
@click.pass_context
def list_(
    context: click.Context,
    states: tuple[Any, ...],
    every: bool,
    owner: str | None,
    customer: str | None,
    overdue: bool,
    json_: bool,
) -> None:
    """List the open risk items: the highest risk first, then by due day."""
    with common.open_agent(context) as agent:
        from churn_agent.followup.items import ACTIVE, items

        chosen = None if every else states or ACTIVE
        found = items(agent.store, states=chosen, owner=owner, customer=customer)
    found = [item for item in found if not overdue or item.overdue(_today())]
    if json_:
        common.print_json(found)
        return
    if not found:
        common.note("no such risk items; to open some from the latest batch: churn-agent tasks update")
        return
    table = Table("N", "customer", "state", "risk", "due", "owner", "why")
    for item in found:
        task = item.task
        late = " (overdue)" if item.overdue(_today()) else ""
        mark = " (reasons no longer true)" if task.untrue_since else ""
        row = (item.customer, f"{task.state}{mark}", task.risk or "", f"{task.due or ''}{late}", task.owner or "")
        table.add_row(str(task.number), *map(escape, row), escape(" ".join(item.says)))
    common.out.print(table)


@tasks.command("show")
@_number
@common.as_json
@click.pass_context
def show(context: click.Context, number: int, json_: bool) -> None:
    """Show a risk item: its reasons with quotes, and its log."""
    with common.open_agent(context) as agent:
        from churn_agent.followup.items import item

        found, log = item(agent.store, number)
    if json_:
        common.print_json(found.as_dict(log))
        return
    _print(found, log)


@tasks.command("set")
@_number
@click.option("--state", type=click.Choice(_STATES), help="The new state.")
@click.option("--owner", metavar="NAME", help="Who looks after it.")
@click.option("--due", type=common.Day(), metavar="DATE", help="The day by which something is due.")
@click.option("--override", type=click.Choice(["low", "medium", "high"]), help="The risk as you see it.")
@click.option("--code", metavar="CODE", help="Why: needed to close it, and with --override.")
@click.option("--note", metavar="TEXT", help="A note for the log.")
@by_option
@click.pass_context
def set_(context: click.Context, number: int, by: str | None, **change: Any) -> None:
    """Change a risk item: take it on, close it, hand it over, move its due day, or disagree with the risk."""
    with common.open_agent(context) as agent:
        from churn_agent.followup.editing import Edit, edit

        task = edit(agent.store, number, Edit(**change), by=by, today=_today())
    code = f" ({task.code})" if task.code else ""
    click.echo(f"risk item {number} of {task.customer_id}: {task.state}{code}, {_when_and_who(task.due, task.owner)}")


@tasks.command("export")
@click.option("-o", "--output", type=Output(), help="The file (.csv).")
@click.option("--changes", is_flag=True, help="Items exported before whose risk or reasons have changed; our columns.")
@click.option("--all", "every", is_flag=True, help="All open items, exported before or not.")
@click.option(
    "--for",
    "layout",
    type=click.Choice(["plain", "salesforce", "hubspot"]),
    default="plain",
    show_default=True,
    help="Names of the columns.",
)
@click.option("--words", is_flag=True, help="Also write quotes of customers.")
@_owner
@click.option("--dry-run", is_flag=True, help="Count the items; write nothing.")
@common.as_json
@click.pass_context
def export(
    context: click.Context,
    output: Path | None,
    changes: bool,
    every: bool,
    layout: Any,
    words: bool,
    owner: str | None,
    dry_run: bool,
    json_: bool,
) -> None:
    """Write a task file for a CRM: risk items that were never exported, each once.

    Load it by the key, as an upsert. What people change over there (owner, due date, state) is in no later file.
    """
    if changes and every:
        raise click.UsageError("give either --changes or --all")
    if bool(output) == dry_run:
        raise click.UsageError("name the file with -o, or give --dry-run")
    with common.open_agent(context) as agent:
        from churn_agent.followup.exporting import export

        part = "changes" if changes else "all" if every else "new"
        done = export(agent.store, output, part=part, layout=layout, words=words, owner=owner)
    if json_:
        common.print_json(done)
        return
    what = "to write" if dry_run else f"written to {output}"
    click.echo(
        f"{counted(done.rows, 'risk item')} {what} ({done.new} new, {done.changed} changed, {done.empty} cleared)"
    )


@tasks.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by_option
@common.as_json
@click.pass_context
def import_(context: click.Context, file: Path, by: str | None, json_: bool) -> None:
    """Import states, owners, due dates and notes of risk items from FILE (CSV), by their key or number.

    Empty cells change nothing. Exits with 5 if some rows were not imported.
    """
    with common.open_agent(context) as agent:
        from churn_agent.followup.importing import import_states

        done = import_states(agent.store, file, by=by, today=_today())
    if json_:
        common.print_json(done)
    else:
        click.echo(f"{counted(done.rows, 'row')} read, {counted(done.changed, 'risk item')} changed")
    if done.undecided:
        numbers = ", ".join(map(str, done.undecided))
        common.note(
            f"done, but without a result: {numbers}; to say how it ended: churn-agent tasks set N --state STATE "
            "--code CODE"
        )
    for row in done.refused:
        common.note(f"{file}:{row.line}: {row.why}; the row was left out")
    if done.refused:
        raise click.exceptions.Exit(_PARTLY)


@tasks.command("figures")
@click.option("--by", "attribute", metavar="ATTRIBUTE", help="Count by an attribute of customers, such as segment.")
@common.as_json
@click.pass_context
def figures(context: click.Context, attribute: str | None, json_: bool) -> None:
    """Count risk items by state. Groups with fewer than five account managers are not shown by name."""
    with common.open_agent(context) as agent:
        from churn_agent.followup.figures import LEAST_PEOPLE, figures

        found = figures(agent.store, by=attribute, today=_today())
    if json_:
        common.print_json(found)
        return
    table = Table("group", *_STATES, "cleared", "overdue")
    for group in found.groups:
        table.add_row(escape(group.name), *(str(n) for n in group.states.values()), str(group.overdue))
    common.out.print(table)
    if found.suppressed:
        groups = counted(found.suppressed, "group is", "groups are")
        common.note(f"{groups} not shown by name: too small, or needed to hide one with under {LEAST_PEOPLE} managers")


def _when_and_who(due: date | None, owner: str | None) -> str:
    return f"{f'due {due}' if due else 'without a due day'}, {owner or 'nobody looks after it'}"


def _print(item: "Item", log: "list[Entry]") -> None:
    from churn_agent.reports import wording

    task = item.task
    click.echo(f"risk item {task.number} of {item.customer}: {task.state}, {_when_and_who(task.due, task.owner)}")
    risk = f"{task.risk or 'no band'}"
    if task.override:
        risk += f" (overridden by a person; assessed as {task.band or 'without a band'})"
    click.echo(f"risk: {risk}; opened {task.opened_on}, reasons as of {task.as_of}, key {task.key}")
    if task.untrue_since:
        click.echo(f"its reasons are no longer true since {task.untrue_since}; close it, or keep it open")
    for line in item.says:
        click.echo(f"  {line}")
    if item.withdrawn:
        click.echo("  the reasons were withdrawn: an import that they rest on was undone")
    for reason in item.reasons:
        click.echo(f"  {wording.statement(reason)}")
        for citation in reason.citations:
            click.echo(f"    {citation.occurred_at:%Y-%m-%d}: {wording.in_their_words(citation)}")
    click.echo("log:")
    for entry in log:
        who = (entry.by or "a person") if entry.person else "churn-agent"
        change = f"{entry.before or 'none'} -> {entry.after}" if entry.after and entry.before else entry.after or ""
        words = " ".join(filter(None, (change, f"({entry.code})" if entry.code else "", entry.note or "")))
        click.echo(f"  {entry.at:%Y-%m-%d} {who}: {entry.what} {words}".rstrip())
