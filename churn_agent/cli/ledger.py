"""`outcomes` and `ledger`: what became of customers, and what forecasts were worth."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from churn_agent.cli import common

if TYPE_CHECKING:
    from churn_agent.measuring.metrics import Interval
    from churn_agent.outcomes.ledger import By, Forecast


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
        from churn_agent.history.feedback import all_feedback
        from churn_agent.outcomes import ledger as forecasting

        found = forecasting.forecasts(agent.store)
        standings = forecasting.score(found, by)
        compared = forecasting.compare(found, by)
        judged = forecasting.judgements(found, all_feedback(agent.store.history))
    back_tests = sum(f.back_test for f in found)
    open_, unknown = sum(not f.over for f in found), sum(f.over and f.churned is None for f in found)
    if json_:
        common.print_json(
            {
                "forecasts": len(found),
                "not_over": open_,
                "outcome_unknown": unknown,
                "standings": standings,
                "back_tests": back_tests,
                "compared": compared,
                "judgements": judged,
            }
        )
        return
    click.echo(f"{len(found)} forecasts; {open_} are not over yet, of {unknown} that are the outcome is not known")
    if back_tests:
        click.echo(
            f"{back_tests} were made after their time was over: back-tests, in which a method may have learned from "
            "what it is judged by; --by made tells them apart"
        )
    table = Table(by, "n", "churned", "expected", "Brier", "skill", "slope", "AUROC", "lift of the top tenth")
    for each in standings:
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
    for each in compared:
        whom = "on the same customers" if each.paired else "each on customers of its own"
        click.echo(f"{each.first} against {each.second}, {whom}: {each.verdict.text}")
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
        from churn_agent.batch.changes import explain
        from churn_agent.errors import InputError, NotAsMade
        from churn_agent.outcomes.ledger import forecasts

        found = forecasts(agent.store, customer_id)
        if not found:
            raise InputError(f"no forecast was made about {customer_id!r}; run: churn-agent assess {customer_id}")
        moved: list[dict[str, float] | None] = [{}]
        for before, after in itertools.pairwise(found):
            try:
                [(_, change)] = explain(agent, [before.assessment], [after.assessment])
                moved.append(change.seen)
            except NotAsMade as error:
                moved.append(None)
                common.note(f"not explained: {error}")
    if json_:
        common.print_json([_as_dict(each, parts) for each, parts in zip(found, moved, strict=True)])
        return
    table = Table("judged at", "number", "band", "moved by", "by", "outcome")
    for each, parts in zip(found, moved, strict=True):
        how = each.assessment.provenance
        why = "not known" if parts is None else ", ".join(f"{name} {100 * part:+.0f}" for name, part in parts.items())
        outcome = "not over yet" if not each.over else "not known"
        if each.churned is not None:
            outcome = "left" if each.churned else "stayed"
        number = f"{each.number:.0%}" if each.calibrated else f"score {100 * each.number:.0f}"
        table.add_row(f"{each.assessment.as_of}", number, each.assessment.band, why, how.method or how.prompt, outcome)
    common.out.print(table)


def _as_dict(each: "Forecast", parts: dict[str, float] | None) -> dict[str, object]:
    return {
        "as_of": each.assessment.as_of,
        "number": each.number,
        "calibrated": each.calibrated,
        "band": each.assessment.band,
        "method": each.assessment.provenance.method,
        "moved_by": parts,
        "over": each.over,
        "churned": each.churned,
        "treated": each.treated,
    }


def _shown(interval: "Interval") -> str:
    if interval.value != interval.value:
        return ""
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
