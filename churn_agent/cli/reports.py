"""`report` and `feedback`: what account managers work from, and what they say of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from churn_agent.cli import common
from churn_agent.errors import FileFormatError
from churn_agent.files import atomic

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.batch.changes import Change
    from churn_agent.history.feedback import Feedback
    from churn_agent.history.runs import Run


@click.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.option(
    "-o",
    "--output",
    "outputs",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    required=True,
    help="A .html, .pdf, .xlsx, .csv, .jsonl, .md or .ics file; repeatable.",
)
@click.option("--since", metavar="RUN", help="An earlier run: each card says what changed the number, and by how much.")
@click.option("--owner", metavar="NAME", help="Only the customers of this account manager.")
@click.option("--per-owner", is_flag=True, help="A report for each account manager beside the one for all.")
@click.option(
    "--capacity",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="Customers that can be called before the next report.",
)
@common.model_options
@click.pass_context
def report(
    context: click.Context,
    run_id: str,
    outputs: tuple[Path, ...],
    since: str | None,
    owner: str | None,
    per_owner: bool,
    capacity: int,
    **model: str | None,
) -> None:
    """Write the report of a batch. RUN: the beginning of its id (churn-agent runs list), or latest."""
    with common.open_agent(context, **model) as agent:
        from churn_agent.history import runs
        from churn_agent.reports.portfolio import building, writing

        for path in outputs:
            writing.check(path)  # before anything takes time
        run = runs.find(agent.store.history, run_id)
        accounts = building.read(agent.store, run)
        owner = building.find_owner(accounts, owner, agent.store.card) if owner else None
        changes = _changes(agent, runs.find(agent.store.history, since), run) if since else {}
        if per_owner and not building.owners(accounts):
            common.note(f"nobody has an owner: no customer has an attribute {agent.store.card.owner_attribute!r}")
        wanted = [owner, *(building.owners(accounts) if per_owner else ())]
        taken = set(outputs)
        for each in wanted:
            portfolio = building.build(agent.store, run, accounts=accounts, owner=each, capacity=capacity)
            for path in outputs:
                to = path if each == owner else writing.path_for(path, each or "", taken=taken)
                writing.write(portfolio, to, changes=changes)
                click.echo(f"written: {to}")


def _changes(agent: "ChurnAgent", before: "Run", now: "Run") -> "dict[str, Change]":
    from churn_agent.batch.changes import explain
    from churn_agent.history import records

    first, second = (list(records.of_run(agent.store.history, run.id)) for run in (before, now))
    with common.Counting() as bar:
        task = bar.add_task("what changed", total=len(second))
        return dict(explain(agent, first, second, progress=lambda: bar.advance(task)))


@click.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.option("--owner", metavar="NAME", help="Only the customers of this account manager.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="An .eml file to be sent as mail."
)
@click.option("--to", "recipient", metavar="ADDRESS", help="Whom the mail is for.")
@click.option("--webhook", metavar="URL", help="Post it there, as Slack's incoming webhooks take it.")
@click.option("--with-texts", is_flag=True, help="Also what customers wrote goes to the webhook.")
@click.option(
    "--false-alarms", type=click.FloatRange(min=0), metavar="N", help="Bear with so many: name fewer customers."
)
@click.option("--capacity", type=click.IntRange(min=0), default=20, show_default=True, metavar="N")
@click.pass_context
def digest(
    context: click.Context,
    run_id: str,
    owner: str | None,
    output: Path | None,
    recipient: str | None,
    webhook: str | None,
    with_texts: bool,
    false_alarms: float | None,
    capacity: int,
) -> None:
    """A report in short: a mail, a message to a chat, or (with neither) the text of the mail."""
    if output and output.suffix != ".eml":
        raise click.UsageError(f"{str(output)!r}: a mail ends in .eml")
    with common.open_agent(context) as agent:
        from churn_agent.history import runs
        from churn_agent.reports.portfolio import building
        from churn_agent.reports.portfolio import digest as digests

        run = runs.find(agent.store.history, run_id)
        everybody = building.read(agent.store, run)
        owner = building.find_owner(everybody, owner, agent.store.card) if owner else None
        portfolio = building.build(agent.store, run, accounts=everybody, owner=owner, capacity=capacity, cards=0)
        accounts = digests.chosen(portfolio, false_alarms=false_alarms)
        mail = digests.to_eml(portfolio, accounts, to=recipient)
        if output:
            atomic.save(output, mail)
            click.echo(f"written: {output}")
        if webhook:
            digests.post(digests.to_chat(portfolio, accounts, with_texts=with_texts), webhook)
            click.echo(f"posted: {len(accounts)} customers{'' if with_texts else ', none of their words'}")
        if not output and not webhook:
            from email import message_from_bytes, policy

            click.echo(message_from_bytes(mail, policy=policy.default).get_content(), nl=False)


@click.group()
def feedback() -> None:
    """What account managers say of assessments."""


@feedback.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@common.as_json
@click.pass_context
def import_feedback(context: click.Context, file: Path, json_: bool) -> None:
    """Bring in the FILE that a report saved (JSON Lines)."""
    found = _read(file)
    with common.open_agent(context) as agent:
        from churn_agent.history.feedback import add

        added = add(agent.store.history, found)
    if json_:
        common.print_json({"read": len(found), "added": added})
    else:
        click.echo(f"{added} judgements added, {len(found) - added} known before")


def _read(file: Path) -> "list[Feedback]":
    from pydantic import ValidationError

    from churn_agent.history.feedback import Feedback

    found: list[Feedback] = []
    for number, line in enumerate(
        file.read_bytes().splitlines(), start=1
    ):  # at line ends alone, not at those of Unicode
        try:
            found.append(Feedback.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise FileFormatError(f"{file}:{number}: {where}: {first['msg']}; nothing was imported") from error
    return found
