"""`schema`: the form of a record, for programs that read it."""

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of a record: of `assess --json`, and of each line of a batch.

    It is also in the package, as churn_agent/domain/record.schema.json.
    """
    from churn_agent.domain.assessment import record_schema

    click.echo(record_schema(), nl=False)
