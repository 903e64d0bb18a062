"""`batch` and `runs`: many customers, and the log of that."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress
from rich.table import Column, Table

from churn_agent.cli import common

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.batch.estimating import Estimate
    from churn_agent.batch.running import BatchSummary

_PARTLY = 5
"""Exit code where some failed, or the budget was not enough for all."""
_STATUSES = ("assessed", "abstained", "screened", "failed")
_SHORT = 8
"""Characters of a run's id that are shown."""


def _selection(command: common.F) -> common.F:
    """Who is assessed, and how much of it now."""
    file = click.Path(path_type=Path, dir_okay=False)
    for option in (
        click.option("-o", "--output", type=file, help="JSON Lines file (default: in the store); it is gone on with."),
        click.option("--dry-run", is_flag=True, help="Say what it would take, and do nothing."),
        click.option("--budget", metavar="45m|$5", help="Stop after so much time or money; run it again to go on."),
        click.option("--deep-top", metavar="N|P%", help="Screen all, and assess only so many on top in full."),
        click.option("--screen-all", is_flag=True, help="The same as --deep-top 10%."),
        click.option("--only-failed", is_flag=True, help="Only who failed in an earlier call on the same file."),
        click.option("--only-new", is_flag=True, help="Only who did something since their last assessment."),
        click.option("--part", metavar="K/N", help="Only the K-th of N parts, at random: try one method on each."),
        click.option("--where", metavar="CONDITION", help="On attributes: 'segment = smb and owner in (ana, bob)'."),
        click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N customers, by id."),
    ):
        command = option(command)
    return command


@click.command()
@common.as_of
@_selection
@common.model_options
@common.method_option
@common.as_json
@click.pass_context
def batch(
    context: click.Context,
    as_of: date | None,
    limit: int | None,
    where: str | None,
    part: str | None,
    only_new: bool,
    only_failed: bool,
    screen_all: bool,
    deep_top: str | None,
    budget: str | None,
    dry_run: bool,
    output: Path | None,
    json_: bool,
    **model: Any,
) -> None:
    """Assess the customers of the book, one record a line. Run it again to go on where it stopped.

    Leaves with 5 if some failed (they stand with their reasons in FILE.failures.jsonl), or if the budget was not enough
    for all.
    """
    with common.open_agent(context, **model) as agent:
        from churn_agent.batch.budget import Budget, Prices, parse_budget
        from churn_agent.batch.cascade import parse_top
        from churn_agent.batch.choosing import parse_part
        from churn_agent.batch.estimating import estimate
        from churn_agent.batch.running import BatchSpec, default_path, failures_path, run_batch

        common.mention_card(agent)
        wanted = deep_top or ("10%" if screen_all else None)
        spec = BatchSpec(
            as_of=as_of,
            where=where,
            part=parse_part(part) if part else None,
            only_new=only_new,
            only_failed=only_failed,
            limit=limit,
            top=parse_top(wanted) if wanted else None,
            budget=parse_budget(budget, Prices.named(agent.settings)) if budget else Budget(),
        )
        path = output or default_path(agent, spec)
        if dry_run:
            guess = estimate(agent, path, spec)
            _tell_estimate(guess, json_=json_)
            _mention_nobody(agent, where, guess.customers)
            return
        with common.Counting() as bar:
            summary = run_batch(agent, path, spec, progress=_shown_on(bar))
        _mention_nobody(agent, where, summary.customers)
    if summary.drifted:
        common.note(
            f"customers differ from those that {agent.method} learned from ({'; '.join(summary.drifted[:3])}): "
            "train it again as soon as there are new outcomes"
        )
    counts = {status: summary.statuses.get(status, 0) for status in _STATUSES}
    if json_:
        common.print_json({**vars(summary), "statuses": counts, **counts})
    else:
        words = _counted(counts) or "nothing left to do"
        click.echo(f"{summary.customers} customers at {summary.as_of}: {words}; {summary.already_done} done before")
        click.echo(f"run {summary.run_id[:_SHORT]}: {path}")
        if summary.left:
            click.echo(f"the budget is spent: {summary.left} customers are left; run the same command to go on")
        if counts["failed"]:
            click.echo(f"why they failed: {failures_path(path)}; again: the same command with --only-failed")
    if counts["failed"] or summary.left:
        raise click.exceptions.Exit(_PARTLY)


