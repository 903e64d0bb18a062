"""`assess`, `evidence`."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from churn_agent.cli import common
from churn_agent.cli.outputs import Output
from churn_agent.domain.wording import counted
from churn_agent.errors import InputError


@click.command()
@click.argument("customer_id", required=False)
@click.option("--text", metavar="TEXT", help="Assess this message instead of a stored customer.")
@click.option("--company", metavar="NAME", help="With --text: the company that received it.")
@common.as_of
@common.model_options
@common.method_option
@common.as_json
@click.option("-o", "--output", type=Output(), help="Write to a .md or .json file.")
@click.pass_context
def assess(
    context: click.Context,
    customer_id: str | None,
    text: str | None,
    company: str | None,
    as_of: date | None,
    json_: bool,
    output: Path | None,
    **model: Any,
) -> None:
    """Assess one customer, or one message, and print a card."""
    if (customer_id is None) == (text is None):
        raise click.UsageError("give a CUSTOMER_ID, or a message with --text")
    from churn_agent.reports import files

    with common.open_agent(context, makes_store=text is not None, **model) as agent:
        if output:
            files.renderer(output)  # what cannot be written is reported before the model runs
        if text is not None and not text.strip():
            raise InputError("the text is empty")
        if text is None:
            common.mention_card(agent)
        name = None
        with common.notes.status("assessing"):
            if text is not None:
                assessment = agent.assess_text(text, company=company)
            else:
                assessment = agent.assess(customer_id or "", as_of=as_of)
                name = agent.store.snapshot(assessment.customer_id, as_of=assessment.as_of).name
        if agent.model.info.stand_in:
            common.note("no language model: the answers are scripted")
        if output:
            files.write(assessment, output, name=name, language=agent.store.card.language)
            common.note(f"written to {output}")
        if json_:
            click.echo(assessment.model_dump_json(indent=2))
        elif not output:
            from rich.console import Console

            from churn_agent.reports.terminal import print_card

            card = agent.store.card
            whose = card.company if text is None else None
            print_card(assessment, Console(highlight=False), company=whose, name=name, language=card.language)
    if assessment.status == "failed":
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("customer_id")
@common.as_of
@common.model_options
@common.as_json
@click.pass_context
def evidence(context: click.Context, customer_id: str, as_of: date | None, json_: bool, **model: Any) -> None:
    """Show the facts and texts that the model would receive. No language model is called."""
    with common.open_agent(context, **model) as agent:
        case = agent.evidence(customer_id, as_of=as_of)
        if json_:
            common.print_json(
                {
                    "customer_id": case.snapshot.customer_id,
                    "as_of": case.snapshot.as_of,
                    "facts": [fact.model_dump() for fact in case.facts],
                    "evidence": [
                        {
                            "label": item.label,
                            "interaction_id": item.interaction.id,
                            "interaction_ids": item.piece.ids,
                            "occurred_at": item.interaction.occurred_at,
                            "channel": item.interaction.channel,
                            "author": item.interaction.author,
                            "text": item.text,
                        }
                        for item in case.pack.evidence
                    ],
                    "left_out": case.pack.left_out.model_dump(),
                    "unattributed": [asdict(interaction) for interaction in case.snapshot.unattributed],
                }
            )
            return
        from churn_agent.evidence.box import evidence_lines, fact_lines

        left_out = case.pack.left_out
        click.echo(f"Customer {case.snapshot.customer_id} at {case.snapshot.as_of}\n")
        click.echo(f"Facts\n{fact_lines(case.facts)}\n")
        click.echo(
            f"Evidence (mode {agent.prompt.mode})\n{evidence_lines(case.pack.evidence, case.snapshot.card) or 'none'}\n"
        )
        click.echo(f"Left out: {counted(left_out.interactions, 'interaction')}, about {left_out.tokens} tokens")
        unread = case.snapshot.unattributed
        if unread:
            texts = counted(len(unread), "text of an unknown author", "texts of unknown authors")
            click.echo(f"\nNot read: {texts} (if the customer's: churn-agent ingest --unknown-is customer)")
        for interaction in unread:
            when = f"{case.snapshot.card.local(interaction.occurred_at):%Y-%m-%d}"
            author = f", {interaction.author}" if interaction.author else ""
            click.echo(f"- {when}, {interaction.channel}{author}: {' '.join(interaction.text.split())[:100]!r}")
