"""`trust`: the settings files of working folders that may set everything."""

from pathlib import Path

import click

from churn_agent.cli import common


@click.command("trust")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--list", "list_", is_flag=True, help="List the trusted files.")
@click.option("--revoke", is_flag=True, help="Stop trusting these files.")
@common.as_json
def trust_files(files: tuple[Path, ...], list_: bool, revoke: bool, json_: bool) -> None:
    """Trust settings files, with their current contents, to name models, folders, hosts and keys.

    FILE: a .env or churn-agent.toml (default: those in this folder). Harmless settings need no trust. A changed file
    must be trusted again. The environment and your own config.toml are always trusted.
    """
    if list_ and (files or revoke):
        raise click.UsageError("--list takes neither FILE nor --revoke")
    from churn_agent.settings import granting

    rows = granting.trusted() if list_ else granting.revoke(files) if revoke else granting.grant(files)
    if json_:
        common.print_json(rows)
        return
    for row in rows:
        sets = f", sets {', '.join(row.sets)}" if row.sets else ""
        click.echo(f"{row.file}: {row.state}{sets}")
    if not rows:
        common.note("no file is trusted")
