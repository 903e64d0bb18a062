"""`labels derive` and `label`: ground truth from the history, and from people."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import click

from churn_agent.cli import common
from churn_agent.cli.corrections import by_option
from churn_agent.domain import durations
from churn_agent.domain.wording import counted

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.domain.interactions import Interaction
    from churn_agent.domain.snapshot import Card, Snapshot

Q = TypeVar("Q")
_SHOWN = 8
"""Interactions shown before the date, and after it."""


class Days(click.ParamType[int]):
    """A time such as 90d or 13w, in days."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Called by click."""
        try:
            return durations.whole_days(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DayList(click.ParamType[tuple[date, ...]]):
    """ISO dates, separated by commas."""

    name = "dates"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, ...]:
        """Called by click."""
        return tuple(common.Day().convert(part.strip(), param, ctx) for part in str(value).split(","))


@click.group()
def labels() -> None:
    """Labels: whether customers churned after a date. List them, or derive them from the history."""


@labels.command("list")
@click.option("--customer", metavar="ID", help="Only the labels of this customer.")
@common.as_json
@click.pass_context
def list_(context: click.Context, customer: str | None, json_: bool) -> None:
    """List the labels: customer, date, outcome, and what is known of how the customer left."""
    with common.open_agent(context) as agent:
        known = agent.store.labels(customer)
    if json_:
        common.print_json([asdict(label) for label in known])
        return
    for label in known:
        outcome = label.kind or ("churned" if label.churned else "stayed")
        more = [
            f"{label.amount:g}" if label.amount is not None else "",
            {True: "voluntary", False: "involuntary", None: ""}[label.voluntary],
            f"notice on {label.notice_on}" if label.notice_on else "",
            f"left on {label.left_on}" if label.left_on else "",
        ]
        click.echo("\t".join([label.customer_id, label.as_of, outcome, ", ".join(filter(None, more))]).rstrip())
    if not known:
        common.note(
            "no labels; import some (churn-agent ingest --labels FILE) or derive them (churn-agent labels derive)"
        )


@labels.command()
@click.option(
    "--event", "events", multiple=True, required=True, help="Channel whose interactions count as activity; repeatable."
)
@click.option(
    "--none-for",
    type=Days(),
    required=True,
    metavar="90d",
    help="Without activity for this long, a customer has churned.",
)
@click.option("--as-of", type=DayList(), required=True, metavar="D1,D2,...", help="Dates to label.")
@click.option(
    "--active-within",
    type=Days(),
    metavar="90d",
    help="Label only customers active this recently (default: as --none-for).",
)
@click.option("--dry-run", is_flag=True, help="Count the labels; store nothing.")
@common.as_json
@click.pass_context
def derive(
    context: click.Context,
    events: tuple[str, ...],
    none_for: int,
    as_of: tuple[date, ...],
    active_within: int | None,
    dry_run: bool,
    json_: bool,
) -> None:
    """Derive labels without look-ahead from the history.

    Customers with an EVENT shortly before a date are labelled: churned if they have none in the period after it. Dates
    whose period is not over yet are refused.
    """
    with common.open_agent(context) as agent:
        from churn_agent.outcomes.deriving import derive_labels

        labelled = derive_labels(
            agent.store,
            events=events,
            none_for_days=none_for,
            as_of=as_of,
            active_within_days=active_within,
            dry_run=dry_run,
        )
        horizon = agent.store.card.horizon_days
    if horizon != none_for:
        common.note(f"these labels cover {none_for} days, the card of the book {horizon} days")
    if json_:
        common.print_json(
            [{"as_of": day.as_of, "customers": len(day.labels), "churned": day.churned} for day in labelled]
        )
        return
    for day in labelled:
        share = f" ({day.churned / len(day.labels):.0%})" if day.labels else ""
        verb = "would be labelled" if dry_run else "labelled"
        click.echo(f"{day.as_of}: {counted(len(day.labels), 'customer')} {verb}, {day.churned} churned{share}")


