"""`batch` and `runs`: assess many customers, and list past runs."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress
from rich.table import Column, Table

from churn_agent.cli import common
from churn_agent.cli.outputs import Output
from churn_agent.cli.properties import properties
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.batch.estimating import Estimate
    from churn_agent.batch.running import BatchSummary
    from churn_agent.errors import ChurnAgentError
    from churn_agent.reports.scores.publishing import Published
    from churn_agent.reports.scores.targets import Target

_PARTLY = 5
"""Exit code if some customers failed, or the budget did not cover all of them."""
_DIFFERS = 1
"""Exit code if a record has other values when it is computed again."""
_STATUSES = ("assessed", "abstained", "screened", "failed")
_SHORT = 8
"""Characters shown of a run's id."""
_SHOWN = 80
"""Characters shown of a value that differs."""


def _selection(command: common.F) -> common.F:
    """The options that select customers and limit the work."""
    file = Output(may_be="batches")
    for option in (
        click.option(
            "-o", "--output", type=file, help="JSON Lines file (default: in the store); an existing one is resumed."
        ),
        click.option("--dry-run", is_flag=True, help="Estimate time and tokens; assess nothing."),
        click.option("--budget", metavar="45m|$5", help="Stop after this much time or money; run it again to resume."),
        click.option("--deep-top", metavar="N|P%", help="Screen all customers; assess only the top N or P% in full."),
        click.option("--screen-all", is_flag=True, help="Same as --deep-top 10%."),
        click.option(
            "--only-failed", is_flag=True, help="Only customers that failed in an earlier run with this file."
        ),
        click.option("--only-new", is_flag=True, help="Only customers with activity since their last assessment."),
        click.option("--part", metavar="K/N", help="Only the K-th of N random parts, to try a method on each."),
        click.option(
            "--where", metavar="CONDITION", help="Condition on attributes: 'segment = smb and owner in (ana, bob)'."
        ),
        click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N customers, by id."),
    ):
        command = option(command)
    return command


@click.command()
@common.as_of
@_selection
@click.option(
    "--to",
    "places",
    multiple=True,
    metavar="URL",
    help="Also write the scores to FILE.duckdb, FILE.parquet or postgresql://...; only rows that changed. Repeatable.",
)
@click.option("--words", is_flag=True, help="With --to: reasons and quotes, too.")
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
    places: tuple[str, ...],
    words: bool,
    json_: bool,
    **model: Any,
) -> None:
    """Assess all customers and write one record per line. Run it again to resume where it stopped.

    Exits with 5 if some customers failed (FILE.failures.jsonl lists them with reasons), or if the budget did not cover
    all of them.
    """
    with common.open_agent(context, **model) as agent:
        from churn_agent.batch.budget import Budget, Prices, parse_budget
        from churn_agent.batch.cascade import parse_top
        from churn_agent.batch.choosing import parse_part
        from churn_agent.batch.estimating import estimate
        from churn_agent.batch.running import BatchSpec, default_path, failures_path, run_batch

        common.mention_card(agent)
        top = deep_top or ("10%" if screen_all else None)
        spec = BatchSpec(
            as_of=as_of,
            where=where,
            part=parse_part(part) if part else None,
            only_new=only_new,
            only_failed=only_failed,
            limit=limit,
            top=parse_top(top) if top else None,
            budget=parse_budget(budget, Prices.named(agent.settings)) if budget else Budget(),
        )
        path = output or default_path(agent, spec)
        if dry_run:
            guess = estimate(agent, path, spec)
            _print_estimate(guess, json_=json_)
            _mention_no_match(agent, where, guess.customers)
            return
        targets = _targets(agent, places)
        with common.Counting() as bar:
            summary = run_batch(agent, path, spec, progress=_shown_on(bar))
        _mention_no_match(agent, where, summary.customers)
        published, not_written = _published(agent, summary.run_id, targets, words=words)
    if summary.drifted:
        common.note(
            f"customers differ from those that {agent.method} was trained on ({'; '.join(summary.drifted[:3])}): "
            "train it again when there are new outcomes"
        )
    counts = {status: summary.statuses.get(status, 0) for status in _STATUSES}
    if json_:
        common.print_json({**vars(summary), "statuses": counts, **counts, "to": published})
    else:
        results = _counted(counts) or "nothing left to do"
        of = counted(summary.customers, "customer")
        click.echo(f"{of} at {summary.as_of}: {results}; {summary.already_done:,} done earlier")
        click.echo(f"run {summary.run_id[:_SHORT]}: {path}")
        for one in published:
            rows = f"{one.new} new, {one.changed} changed, {one.unchanged} unchanged, {one.removed} removed"
            click.echo(f"{one.to}: {rows}")
        if summary.left:
            left = counted(summary.left, "customer is", "customers are")
            click.echo(f"the budget is spent: {left} left; run the same command again to resume")
        if counts["failed"]:
            click.echo(f"reasons for failures: {failures_path(path)}; to retry, add --only-failed to the same command")
    if not_written:
        raise not_written
    if counts["failed"] or summary.left:
        raise click.exceptions.Exit(_PARTLY)


def _targets(agent: "ChurnAgent", places: Sequence[str]) -> "list[Target]":
    """Checks where scores are to be written, before the slow part."""
    from churn_agent.reports.scores.publishing import check as check_target
    from churn_agent.reports.scores.targets import parse_target

    targets = [parse_target(place) for place in places]
    for target in targets:
        if target.file is not None:
            agent.store.check_output(target.file)
        check_target(target)
    return targets


