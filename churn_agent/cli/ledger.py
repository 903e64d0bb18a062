"""`outcomes` and `ledger`: what became of customers, and what forecasts were worth."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from churn_agent.cli import common

if TYPE_CHECKING:
    from churn_agent.measuring.metrics import Interval
    from churn_agent.outcomes.ledger import By


@click.group()
def ledger() -> None:
    """What forecasts were worth, once their time was over."""


@click.group()
def outcomes() -> None:
    """What became of customers."""


@outcomes.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@common.as_json
@click.pass_context
def import_outcomes(context: click.Context, file: Path, json_: bool) -> None:
    """Bring in what became of customers: a FILE with customer_id, as_of, churned."""
    with common.open_agent(context) as agent:
        summary = agent.store.ingest([], labels=file)
    if json_:
        common.print_json({"outcomes": summary.labels, "rejected": summary.rejected})
    else:
        click.echo(f"{summary.labels} outcomes brought in, {summary.rejected} rows not taken")


@ledger.command("score")
@click.option(
    "--by",
    type=click.Choice(["all", "month", "method", "model", "prompt", "treated", "made"]),
    default="all",
    show_default=True,
    help="Groups of forecasts; they are also held against each other, on the same customers where they share some.",
)
@common.as_json
@click.pass_context
def score(context: click.Context, by: "By", json_: bool) -> None:
    """How good the forecasts were whose outcome is known, and how the account managers' own judgements did."""
    with common.open_agent(context) as agent:
        from churn_agent.outcomes.ledger import summarise

        summary = summarise(agent.store, by)
    if json_:
        common.print_json(summary)
        return
    click.echo(
        f"{summary.forecasts} forecasts; {summary.not_over} are not over yet, "
        f"of {summary.outcome_unknown} that are the outcome is not known"
    )
    if summary.back_tests:
        click.echo(
            f"{summary.back_tests} were made after their time was over: back-tests, in which a method may have learned "
            "from what it is judged by; --by made tells them apart"
        )
    table = Table(by, "n", "churned", "expected", "Brier", "skill", "slope", "AUROC", "lift of the top tenth")
    for each in summary.standings:
        table.add_row(
            each.group,
            str(each.n),
            f"{each.churned:.0%}",
            "" if each.expected is None else f"{each.expected:.0%}",
            "" if each.brier is None else _shown(each.brier),
            "" if each.skill is None else f"{each.skill:+.2f}",
            "" if each.calibration_slope is None else f"{each.calibration_slope:.2f}",
            _shown(each.auroc),
            f"{each.lift:.1f}",
        )
    common.out.print(table)
    for each in summary.compared:
        whom = "on the same customers" if each.paired else "each on customers of its own"
        click.echo(f"{each.first} against {each.second}, {whom}: {each.verdict.text}")
    judged = summary.judgements
    if judged.n:
        click.echo(
            f"account managers judged {judged.n} of them: {judged.right} came true, {judged.tool_right} of the tool; "
            f"where they disagreed with it ({judged.disagreed}), they were right {judged.right_when_disagreeing} times"
        )


@ledger.command("show")
@click.argument("customer_id")
@common.model_options
@common.as_json
@click.pass_context
def show(context: click.Context, customer_id: str, json_: bool, **model: str | None) -> None:
    """Every forecast about a customer, what moved it from one to the next, and what came of it.

    What moved a forecast is known only where model, prompt and method are still those that made it.
    """
    with common.open_agent(context, **model) as agent:
        from churn_agent.reports.forecasts import explained_forecasts

        forecasts = explained_forecasts(agent, customer_id)
    for explained in forecasts:
        if explained.not_explained:
            common.note(f"not explained: {explained.not_explained}")
    if json_:
        common.print_json(forecasts)
        return
    table = Table("judged at", "number", "band", "moved by", "by", "outcome")
    for explained in forecasts:
        forecast, record, moved_by = explained.forecast, explained.forecast.assessment, explained.moved_by
        why = "not known"
        if moved_by is not None:
            why = ", ".join(f"{cause} {100 * change:+.0f}" for cause, change in moved_by.items())
        outcome = "not over yet" if not forecast.over else "not known"
        if forecast.churned is not None:
            outcome = "left" if forecast.churned else "stayed"
        number = f"{forecast.number:.0%}" if forecast.calibrated else f"score {100 * forecast.number:.0f}"
        how = record.provenance.method or record.provenance.prompt
        table.add_row(f"{record.as_of}", number, record.band, why, how, outcome)
    common.out.print(table)


def _shown(interval: "Interval") -> str:
    if interval.value != interval.value:
        return ""
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