@click.command()
@click.option(
    "--what",
    type=click.Choice(["outcomes", "signals"]),
    default="outcomes",
    show_default=True,
    help="What the questions are about.",
)
@click.option(
    "--as-of", type=common.Day(), metavar="DATE", help="Ask about outcomes after this day (required for outcomes)."
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="At most N questions."
)
@by_option
@click.pass_context
def label(context: click.Context, what: str, as_of: date | None, limit: int, by: str | None) -> None:
    """Answer questions about outcomes or signals, the most uncertain first.

    Answers about signals are corrections, which act at once (churn-agent corrections).
    """
    with common.open_agent(context) as agent:
        if what == "signals":
            answers = _ask_signals(agent, limit, by)
        elif as_of is None:
            raise click.UsageError("questions about outcomes need a date: add --as-of DATE")
        else:
            answers = _ask_outcomes(agent, as_of, limit)
    click.echo(f"{answers} answers stored")


def _ask_outcomes(agent: "ChurnAgent", as_of: date, limit: int) -> int:
    from churn_agent.outcomes.asking import answer_outcome, outcome_questions

    questions, card = outcome_questions(agent.store, as_of), agent.store.card

    def ask(customer_id: str) -> bool:
        _print_around(agent.store.snapshot(customer_id, as_of=questions.over), as_of)
        churned = _choice(
            f"Did {customer_id} churn ({card.churn_means}) in the {card.horizon_days} days after {as_of}?"
        )
        if churned is None:
            return False
        reason = click.prompt("Why, if you know", default="", show_default=False) if churned else None
        answer_outcome(agent.store, customer_id, as_of, churned=churned, reason=reason)
        return True

    return _ask_in_turn(questions.customer_ids[:limit], ask)


def _ask_signals(agent: "ChurnAgent", limit: int, by: str | None) -> int:
    from churn_agent.outcomes.asking import SignalQuestion, answer_signal, signal_questions

    questions = signal_questions(agent.store, limit)
    if not questions:
        common.note("no questions; assess some customers first: churn-agent batch --limit 50 -o book.jsonl")

    def ask(question: SignalQuestion) -> bool:
        message = question.message
        day = agent.store.card.local(message.occurred_at).date()
        click.echo(f"\n{message.customer_id}, {day}, {message.channel}:\n  {message.text}")
        click.echo(f"  quoted: {question.quote!r}")
        shown = _choice(f"Does it show that the customer {question.definition}?")
        if shown is None:
            return False
        answer_signal(agent.store, question, shown=shown, by=by)
        return True

    return _ask_in_turn(questions, ask)


class _Quit(Exception):
    """The person quits."""


def _ask_in_turn(queue: Sequence[Q], ask: Callable[[Q], bool]) -> int:
    answered = 0
    try:
        for question in queue:
            answered += ask(question)
    except _Quit:
        pass
    return answered


def _choice(question: str) -> bool | None:
    """True, False, or None for a skipped question. Raises `_Quit`."""
    answer = click.prompt(f"{question} [y]es [n]o [s]kip [q]uit", type=click.Choice(list("ynsq")), show_choices=False)
    if answer == "q":
        raise _Quit
    return {"y": True, "n": False, "s": None}[answer]


def _print_around(snapshot: "Snapshot", as_of: date) -> None:
    """Prints the interactions before a date and after it."""
    end = snapshot.card.end_of_day(as_of)
    before = [interaction for interaction in snapshot.interactions if interaction.occurred_at <= end]
    after = [interaction for interaction in snapshot.interactions if interaction.occurred_at > end]
    click.echo(
        f"\nCustomer {snapshot.customer_id}: {counted(len(before), 'interaction')} up to {as_of}, {len(after)} after it"
    )
    for interaction in before[-_SHOWN:]:
        _print_interaction(interaction, snapshot.card)
    click.echo(f"  ---------- {as_of}")
    for interaction in after[:_SHOWN]:
        _print_interaction(interaction, snapshot.card)


def _print_interaction(interaction: "Interaction", card: "Card") -> None:
    day = f"{card.local(interaction.occurred_at):%Y-%m-%d}"
    click.echo(f"  {day}  {interaction.channel}: {' '.join(interaction.text.split())[:160]}")