def _published(
    agent: "ChurnAgent", run_id: str, targets: "Sequence[Target]", *, words: bool
) -> "tuple[list[Published], ChurnAgentError | None]":
    """Writes scores; returns the results, and the first error, which must not hide those of the batch."""
    from churn_agent.errors import ChurnAgentError
    from churn_agent.reports.scores.publishing import publish

    run, published = agent.store.run(run_id), list["Published"]()
    error: ChurnAgentError | None = None
    for target in targets:
        try:
            published.append(publish(agent.store, run, target, words=words))
        except ChurnAgentError as why:
            error = error or why
    return published, error


def _mention_no_match(agent: "ChurnAgent", where: str | None, customers: int) -> None:
    """A note where no customer matches the condition: most such conditions are mistyped."""
    from churn_agent.batch.choosing import values_there

    if where and not customers:
        frequent = values_there(agent, where)
        values = "; ".join(f"{name}: {', '.join(texts)}" for name, texts in frequent.items())
        common.note(f"no customer matches {where!r}; the most frequent values are: {values}")


def _counted(counts: Mapping[str, int]) -> str:
    """`30 assessed, 270 screened`."""
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n)


@click.group()
def runs() -> None:
    """List, show, compare and verify the runs of `batch`."""


runs.add_command(properties)


@runs.command("list")
@common.as_json
@click.pass_context
def list_runs(context: click.Context, json_: bool) -> None:
    """List all runs, the most recently updated first."""
    with common.open_agent(context) as agent:
        all_runs, card = agent.store.runs(), agent.store.card
    if json_:
        common.print_json(all_runs)
        return
    unwrapped = [Column(name, no_wrap=True) for name in ("run", "updated", "as of", "customers")]
    table = Table(*unwrapped, "result")
    for run in all_runs:
        updated = f"{card.local(run.updated_at or run.created_at):%Y-%m-%d %H:%M}"
        counts = _counted({name: run.summary.get(name, 0) for name in (*_STATUSES, "left")})
        table.add_row(run.id[:_SHORT], updated, run.spec["as_of"], str(run.summary.get("customers", "?")), counts)
    common.out.print(table)


@runs.command("show")
@click.argument("run_id", metavar="RUN", default="latest")
@common.as_json
@click.pass_context
def show_run(context: click.Context, run_id: str, json_: bool) -> None:
    """Show the options and the result of a run. RUN: the first characters of its id, or latest."""
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
    """Compare two runs: their options, and the customers whose band changed."""
    with common.open_agent(context) as agent:
        from churn_agent.batch.comparing import compare

        changes = compare(agent.store, first, second)
    if json_:
        common.print_json(changes)
        return
    for name, (before, after) in changes.spec.items():
        click.echo(f"{name.replace('_', ' ')}: {before} -> {after}")
    click.echo(
        f"{changes.both} customers in both, {len(changes.only_first)} only in A, {len(changes.only_second)} only in B"
    )
    table = Table("customer", "band", "earlier band", "number", "earlier number")
    for customer in changes.moved:
        numbers = ("" if value is None else f"{value:.2f}" for value in (customer.value, customer.value_before))
        table.add_row(customer.customer_id, customer.band or "none", customer.band_before or "none", *numbers)
    common.out.print(table)


@runs.command("verify")
@click.argument("run_id", metavar="RUN", default="latest")
@common.model_options
@common.as_json
@click.pass_context
def verify_run(context: click.Context, run_id: str, json_: bool, **model: Any) -> None:
    """Compute the records of a run again, and name what differs.

    They are computed from the history as of their date and from stored answers; the model is not called. Exits with 1
    if a record differs, and with 5 if some records cannot be computed again. RUN: the first characters of its id, or
    latest.
    """
    with common.open_agent(context, **model) as agent, common.Counting() as bar:
        from churn_agent.batch.verifying import verify

        task = bar.add_task("records", total=None)
        done = verify(agent, run_id, progress=lambda n, total: bar.update(task, completed=n, total=total))
    if json_:
        common.print_json({**vars(done), "differing": done.differing})
    else:
        for one in done.differences:
            click.echo(f"{one.customer_id}  {one.field}: {_short(one.stored)} -> {_short(one.computed)}")
        click.echo(f"{done.verified - done.differing} of {counted(done.verified, 'record')} are as computed now")
        for why, n in Counter(done.not_verified.values()).most_common():
            click.echo(f"{counted(n, 'record')} not computed again: {why}")
    if done.differences:
        raise click.exceptions.Exit(_DIFFERS)
    if done.not_verified:
        raise click.exceptions.Exit(_PARTLY)


def _short(value: object) -> str:
    """A value of a record in JSON, cut off."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}\u2026"


def _print_estimate(estimated: "Estimate", *, json_: bool) -> None:
    if json_:
        common.print_json(estimated)
        return
    from churn_agent.batch.estimating import MESSAGE_SECONDS, MESSAGE_TOKENS

    click.echo(
        f"{estimated.customers} customers, {estimated.already_done} done earlier; "
        f"{estimated.in_full} would be assessed" + (" in full" if estimated.in_full < estimated.customers else "")
    )
    if estimated.tokens is None or estimated.seconds is None:
        return  # no customer is left
    money = f", {estimated.money:.2f} in money" if estimated.money else ""
    if estimated.messages is None:
        source = f"estimated from {counted(estimated.based_on, 'earlier assessment')}; cached answers cost nothing"
    else:
        source = (
            f"no earlier assessments by this model and prompt: {MESSAGE_TOKENS} tokens and {MESSAGE_SECONDS} s for "
            f"each of {counted(estimated.messages, 'message')}, as with the default model on two cores"
        )
    click.echo(f"about {estimated.tokens:,.0f} tokens, {estimated.seconds / 60:.0f} minutes{money} ({source})")


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
