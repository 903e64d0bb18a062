"""`outcomes` and `ledger`: outcomes of customers, and how good the forecasts were."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from churn_agent.cli import common
from churn_agent.cli.outputs import Output

if TYPE_CHECKING:
    from churn_agent.measuring.metrics import Interval
    from churn_agent.outcomes.ledger import By


@click.group()
def ledger() -> None:
    """Compare forecasts with outcomes, once their horizon is over."""


@click.group()
def outcomes() -> None:
    """Import the outcomes of customers, or have likely ones suggested."""


@outcomes.command("suggest")
@click.option("-o", "--output", type=Output(), help="Write a .csv file for `outcomes import`, to be confirmed by hand.")
@common.as_json
@click.pass_context
def suggest_outcomes(context: click.Context, output: Path | None, json_: bool) -> None:
    """List customers who seem to have left: contract ended, usage stopped, renewal lost.

    Nothing is stored, and nothing learns from suggestions. To confirm one, copy its day into the column left_on of the
    file, and import that: rows without a day are rejected.
    """
    if output and output.suffix != ".csv":
        raise click.UsageError(f"{str(output)!r}: the name of the file must end in .csv")
    with common.open_agent(context) as agent:
        from churn_agent.files import atomic
        from churn_agent.lookback.suggesting import suggest, to_csv

        suggestions = suggest(agent.store)
        if output:
            atomic.save(output, to_csv(suggestions))
    if json_:
        common.print_json(suggestions)
    elif suggestions:
        table = Table("customer", "why", "day", "evidence")
        for each in suggestions:
            table.add_row(each.customer_id, each.why, f"{each.left_on}", each.evidence)
        common.out.print(table)
    else:
        click.echo("no customer without an outcome seems to have left")
    if output:
        click.echo(f"written: {output}", err=json_)


@outcomes.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@common.as_json
@click.pass_context
def import_outcomes(context: click.Context, file: Path, json_: bool) -> None:
    """Import outcomes from a FILE with customer_id, as_of, churned."""
    with common.open_agent(context) as agent:
        summary = agent.store.ingest([], labels=file)
    common.note_rejected(summary, file)
    if json_:
        common.print_json({"outcomes": summary.labels, "rejected": summary.rejected})
    else:
        click.echo(f"{summary.labels} outcomes imported, {summary.rejected} rows rejected")


@ledger.command("score")
@click.option(
    "--by",
    type=click.Choice(["all", "month", "method", "model", "prompt", "treated", "made"]),
    default="all",
    show_default=True,
    help="Group the forecasts and compare the groups, on shared customers if there are any.",
)
@common.as_json
@click.pass_context
def score(context: click.Context, by: "By", json_: bool) -> None:
    """Score the forecasts with known outcomes, and the account managers' own judgements."""
    with common.open_agent(context) as agent:
        from churn_agent.outcomes.ledger import summarise

        summary = summarise(agent.store, by)
    if json_:
        common.print_json(summary)
        return
    click.echo(
        f"{summary.forecasts} forecasts; {summary.not_over} are not over yet, "
        f"{summary.outcome_unknown} are over without a known outcome"
    )
    if summary.back_tests:
        click.echo(
            f"{summary.back_tests} are back-tests, made after their horizon was over: the method may have been trained "
            "on these outcomes; --by made separates them"
        )
    if not summary.standings:
        common.note("too few outcomes are known to score forecasts; for an estimate: churn-agent ledger expected")
    table = Table(by, "n", "churned", "expected", "Brier", "skill", "slope", "AUROC", "lift of top 10%")
    for row in summary.standings:
        table.add_row(
            row.group,
            str(row.n),
            f"{row.churned:.0%}",
            "" if row.expected is None else f"{row.expected:.0%}",
            "" if row.brier is None else _shown(row.brier),
            "" if row.skill is None else f"{row.skill:+.2f}",
            "" if row.calibration_slope is None else f"{row.calibration_slope:.2f}",
            _shown(row.auroc),
            f"{row.lift:.1f}",
        )
    common.out.print(table)
    for pair in summary.compared:
        customers = "on the same customers" if pair.paired else "on different customers"
        click.echo(f"{pair.first} compared with {pair.second}, {customers}: {pair.conclusion.text}")
    judged = summary.judgements
    if judged.n:
        click.echo(
            f"account managers judged {judged.n} of them: they were right on {judged.right}, the tool on "
            f"{judged.tool_right}; they disagreed on {judged.disagreed} and were right on "
            f"{judged.right_when_disagreeing} of those"
        )


@ledger.command("expected")
@click.argument("run_id", metavar="RUN", default="latest")
@common.as_json
@click.pass_context
def expected(context: click.Context, run_id: str, json_: bool) -> None:
    """Estimate how good the probabilities of a run will turn out to be, before their outcomes are known.

    Only if calibration has held, on earlier outcomes or on customers held out of the training; otherwise it says why
    not. RUN: the first characters of its id, or latest.
    """
    with common.open_agent(context) as agent:
        from churn_agent.outcomes.expected import FIGURES, expect

        found = expect(agent.store, run_id)
    if json_:
        common.print_json(found)
        return
    click.echo(f"calibration {found.calibration.verdict}: {found.calibration.reason}")
    for name, words in FIGURES.items():
        if figure := found.figures.get(name):
            click.echo(f"{words}: {_shown(figure)}")
    if found.figures:
        click.echo(f"expected of {found.customers:,} customers; their outcomes are not known yet")
    if found.left_out:
        click.echo(f"{found.left_out:,} customers are left out: no probability, notice given, or former")


@ledger.command("show")
@click.argument("customer_id")
@common.model_options
@common.as_json
@click.pass_context
def show(context: click.Context, customer_id: str, json_: bool, **model: Any) -> None:
    """Show every forecast about a customer, the causes of each change, and the outcome.

    Causes are known only if the model, prompt and method in use are those that made the forecast.
    """
    with common.open_agent(context, **model) as agent:
        from churn_agent.reports import wording
        from churn_agent.reports.forecasts import explained_forecasts

        forecasts = explained_forecasts(agent, customer_id)
    for explained in forecasts:
        if explained.not_explained:
            common.note(f"change not explained: {explained.not_explained}")
    if json_:
        common.print_json(forecasts)
        return
    table = Table("as of", "number", "band", "causes of change", "method or prompt", "outcome")
    for explained in forecasts:
        forecast, record, moved_by = explained.forecast, explained.forecast.assessment, explained.moved_by
        causes = "unknown"
        if moved_by is not None:
            causes = ", ".join(f"{cause} {100 * change:+.0f}" for cause, change in moved_by.items())
        outcome = "not over yet" if not forecast.over else "unknown"
        if forecast.churned is not None:
            outcome = "churned" if forecast.churned else "stayed"
        number = f"{forecast.number:.0%}" if forecast.calibrated else f"score {100 * forecast.number:.0f}"
        number += f", {wording.ON_WITHDRAWN_DATA}" if record.provenance.on_withdrawn_data else ""
        how = record.provenance.method or record.provenance.prompt
        table.add_row(f"{record.as_of}", number, record.band, causes, how, outcome)
    common.out.print(table)


def _shown(interval: "Interval") -> str:
    if interval.value != interval.value:
        return ""
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