def _mention_nobody(agent: "ChurnAgent", where: str | None, customers: int) -> None:
    """A word on a condition that nobody fits: most are written wrongly."""
    from churn_agent.batch.choosing import values_there

    if where and not customers:
        there = "; ".join(f"{name}: {', '.join(values)}" for name, values in values_there(agent, where).items())
        common.note(f"nobody fits {where!r}. The commonest values: {there}")


def _counted(counts: Mapping[str, int]) -> str:
    """`30 assessed, 270 screened`."""
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n)


@click.group()
def runs() -> None:
    """The log of batches."""


@runs.command("list")
@common.as_json
@click.pass_context
def list_runs(context: click.Context, json_: bool) -> None:
    """All runs, the one that was worked on last first."""
    with common.open_agent(context) as agent:
        found, card = agent.store.runs(), agent.store.card
    if json_:
        common.print_json(found)
        return
    whole = [Column(name, no_wrap=True) for name in ("run", "worked on", "customers at", "of")]
    table = Table(*whole, "came to")
    for run in found:
        worked_on = f"{card.local(run.updated_at or run.created_at):%Y-%m-%d %H:%M}"
        came_to = _counted({name: run.summary.get(name, 0) for name in (*_STATUSES, "left")})
        table.add_row(run.id[:_SHORT], worked_on, run.spec["as_of"], str(run.summary.get("customers", "?")), came_to)
    common.out.print(table)


@runs.command("show")
@click.argument("run_id", metavar="RUN", default="latest")
@common.as_json
@click.pass_context
def show_run(context: click.Context, run_id: str, json_: bool) -> None:
    """What a run was asked for and what it came to. RUN: the beginning of its id, or latest."""
    with common.open_agent(context) as agent:
        run, card = agent.store.run(run_id), agent.store.card
    if json_:
        common.print_json(run)
        return
    click.echo(f"run {run.id}, begun {card.local(run.created_at):%Y-%m-%d %H:%M} ({card.time_zone})")
    for name, value in {**run.spec, **run.summary}.items():
        if value not in (None, False):
            click.echo(f"  {name.replace('_', ' ')}: {value}")


@runs.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@common.as_json
@click.pass_context
def diff(context: click.Context, first: str, second: str, json_: bool) -> None:
    """What differs between two runs: what was asked for, and the customers whose band changed."""
    with common.open_agent(context) as agent:
        from churn_agent.batch.comparing import compare

        found = compare(agent.store, first, second)
    if json_:
        common.print_json(found)
        return
    for name, (before, after) in found.spec.items():
        click.echo(f"{name.replace('_', ' ')}: {before} -> {after}")
    click.echo(f"{found.both} customers in both, {len(found.only_first)} only in A, {len(found.only_second)} only in B")
    table = Table("customer", "band", "was", "number", "was")
    for each in found.moved:
        numbers = ("" if value is None else f"{value:.2f}" for value in (each.value, each.value_before))
        table.add_row(each.customer_id, each.band or "none", each.band_before or "none", *numbers)
    common.out.print(table)


def _tell_estimate(found: "Estimate", *, json_: bool) -> None:
    if json_:
        common.print_json(found)
        return
    click.echo(
        f"{found.customers} customers, {found.already_done} done before; "
        f"{found.in_full} would be assessed" + (" in full" if found.in_full < found.customers else "")
    )
    if found.tokens is None or found.seconds is None:
        return  # nobody is left
    money = f", {found.money:.2f} in money" if found.money else ""
    judged_by = "that were assessed for this" if found.tried else "earlier assessments"
    click.echo(
        f"about {found.tokens:,.0f} tokens, {found.seconds / 60:.0f} minutes{money} "
        f"(judged by {found.based_on} {judged_by}; what was paid before costs nothing)"
    )


def _shown_on(bar: Progress) -> "Callable[[BatchSummary], None]":
    task = bar.add_task("customers", total=None)

    def show(summary: "BatchSummary") -> None:
        counts = [f"{n} {status}" for status in _STATUSES if (n := summary.statuses.get(status))]
        screening = summary.screenings and not counts
        done = summary.screenings if screening else summary.finished
        bar.update(
            task,
            description="screening" if screening else ", ".join(counts) or "customers",
            completed=done,
            total=summary.to_screen if screening else summary.customers,
        )

    return show
