"""`report`, `digest` and `feedback`: reports for account managers, and their judgements."""

from pathlib import Path
from typing import Any

import click

from churn_agent.cli import common
from churn_agent.cli.corrections import by_option
from churn_agent.cli.outputs import Output
from churn_agent.domain.wording import counted

_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}


@click.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.option(
    "-o",
    "--output",
    "outputs",
    type=Output(),
    multiple=True,
    required=True,
    help="A .html, .pdf, .xlsx, .csv, .jsonl, .md or .ics file; repeatable.",
)
@click.option("--since", metavar="RUN", help="An earlier run: each card shows the causes of the change since then.")
@click.option("--owner", metavar="NAME", help="Only the customers of this account manager.")
@click.option("--per-owner", is_flag=True, help="Also write a report for each account manager.")
@common.capacity_option(" before the next report", least=0)
@click.option(
    "--csv-separator",
    type=click.Choice(list(_SEPARATORS)),
    help="Separator in .csv files (default: the one that Excel expects in the language of the card).",
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
    csv_separator: str | None,
    **model: Any,
) -> None:
    """Write the report of a batch. RUN: the first characters of its id (churn-agent runs list), or latest."""
    with common.open_agent(context, **model) as agent, common.Counting() as bar:
        from churn_agent.reports.portfolio.reporting import write_reports

        task = bar.add_task("changes", total=None, visible=bool(since))
        for path in write_reports(
            agent,
            outputs,
            run_id,
            since=since,
            owner=owner,
            per_owner=per_owner,
            capacity=capacity,
            separator=_SEPARATORS[csv_separator] if csv_separator else None,
            notify=common.note,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        ):
            click.echo(f"written: {path}")


@click.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.option("--owner", metavar="NAME", help="Only the customers of this account manager.")
@click.option("-o", "--output", type=Output(), help="Write an email to this .eml file.")
@click.option("--to", "recipient", metavar="ADDRESS", help="Recipient of the email.")
@click.option("--from", "sender", metavar="ADDRESS", help="Sender of the email (default: the recipient).")
@click.option("--webhook", metavar="URL", help="Post to this address, in the format of Slack's incoming webhooks.")
@click.option("--with-texts", is_flag=True, help="Also send customers' texts to the webhook.")
@click.option(
    "--false-alarms",
    type=click.FloatRange(min=0),
    metavar="N",
    help="Name fewer customers, with at most N expected false alarms.",
)
@common.capacity_option(" before the next digest", least=0)
@click.pass_context
def digest(
    context: click.Context,
    run_id: str,
    owner: str | None,
    output: Path | None,
    recipient: str | None,
    sender: str | None,
    webhook: str | None,
    with_texts: bool,
    false_alarms: float | None,
    capacity: int,
) -> None:
    """Write a short report: an email, a chat message, or (with neither) the text of the email.

    RUN: the first characters of its id (churn-agent runs list), or latest.
    """
    if output and output.suffix != ".eml":
        raise click.UsageError(f"{str(output)!r}: the name of an email file must end in .eml")
    with common.open_agent(context) as agent:
        from churn_agent.reports.portfolio.reporting import build_digest

        built = build_digest(
            agent.store,
            run_id,
            owner=owner,
            recipient=recipient,
            sender=sender,
            false_alarms=false_alarms,
            capacity=capacity,
        )
    if output:
        built.save(output)
        click.echo(f"written: {output}")
    if webhook:
        built.post(webhook, with_texts=with_texts)
        click.echo(f"posted: {counted(len(built.accounts), 'customer')}{'' if with_texts else ', without their texts'}")
    if not output and not webhook:
        click.echo(built.text, nl=False)


@click.group()
def feedback() -> None:
    """Import the judgements of account managers on assessments."""


@feedback.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by_option
@common.as_json
@click.pass_context
def import_feedback(context: click.Context, file: Path, by: str | None, json_: bool) -> None:
    """Import the judgements and corrections that a report saved as FILE (JSON Lines)."""
    with common.open_agent(context) as agent:
        from churn_agent.outcomes.feedback import import_feedback

        imported = import_feedback(agent.store, file, by=by)
    if json_:
        common.print_json(imported)
    else:
        click.echo(f"{imported.added} judgements added, {imported.read - imported.added} already stored")
        if imported.corrections:
            click.echo(f"{imported.corrections} corrections added; to see them: churn-agent corrections list")
    if imported.not_stored:
        common.note(f"{imported.not_stored} corrections are of messages that are not stored, and were left out")
