"""`train` and `calibrate`: learn from labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from churn_agent.cli import common
from churn_agent.cli.outputs import Output
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.learning.stored import MethodInfo


@click.command()
@click.argument("method", required=False)
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE", help="Import these outcomes first.")
@click.option("--mlflow", metavar="URI", help="Also log the method as an MLflow model, on a server or in a folder.")
@common.model_options
@common.as_json
@click.pass_context
def train(
    context: click.Context,
    method: str | None,
    labels: Path | None,
    mlflow: str | None,
    json_: bool,
    **model: Any,
) -> None:
    """Train METHOD on the labels of the store; without METHOD, list all methods and which are trained.

    To use it, run: churn-agent assess CUSTOMER --method METHOD
    """
    with common.open_agent(context, **model) as agent:
        from churn_agent.learning.stored import stored_methods
        from churn_agent.outcomes import training

        if method is None:
            if labels is not None:
                raise click.UsageError("--labels needs a METHOD to train")
            _list(stored_methods(agent.settings.store), json_=json_)
            return
        _import(agent, labels)
        with common.Counting() as bar:
            task = bar.add_task(f"training {method}", total=None)
            info = training.train(agent, method, progress=lambda: bar.advance(task))
        if mlflow:
            from churn_agent.evals.runs.tracking import log_model
            from churn_agent.learning.stored import load

            address = log_model(load(agent.settings.store, info.name).estimator, uri=mlflow, name=info.name)
            common.note(f"logged as {address}")
    _warn(info)
    if json_:
        common.print_json(info.model_dump(mode="json"))
        return
    _print_info(info)
    click.echo(f"use it: churn-agent assess CUSTOMER --method {info.method}")


@click.command()
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE", help="Import these outcomes first.")
@click.option(
    "--plot",
    type=Output(),
    metavar="FILE.svg",
    help="Plot calibration before and after.",
)
@click.option(
    "--perturb",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="Assess N customers again with less evidence, an irrelevant message and a reworded prompt; the more their "
    "numbers change, the wider the intervals.",
)
@click.option("--by", metavar="ATTRIBUTE", help="Adjust probabilities by segment, as far as the outcomes support it.")
@click.option(
    "--from",
    "stores",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    metavar="STORE",
    help="Learn from the outcomes in another store, for a book without outcomes whose card has a base rate; "
    "repeatable.",
)
@common.model_options
@common.as_json
@click.pass_context
def calibrate(
    context: click.Context,
    labels: Path | None,
    plot: Path | None,
    perturb: int,
    by: str | None,
    stores: tuple[Path, ...],
    json_: bool,
    **model: Any,
) -> None:
    """Turn scores into probabilities, using the outcomes in the store. Later assessments use the result.

    With few outcomes, the score itself is calibrated; with more, methods can learn from facts, words and readings. The
    method is chosen on held-out customers.
    """
    if stores and (labels or by):
        raise click.UsageError("--from learns only from other stores: omit --labels and --by")
    with common.open_agent(context, **model) as agent:
        from churn_agent.outcomes import training

        _import(agent, labels)
        with common.Counting() as bar:
            task = bar.add_task("calibrating", total=None)

            def advance() -> None:
                bar.advance(task)

            if stores:
                info = training.carry(agent, stores, perturb=perturb, progress=advance)
            else:
                info = training.train(agent, "calibrated", segment=by, perturb=perturb, progress=advance)
        if plot:
            from churn_agent.reports import calibration

            calibration.write(info, plot)
            common.note(f"drawn: {plot}")
    _warn(info)
    if json_:
        common.print_json(info.model_dump(mode="json"))
        return
    _print_info(info)
    click.echo("assess and batch use it from now on; for the uncalibrated score, add --method none")


def _import(agent: "ChurnAgent", labels: Path | None) -> None:
    if labels is not None:
        summary = agent.store.ingest([], labels=labels)
        common.note_rejected(summary, labels)


def _warn(info: "MethodInfo") -> None:
    """Notes about labels that are told too well."""
    from churn_agent.learning.leaks import SUSPICIOUS_AUROC, TELLING_AUROC

    if info.telling:
        common.note(
            f"warning: each of these tells the outcome alone (AUROC of {TELLING_AUROC} or more): "
            f"{', '.join(info.telling)}; if it was written when the outcome was known, remove it from the data and "
            "train again"
        )
    if info.named_like_an_outcome:
        common.note(
            f"warning: named like an outcome: {', '.join(info.named_like_an_outcome)}; if it was not known before, "
            "remove it from the data and train again"
        )
    if info.auroc >= SUSPICIOUS_AUROC:
        common.note(
            f"warning: an AUROC of {info.auroc:.2f} on held-out customers is rarely true; look for data that were "
            "written after the date of the label"
        )


def _print_info(info: "MethodInfo") -> None:
    left_out = counted(info.left_out, "label belongs to a customer", "labels belong to customers")
    without_history = f"; {left_out} without a history" if info.left_out else ""
    click.echo(f"stored {info.name}: trained on {counted(info.n, 'label')} ({info.churned} churned){without_history}")
    if info.attributes_as_of == "label":
        click.echo("attributes as of the label's date, as the card says")
    if info.treated:
        click.echo(f"left out: {counted(info.treated, 'label')} of customers treated in that period")
    if info.says:
        click.echo(f"chosen: {info.says}")
    table = Table("on held-out customers", "AUROC", "log-loss")
    table.add_row("base rate alone", "0.50", f"{info.log_loss_of_prior:.3f}")
    if info.auroc_before is not None and info.log_loss_before is not None:
        table.add_row("before", f"{info.auroc_before:.2f}", f"{info.log_loss_before:.3f}")
    area = f"{info.auroc:.2f} [{info.auroc_low:.2f}, {info.auroc_high:.2f}]"
    table.add_row(info.name, area, f"{info.log_loss:.3f}")
    common.out.print(table)
    if info.spread:
        click.echo(f"irrelevant changes move numbers by {info.spread:.2f} log-odds; the intervals include that")
    if info.segment:
        table = Table(info.segment, "labels", "churned", "adjustment (log-odds)")
        for name, segment in info.segments.items():
            churned, offset = f"{segment.churned / segment.n:.0%}", f"{segment.offset:+.2f} ± {segment.error:.2f}"
            table.add_row(name, str(segment.n), churned, offset)
        common.out.print(table)


def _list(known: "list[MethodInfo]", *, json_: bool) -> None:
    from churn_agent.learning.ladder import LEARNED

    if json_:
        common.print_json([info.model_dump(mode="json") | {"name": info.name} for info in known])
        return
    table = Table("method", "description", "trained", "labels", "AUROC on held-out customers")
    for method in LEARNED.values():
        kept = [info for info in known if info.method == method.name]
        newest = kept[-1] if kept else None
        area = f"{newest.auroc:.2f} [{newest.auroc_low:.2f}, {newest.auroc_high:.2f}]" if newest else ""
        table.add_row(method.name, method.says, newest.name if newest else "", str(newest.n) if newest else "", area)
    common.out.print(table)
