"""`search`: find messages by their meaning."""

from datetime import date

import click

from churn_agent.cli import common


@click.command()
@click.argument("meaning")
@click.option("--since", type=common.Day(), metavar="DATE", help="Only messages from this day or later.")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=1000),
    default=10,
    show_default=True,
    metavar="N",
    help="At most N messages.",
)
@common.as_json
@click.pass_context
def search(context: click.Context, meaning: str, since: date | None, limit: int, json_: bool) -> None:
    """Search all messages by meaning."""
    if not meaning.strip():
        raise click.UsageError("the text to search for is empty")
    with common.open_agent(context) as agent:
        hits = agent.store.search(meaning, since=since, limit=limit)
        missing, card = agent.store.not_indexed(), agent.store.card
    if missing:
        common.note(f"{missing} texts are not indexed and cannot be found; run: churn-agent index")
    if json_:
        records = [
            {
                "similarity": round(hit.similarity, 4),
                "customer_id": hit.interaction.customer_id,
                "interaction_id": hit.interaction.id,
                "occurred_at": hit.interaction.occurred_at,
                "channel": hit.interaction.channel,
                "author": hit.interaction.author,
                "text": hit.interaction.text,
            }
            for hit in hits
        ]
        common.print_json({"not_indexed": missing, "hits": records})
        return
    for hit in hits:
        message = hit.interaction
        text = " ".join(message.text.split())
        day = card.local(message.occurred_at).date()
        click.echo(f"{hit.similarity:.2f}  {message.customer_id}  {day}  {message.channel}: {text[:200]}")
    if not hits:
        common.note("no messages found")
