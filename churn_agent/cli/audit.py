"""`audit`: cards drawn at random, marked by people, and how many of their reasons and actions are right."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from churn_agent.cli import common
from churn_agent.cli.corrections import by_option
from churn_agent.cli.outputs import Output
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent


@click.group(invoke_without_command=True)
@click.option("--random", "n", type=click.IntRange(min=1), metavar="N", help="Draw N cards of a run at random.")
@click.option("--run", "run_id", default="latest", metavar="RUN", help="The run to draw from (default: latest).")
@click.option("--seed", default=0, metavar="N", help="Another number draws other cards.")
@click.option(
    "-o",
    "--output",
    "outputs",
    type=Output(),
    multiple=True,
    help="A .html page or .csv file to mark; repeatable (default: both, in the current folder).",
)
@common.as_json
@click.pass_context
def audit(
    context: click.Context, n: int | None, run_id: str, seed: int, outputs: tuple[Path, ...], json_: bool
) -> None:
    """Draw cards at random for two people to mark, or show the result so far.

    Each marks on the page or in the CSV file; import both files. The next report prints the result in its head.
    """
    if context.invoked_subcommand:
        return
    with common.open_agent(context) as agent:
        if n is None:
            _show(agent, None, json_=json_)
            return
        from churn_agent.errors import InputError
        from churn_agent.files import atomic
        from churn_agent.outcomes.auditing import draw
        from churn_agent.reports.audit import sheet

        odd = next((path for path in outputs if path.suffix not in (".html", ".csv")), None)
        if odd:
            raise InputError(f"{str(odd)!r}: the name of the file must end in .html or .csv")
        drawn = draw(agent.store, run_id, n=n, seed=seed)
        paths = outputs or tuple(Path(f"audit-{drawn.audit_id}{suffix}") for suffix in (".html", ".csv"))
        for path in paths:
            agent.store.check_output(path)
        for path in paths:
            render = sheet.to_html if path.suffix == ".html" else sheet.to_csv
            atomic.save(path, render(agent.store, drawn))
        if len(drawn.cards) < n:
            common.note(f"the run has only {counted(drawn.of, 'assessed customer')}")
    if json_:
        common.print_json({"audit": drawn.audit_id, "cards": len(drawn.cards), "of": drawn.of, "files": paths})
        return
    click.echo(f"audit {drawn.audit_id}: {counted(len(drawn.cards), 'card')} of {drawn.of:,}")
    for path in paths:
        click.echo(f"written: {path}")


@audit.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by_option
@common.as_json
@click.pass_context
def import_file(context: click.Context, file: Path, by: str | None, json_: bool) -> None:
    """Import the marks of one person, and show the result so far. Their earlier marks on a card are replaced."""
    with common.open_agent(context) as agent:
        from churn_agent.outcomes.audit_marks import import_marks

        done = import_marks(agent.store, file, person=by or "unknown")
        common.note(f"{counted(done.marks, 'mark')} on {counted(done.cards, 'card')}; {done.blank:,} left blank")
        if done.forgotten:
            common.note(f"{counted(done.forgotten, 'card')} of customers who were erased since: not stored")
        _show(agent, done.audit_id, json_=json_)


@audit.command("show")
@click.argument("audit_id", metavar="AUDIT", required=False)
@common.as_json
@click.pass_context
def show(context: click.Context, audit_id: str | None, json_: bool) -> None:
    """Show the result of an audit (default: the newest one with marks)."""
    with common.open_agent(context) as agent:
        _show(agent, audit_id, json_=json_)


def _show(agent: "ChurnAgent", audit_id: str | None, *, json_: bool) -> None:
    from churn_agent.errors import InputError
    from churn_agent.outcomes.auditing import audit as measure
    from churn_agent.reports.audit import phrases

    found = measure(agent.store, audit_id)
    if found is None:
        raise InputError("no audit has marks in this store; to draw cards: churn-agent audit --random 50")
    if json_:
        common.print_json({**vars(found), "run": found.run.id})
        return
    for line in phrases.lines(found):
        click.echo(line)
