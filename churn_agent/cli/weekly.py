"""`weekly`: everything of a Monday morning in one command."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from churn_agent.cli import common
from churn_agent.cli.outputs import Output

if TYPE_CHECKING:
    from churn_agent.weekly.running import StepResult

_PARTLY = 5
"""Exit code if a source failed, some customers failed, or the budget did not cover all of them."""


@click.command()
@click.option(
    "-o",
    "--output",
    type=Output(folder=True),
    default="weekly",
    show_default=True,
    help="Folder for reports, digests and outcomes due; each run has a folder named after its day in it.",
)
@click.option("--dry-run", is_flag=True, help="Show what each step would do; store, write and send nothing.")
@click.option(
    "--budget", metavar="45m|$5", help="Stop assessing after this much time or money; run it again to resume."
)
@click.option("--deep-top", metavar="N|P%", help="Screen all customers; assess only the top N or P% in full.")
@common.capacity_option(" before the next report", least=0)
@click.option(
    "--format",
    "formats",
    type=click.Choice(["html", "pdf", "xlsx", "csv", "jsonl", "md"]),
    multiple=True,
    default=("html",),
    show_default=True,
    help="Format of the reports; repeatable.",
)
@click.option("--to", "places", multiple=True, metavar="URL", help="Also write the scores there, as in batch --to.")
@click.option("--words", is_flag=True, help="With --to: reasons and quotes, too.")
@common.as_of
@common.model_options
@common.method_option
@common.as_json
@click.pass_context
def weekly(
    context: click.Context,
    output: Path,
    dry_run: bool,
    budget: str | None,
    deep_top: str | None,
    capacity: int,
    formats: tuple[str, ...],
    places: tuple[str, ...],
    words: bool,
    as_of: date | None,
    json_: bool,
    **model: Any,
) -> None:
    """Import from the sources on the card, assess, and write scores, reports, digests and outcomes due for review.

    Run it again to resume where it stopped. Exits with 5 if a source failed, some customers failed, or the budget did
    not cover all of them; with the code of the error if a step failed. The log is weekly/log.jsonl in the store.
    """
    with common.open_agent(context, **model) as agent:
        from churn_agent.batch.budget import Budget, Prices, parse_budget
        from churn_agent.batch.cascade import parse_top
        from churn_agent.reports.scores.targets import parse_target
        from churn_agent.weekly.running import WeeklySpec, plan, run_weekly

        common.mention_card(agent)
        spec = WeeklySpec(
            output,
            as_of,
            parse_top(deep_top) if deep_top else None,
            parse_budget(budget, Prices.named(agent.settings)) if budget else Budget(),
            capacity,
            formats,
            tuple(parse_target(place) for place in places),
            words,
        )
        if dry_run:
            steps = list(plan(agent, spec))
            if json_:
                common.print_json({"steps": steps})
            for step in () if json_ else steps:
                _print(step)
            return
        done = run_weekly(agent, spec, tell=_ignore if json_ else _print)
    if json_:
        common.print_json(done)
    common.note(f"log: {done.log}")
    if done.partly:
        raise click.exceptions.Exit(_PARTLY)


def _print(step: "StepResult") -> None:
    what = step.outcome if step.outcome == "done earlier" else step.result or "nothing to do"
    mark = " (in part)" if step.outcome == "in part" else ""
    click.echo(f"{step.step}{mark}: {what}")


def _ignore(step: "StepResult") -> None:
    """Prints nothing: the results are in one JSON document."""
