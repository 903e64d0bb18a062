"""`lookback` and `retro`: what the score would have been worth in the past."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from churn_agent.cli import common
from churn_agent.cli.outputs import Output

if TYPE_CHECKING:
    from churn_agent.domain.snapshot import Card
    from churn_agent.lookback.costing import Cost
    from churn_agent.lookback.looking_back import LookBack
    from churn_agent.lookback.measures import Groups

_PARTLY = 5
"""Exit code if some assessments failed, or the budget did not cover all of them."""


@click.command()
@click.option(
    "--months", type=click.IntRange(1, 24), default=12, show_default=True, metavar="N", help="Month ends to replay."
)
@click.option("--by", type=click.Choice(["signal", "band", "segment", "region", "language"]), help="Measure by group.")
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="A score, band or list from elsewhere: customer, date, score or band.",
)
@click.option("--low-is-risk", is_flag=True, help="In the file of --against, low numbers mean risk.")
@click.option(
    "--flag",
    type=click.Choice(["high", "medium", "top"]),
    help="Flag the highest band, the two highest, or the top --capacity (default: high, or top without bands).",
)
@common.capacity_option(" after each month end")
@click.option(
    "--call-cost", type=click.FloatRange(min=0), metavar="AMOUNT", help="Cost of a call, in the book's currency."
)
@click.option("--where", metavar="CONDITION", help="Only customers whose attributes fulfil a condition today.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N customers, by id.")
@click.option("--budget", metavar="45m|$5", help="Stop after this much time or money; run it again to resume.")
@click.option("--dry-run", is_flag=True, help="Estimate time and tokens; assess nothing.")
@click.option("-o", "--output", type=Output(), help="Write a page to this .html file.")
@common.model_options
@common.method_option
@common.as_json
@click.pass_context
def lookback(
    context: click.Context,
    months: int,
    by: Any,
    against: Path | None,
    low_is_risk: bool,
    flag: Any,
    capacity: int,
    call_cost: float | None,
    where: str | None,
    limit: int | None,
    budget: str | None,
    dry_run: bool,
    output: Path | None,
    json_: bool,
    **model: Any,
) -> None:
    """Replay past month ends: would the score have warned of those who left, and early enough?

    It needs a history and outcomes with left_on or notice_on, and no earlier forecasts. Run it again to resume. Exits
    with 5 if some assessments failed, or if the budget did not cover all of them.
    """
    if output and output.suffix != ".html":
        raise click.UsageError(f"{str(output)!r}: the name of the page must end in .html")
    with common.open_agent(context, **model) as agent:
        from churn_agent.batch.budget import Budget, Prices, parse_budget
        from churn_agent.files import atomic
        from churn_agent.lookback.costing import cost
        from churn_agent.lookback.looking_back import LookBackSpec, look_back
        from churn_agent.lookback.replaying import ReplaySpec
        from churn_agent.lookback.rivals import read_rival
        from churn_agent.reports.lookback.page import to_html
        from churn_agent.reports.lookback.values import lost_values

        common.mention_card(agent)
        limits = parse_budget(budget, Prices.named(agent.settings)) if budget else Budget()
        replayed = ReplaySpec(months=months, where=where, limit=limit, budget=limits)
        rival = read_rival(against, low_is_risk=low_is_risk) if against else None
        guess = cost(agent, replayed)
        if dry_run:
            _print_cost(guess, json_=json_)
            return
        common.note(_cost_words(guess))
        with common.Counting() as bar:
            task = bar.add_task("customers at month ends", total=None)
            result = look_back(
                agent,
                LookBackSpec(replayed, flag, by, rival, capacity, call_cost),
                values=lost_values(agent.store),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        card = agent.store.card
        if output:
            atomic.save(output, to_html(result, card))
    if json_:
        common.print_json(result)
    else:
        _print(result, card)
    if output:
        click.echo(f"written: {output}", err=json_)
    if result.left:
        common.note(f"the budget is spent: {result.left} assessments are left; run the same command again to resume")
    if result.failed or result.left:
        raise click.exceptions.Exit(_PARTLY)


@click.command()
@click.argument("customer_id", metavar="CUSTOMER")
@click.option(
    "--months", type=click.IntRange(1, 24), default=24, show_default=True, metavar="N", help="Month ends to replay."
)
@click.option("-o", "--output", type=Output(), help="Write a page to this .html file.")
@common.model_options
@common.as_json
@click.pass_context
def retro(
    context: click.Context, customer_id: str, months: int, output: Path | None, json_: bool, **model: Any
) -> None:
    """Look back on one customer: what could be known when, what the score and the messages said, what was done."""
    if output and output.suffix != ".html":
        raise click.UsageError(f"{str(output)!r}: the name of the page must end in .html")
    with common.open_agent(context, **model) as agent:
        from churn_agent.files import atomic
        from churn_agent.lookback.retrospect import retro as look_back_on
        from churn_agent.reports.lookback import retro_page

        retrospective = look_back_on(agent, customer_id, months=months)
        card = agent.store.card
        if output:
            atomic.save(output, retro_page.to_html(retrospective, card))
    if json_:
        common.print_json(retrospective)
    else:
        for section in retro_page.sections(retrospective):
            if section.title:
                click.echo(f"\n{section.title}")
            for line in section.lines:
                click.echo(f"  {line}")
            if section.table:
                table = Table(*section.table[0])
                for row in section.table[1]:
                    table.add_row(*map(escape, row))
                common.out.print(table)
    if output:
        click.echo(f"written: {output}", err=json_)


def _cost_words(guess: "Cost") -> str:
    source = (
        f"rate of {guess.based_on} earlier assessments"
        if guess.based_on
        else "stated rate of the default model, two cores"
    )
    money = f", {guess.money:.2f} in money" if guess.money else ""
    return (
        f"{guess.customers} customers at {guess.months} month ends: at most {guess.messages:,} messages to read, "
        f"about {guess.seconds / 3600:.1f} hours{money} ({source}; a message is read once)"
    )


def _print_cost(guess: "Cost", *, json_: bool) -> None:
    if json_:
        common.print_json(guess)
    else:
        click.echo(_cost_words(guess))


def _print(result: "LookBack", card: "Card") -> None:
    from churn_agent.reports.lookback import phrases

    for line in (phrases.period(result), *phrases.head(result)):
        click.echo(line)
    table = Table("test", "answer", "figures")
    for test in result.tests:
        table.add_row(*map(escape, phrases.test_words(test)))
    common.out.print(table)
    for groups in ([result.by] if result.by else []) + list(result.treated):
        _print_groups(groups)
    if result.against:
        click.echo(f"compared with {result.against.name}:")
        for line in phrases.against_lines(result.against, card):
            click.echo(f"  {line}")
    for line in (*phrases.money_lines(result, card), *phrases.notes(result)):
        click.echo(line)


def _print_groups(groups: "Groups") -> None:
    from churn_agent.reports.lookback import phrases

    table = Table(*phrases.headings(groups.kind))
    for row in phrases.table(groups):
        table.add_row(*map(escape, row))
    common.out.print(table)
    for line in phrases.group_notes(groups):
        click.echo(line)
