"""`schema`: the JSON Schema of a record, for programs that read it."""

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of a record, as in `assess --json` and in each line of a batch.

    The package contains it as churn_agent/domain/record.schema.json.
    """
    from churn_agent.domain.assessment import record_schema

    click.echo(record_schema(), nl=False)
