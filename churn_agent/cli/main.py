"""The command group, error messages and exit codes."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from churn_agent.cli.actions import actions
from churn_agent.cli.assessing import assess, evidence
from churn_agent.cli.audit import audit
from churn_agent.cli.batches import batch, runs
from churn_agent.cli.briefing import brief
from churn_agent.cli.checking import check
from churn_agent.cli.common import INTERRUPTED
from churn_agent.cli.corrections import corrections
from churn_agent.cli.data import customers, data, forget, index, ingest, show
from churn_agent.cli.demo import demo
from churn_agent.cli.doctor import doctor
from churn_agent.cli.evals import evals
from churn_agent.cli.imports import aliases, imports
from churn_agent.cli.labels import label, labels
from churn_agent.cli.ledger import ledger, outcomes
from churn_agent.cli.lookback import lookback, retro
from churn_agent.cli.models import models
from churn_agent.cli.names import as_typed
from churn_agent.cli.outputs import guard
from churn_agent.cli.reports import digest, feedback, report
from churn_agent.cli.schema import schema
from churn_agent.cli.searching import search
from churn_agent.cli.streams import never_fail
from churn_agent.cli.tasks import tasks
from churn_agent.cli.training import calibrate, train
from churn_agent.cli.trust import trust_files
from churn_agent.cli.weekly import weekly
from churn_agent.errors import ChurnAgentError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("churn-agent"), prog_name="churn-agent")
@click.option("--store", type=click.Path(path_type=Path, file_okay=False), help="Folder of the database and index.")
@click.pass_context
def cli(context: click.Context, store: Path | None) -> None:
    """Assess how likely customers are to leave, with verified quotes, using a local language model.

    Exit codes: 0 success, 1 failure, 2 usage error, 3 bad data, 4 model or store unavailable, 5 batch incomplete,
    130 interrupted (finished work is kept).
    """
    context.obj = {"store": store}


for command in (
    demo,
    ingest,
    imports,
    aliases,
    index,
    data,
    customers,
    show,
    forget,
    search,
    evidence,
    assess,
    batch,
    runs,
    report,
    digest,
    weekly,
    feedback,
    actions,
    tasks,
    brief,
    audit,
    ledger,
    lookback,
    retro,
    outcomes,
    labels,
    label,
    corrections,
    train,
    calibrate,
    evals,
    check,
    models,
    schema,
    trust_files,
    doctor,
):
    cli.add_command(command)
guard(cli)


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits with its code. User errors print one line; bugs keep their traceback."""
    never_fail()
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit code. Click and Rich exit with 1 where the reader of a pipe has closed it."""
    try:
        result: Any = cli.main(arguments, standalone_mode=False)
    except ChurnAgentError as error:
        message = str(error) if error.several_lines else " ".join(str(error).split())
        click.echo(f"churn-agent: {as_typed(message)}", err=True)
        return error.exit_code
    except click.exceptions.Abort:
        click.echo("churn-agent: interrupted; finished work is kept", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return result if isinstance(result, int) else 0
