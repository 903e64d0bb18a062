"""`check`: cards compared with what a reader expects of them."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from churn_agent.cli import common
from churn_agent.cli.outputs import Output

_WRONG = 1  # exit code


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path, dir_okay=False))
@click.option("-o", "--output", type=Output(), help="Write a report in Markdown.")
@click.option("--junit", type=Output(), help="Write JUnit XML, for CI systems.")
@common.as_of
@common.model_options
@common.method_option
@common.as_json
@click.pass_context
def check(
    context: click.Context,
    file: Path,
    output: Path | None,
    junit: Path | None,
    as_of: date | None,
    json_: bool,
    **model: Any,
) -> None:
    """Compare cards with what you expect of them.

    FILE is a list of cases in YAML or JSON Lines: customers of the store (`id`) or messages (`text`), and for each the
    reasons that must, may and must never be named, the band and the actions. Exits with 1 if a card is wrong.
    """
    from churn_agent.evals.checks import cards
    from churn_agent.evals.checks.expectations import load_expectations
    from churn_agent.files import atomic

    with common.open_agent(context, **model) as agent:
        cases = load_expectations(file, agent.store.taxonomy.by_id)
        with common.Counting() as bar:
            task = bar.add_task("checking", total=len(cases))
            checks = cards.check_cards(cases, agent, as_of=as_of, progress=lambda: bar.advance(task))
    figures = cards.figures(checks)
    for path, text in ((output, cards.to_markdown(checks, file.name)), (junit, cards.to_junit(checks, file.stem))):
        if path:
            atomic.save(path, text)
            common.note(f"written to {path}")
    if json_:
        common.print_json(
            {
                "figures": asdict(figures),
                "cases": [
                    {"case": one.case.name, "right": one.right, "wrong": one.wrong, "score": one.score}
                    for one in checks
                ],
            }
        )
    else:
        for one in checks:
            if not one.right:
                click.echo(f"{one.case.name}: {'; '.join(one.wrong)}")
        click.echo(f"{sum(one.right for one in checks)} of {len(checks)} cards are right")
        for name, value in cards.rows(figures):
            click.echo(f"  {name}: {value}")
    if any(not one.right for one in checks):
        context.exit(_WRONG)
