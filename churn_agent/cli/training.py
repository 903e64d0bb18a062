"""`train` and `calibrate`: what is learned from labels."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from churn_agent.cli import common

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.learning.kept import KeptCard


@click.command()
@click.argument("method", required=False)
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE", help="Import these outcomes first.")
@click.option("--mlflow", metavar="URI", help="Also log it as a model of MLflow, on a server or in a folder.")
@common.model_options
@common.as_json
@click.pass_context
def train(
    context: click.Context,
    method: str | None,
    labels: Path | None,
    mlflow: str | None,
    json_: bool,
    **model: str | None,
) -> None:
    """Train METHOD on the labels of the store and keep it; without METHOD, list what there is and what is kept.

    Use it with: churn-agent assess CUSTOMER --method METHOD
    """
    with common.open_agent(context, **model) as agent:
        from churn_agent.learning.kept import kept_cards
        from churn_agent.outcomes import training

        if method is None:
            if labels is not None:
                raise click.UsageError("say which METHOD is to be trained")
            _list(kept_cards(agent.settings.store), json_=json_)
            return
        _import(agent, labels)
        with common.Counting() as bar:
            task = bar.add_task(f"training {method}", total=None)
            card = training.train(agent, method, progress=lambda: bar.advance(task))
        if mlflow:
            from churn_agent.evals.runs.tracking import log_model
            from churn_agent.learning.kept import load

            address = log_model(load(agent.settings.store, card.name).estimator, uri=mlflow, name=card.name)
            common.note(f"logged as {address}")
    if json_:
        common.print_json(card.model_dump(mode="json"))
        return
    _tell(card)
    click.echo(f"use it: churn-agent assess CUSTOMER --method {card.method}")


@click.command()
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE", help="Import these outcomes first.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.svg", help="Draw before and after."
)
@click.option(
    "--perturb",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="Judge N customers again with less evidence, an irrelevant message and the prompt in other words; how far "
    "their numbers move widens the intervals.",
)
@click.option("--by", metavar="ATTRIBUTE", help="Move probabilities by segment, as far as the outcomes carry it.")
@click.option(
    "--from",
    "stores",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    metavar="STORE",
    help="Learn from the outcomes in another store, for a book without any whose card has a base rate. Can be given "
    "several times.",
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
    **model: str | None,
) -> None:
    """Make the score a probability, by the outcomes in the store. Assessments use it from then on.

    Few outcomes bend the score itself; more carry methods that learn from facts, words and readings. Which is used is
    decided on customers that it has not seen.
    """
    if stores and (labels or by):
        raise click.UsageError("--from learns from other stores alone: leave --labels and --by out")
    with common.open_agent(context, **model) as agent:
        from churn_agent.outcomes import training

        _import(agent, labels)
        with common.Counting() as bar:
            task = bar.add_task("calibrating", total=None)

            def advance() -> None:
                bar.advance(task)

            if stores:
                card = training.carry(agent, stores, perturb=perturb, progress=advance)
            else:
                card = training.train(agent, "calibrated", segment=by, perturb=perturb, progress=advance)
        if plot:
            from churn_agent.reports import calibration

            calibration.write(card, plot)
            common.note(f"drawn: {plot}")
    if json_:
        common.print_json(card.model_dump(mode="json"))
        return
    _tell(card)
    click.echo("assess and batch use it from now on; the score as it was before: --method none")


def _import(agent: "ChurnAgent", labels: Path | None) -> None:
    if labels is not None:
        rejected = agent.store.ingest([], labels=labels).rejected
        if rejected:
            common.note(f"{rejected} rows of {labels} were not taken; see the store's folder `rejected`")


def _tell(card: "KeptCard") -> None:
    without = f"; {card.left_out} labels are of customers without a history" if card.left_out else ""
    click.echo(f"kept {card.name}: learned from {card.n} labels ({card.churned} churned){without}")
    if card.treated:
        click.echo(f"not learned from: {card.treated} labels of customers whom somebody tried to keep in that time")
    if card.says:
        click.echo(f"chosen: {card.says}")
    table = Table("on customers it has not seen", "AUROC", "log-loss")
    table.add_row("base rate alone", "0.50", f"{card.log_loss_of_prior:.3f}")
    if card.auroc_before is not None and card.log_loss_before is not None:
        table.add_row("before", f"{card.auroc_before:.2f}", f"{card.log_loss_before:.3f}")
    area = f"{card.auroc:.2f} [{card.auroc_low:.2f}, {card.auroc_high:.2f}]"
    table.add_row(card.name, area, f"{card.log_loss:.3f}")
    common.out.print(table)
    if card.spread:
        click.echo(
            f"where nothing that matters changes, numbers move by {card.spread:.2f} log-odds; intervals hold that"
        )
    if card.segment:
        table = Table(card.segment, "labels", "churned", "moved by (log-odds)")
        for name, each in card.segments.items():
            table.add_row(name, str(each.n), f"{each.churned / each.n:.0%}", f"{each.offset:+.2f} ± {each.error:.2f}")
        common.out.print(table)


def _list(cards: "list[KeptCard]", *, json_: bool) -> None:
    from churn_agent.learning.ladder import LEARNED

    if json_:
        common.print_json([card.model_dump(mode="json") | {"name": card.name} for card in cards])
        return
    table = Table("method", "what it is", "kept", "labels", "AUROC on strangers")
    for method in LEARNED.values():
        kept = [card for card in cards if card.method == method.name]
        newest = kept[-1] if kept else None
        area = f"{newest.auroc:.2f} [{newest.auroc_low:.2f}, {newest.auroc_high:.2f}]" if newest else ""
        table.add_row(method.name, method.says, newest.name if newest else "", str(newest.n) if newest else "", area)
    common.out.print(table)
