"""`corrections`: what people said of the signals in messages, and how far it holds."""

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from churn_agent.cli import common
from churn_agent.cli.outputs import Output
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.outcomes.correcting import Correction

_LONGEST = 70
_EXAMPLES = 5


def user() -> str | None:
    """The name of the user of this computer, if there is one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user, or no users
        return None


by_option = click.option("--by", default=user, metavar="NAME", help="Who says so (default: your user name).")
_number = click.argument("number", type=int, metavar="N")


@click.group()
def corrections() -> None:
    """Corrections: whether a message shows a signal. They act at once.

    A correction holds for its message and for messages like it of the same customer; once approved, for those of all
    customers.
    """


@corrections.command("add")
@click.argument("customer_id")
@click.argument("signal")
@click.option("--message", "message_id", metavar="ID", help="The message, by its id (churn-agent show --json).")
@click.option("--containing", metavar="WORDS", help="The message, by some of its words.")
@click.option("--shown/--not-shown", default=None, help="Whether the message shows the signal.")
@by_option
@click.pass_context
def add(
    context: click.Context,
    customer_id: str,
    signal: str,
    message_id: str | None,
    containing: str | None,
    shown: bool | None,
    by: str | None,
) -> None:
    """Say that a message of a customer shows a SIGNAL, or does not."""
    if (message_id is None) == (containing is None):
        raise click.UsageError("which message? Give either --message ID or --containing WORDS")
    if shown is None:
        raise click.UsageError("does it show the signal? Give either --shown or --not-shown")
    with common.open_agent(context) as agent:
        from churn_agent.outcomes import correcting

        correcting.require_signal(signal, agent.store.taxonomy)
        message = correcting.message_of(agent.store, customer_id, id_=message_id, containing=containing)
        correction, new = correcting.correct(agent.store, message, signal, shown=shown, by=by)
    click.echo(f"correction {correction.number} {'stored' if new else 'was already stored'}: {_line(correction)}")


@corrections.command("list")
@click.option("--customer", metavar="ID", help="Only those of a customer.")
@common.as_json
@click.pass_context
def list_(context: click.Context, customer: str | None, json_: bool) -> None:
    """List the corrections."""
    with common.open_agent(context) as agent:
        from churn_agent.outcomes.correcting import listed

        all_corrections = listed(agent.store, customer)
    if json_:
        common.print_json(all_corrections)
        return
    if not all_corrections:
        common.note("no corrections; to make some: churn-agent label --what signals, or churn-agent corrections add")
        return
    table = Table("N", "customer", "signal", "shown", "message", "by", "on", "holds for")
    for correction in all_corrections:
        shown = "yes" if correction.shown else "no"
        when = f"{correction.created_at:%Y-%m-%d}"
        text = _on_one_line(correction.text)[:_LONGEST]
        table.add_row(
            str(correction.number),
            correction.customer_id,
            correction.concept,
            shown,
            text,
            correction.created_by or "",
            when,
            _holds(correction),
        )
    common.out.print(table)


@corrections.command("show")
@_number
@common.as_json
@click.pass_context
def show(context: click.Context, number: int, json_: bool) -> None:
    """Show a correction, and the messages of other customers that it reaches once it is approved."""
    with common.open_agent(context) as agent:
        from churn_agent.outcomes.correcting import reach

        reached = reach(agent.store, number)
    correction = reached.correction
    if json_:
        messages = [
            {"customer_id": hit.interaction.customer_id, "interaction_id": hit.interaction.id,
             "text": hit.interaction.text, "similarity": round(hit.similarity, 3)}
            for hit in reached.hits
        ]  # fmt: skip
        common.print_json({"correction": correction, "reaches": messages})
        return
    click.echo(_line(correction))
    click.echo(f"  {_on_one_line(correction.text)}")
    click.echo(f"holds for: {_holds(correction)}")
    extent = f"{counted(len(reached.hits), 'message')} of {counted(reached.customers, 'customer')}"
    click.echo(f"like it, by other customers: {extent}")
    for hit in reached.hits[:_EXAMPLES]:
        text = _on_one_line(hit.interaction.text)[:_LONGEST]
        click.echo(f"  {hit.interaction.customer_id} ({hit.similarity:.3f}): {text}")


@corrections.command("approve")
@_number
@by_option
@click.pass_context
def approve(context: click.Context, number: int, by: str | None) -> None:
    """Make a correction hold for all customers. See first what it reaches: churn-agent corrections show N."""
    with common.open_agent(context) as agent:
        from churn_agent.outcomes import correcting

        approved = correcting.approve(agent.store, number, by=by)
    click.echo(f"correction {number} now holds for all customers: {_line(approved)}")


@corrections.command("undo")
@_number
@click.pass_context
def undo(context: click.Context, number: int) -> None:
    """Remove a correction. Messages are read again as they were before it."""
    with common.open_agent(context) as agent:
        from churn_agent.outcomes import correcting

        undone = correcting.undo(agent.store, number)
    click.echo(f"correction {number} undone: {_line(undone)}")


@corrections.command("export")
@click.option(
    "-o", "--output", type=Output(), required=True, help="The file (JSON Lines). It contains customers' words."
)
@click.option(
    "--as",
    "kind",
    type=click.Choice(["cases", "messages"]),
    default="cases",
    show_default=True,
    help="Cases for churn-agent check, or messages to train the second reader with.",
)
@click.pass_context
def export(context: click.Context, output: Path, kind: str) -> None:
    """Write the corrections to a file, as cases or as training messages."""
    from churn_agent.files import atomic

    with common.open_agent(context) as agent:
        from churn_agent.outcomes import correcting

        rows = (
            list(correcting.cases(agent.store))
            if kind == "cases"
            else [
                message.model_dump(mode="json", exclude_none=True)
                for message in correcting.training_messages(agent.store)
            ]
        )
    atomic.save(output, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    click.echo(f"{len(rows)} {kind} written to {output}")


def _line(correction: "Correction") -> str:
    verb = "shows" if correction.shown else "does not show"
    by = f", by {correction.created_by}" if correction.created_by else ""
    return f"a message of {correction.customer_id} {verb} {correction.concept}{by}"


def _holds(correction: "Correction") -> str:
    if not correction.in_force:
        return "nothing: the message has changed since"
    if not correction.for_all:
        return "this customer"
    by = f"by {correction.approved_by}, " if correction.approved_by else ""
    return f"all customers (approved {by}{correction.approved_at:%Y-%m-%d})"


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
