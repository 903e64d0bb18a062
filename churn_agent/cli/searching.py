"""`search`: who else says this?"""

from datetime import date

import click

from churn_agent.cli import common


@click.command()
@click.argument("meaning")
@click.option("--since", type=common.Day(), metavar="DATE", help="Only what was said from this day on.")
@click.option("--limit", type=click.IntRange(min=1, max=1000), default=10, show_default=True, metavar="N")
@common.as_json
@click.pass_context
def search(context: click.Context, meaning: str, since: date | None, limit: int, json_: bool) -> None:
    """Find what customers said by its meaning, over the whole book."""
    if not meaning.strip():
        raise click.UsageError("say what to look for")
    with common.open_agent(context) as agent:
        hits = agent.store.search(meaning, since=since, limit=limit)
        missing, card = agent.store.not_indexed(), agent.store.card
    if missing:
        common.note(f"{missing} texts are not indexed and cannot be found; run: churn-agent index")
    if json_:
        found = [
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
        common.print_json({"not_indexed": missing, "hits": found})
        return
    for hit in hits:
        each = hit.interaction
        text = " ".join(each.text.split())
        day = card.local(each.occurred_at).date()
        click.echo(f"{hit.similarity:.2f}  {each.customer_id}  {day}  {each.channel}: {text[:200]}")
    if not hits:
        common.note("nothing found")
