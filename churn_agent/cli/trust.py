"""`trust`: which settings files of working folders may set everything."""

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from churn_agent.cli import common
from churn_agent.errors import InputError

if TYPE_CHECKING:
    from churn_agent.settings.files import SettingsFile


class Row(TypedDict):
    """A settings file, as `trust` reports it."""

    file: str
    state: str
    sets: tuple[str, ...]


@click.command("trust")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--list", "list_", is_flag=True, help="List the files that are trusted.")
@click.option("--revoke", is_flag=True, help="Take trust back.")
@common.as_json
def trust_files(files: tuple[Path, ...], list_: bool, revoke: bool, json_: bool) -> None:
    """Trust settings files, as they are now, to name models, folders, hosts and keys.

    FILE: a .env or churn-agent.toml; without one, those in this folder. Harmless settings need no trust. A file that
    changes has to be trusted again. The environment and your own config.toml are always trusted.
    """
    if list_ and (files or revoke):
        raise click.UsageError("--list takes neither FILE nor --revoke")
    rows = _listed() if list_ else _revoked(files) if revoke else _granted(files)
    if json_:
        common.print_json(rows)
        return
    for row in rows:
        sets = f", sets {', '.join(row['sets'])}" if row["sets"] else ""
        click.echo(f"{row['file']}: {row['state']}{sets}")
    if not rows:
        common.note("no file is trusted")


def state_of(file: "SettingsFile") -> str:
    """What a settings file may do."""
    from churn_agent.settings import trust

    if not file.guarded:
        return "needs no trust"
    trusted_as = trust.entries().get(str(file.path))
    if trusted_as is None:
        return "not trusted"
    return "trusted" if trusted_as == file.sha256 else "changed since it was trusted"


def _granted(files: tuple[Path, ...]) -> list[Row]:
    from churn_agent.settings import trust

    found = _read(files)
    for file in found:
        if file.guarded:
            trust.grant(file.path, file.sha256)
    return [{"file": str(file.path), "state": state_of(file), "sets": file.guarded} for file in found]


def _read(files: tuple[Path, ...]) -> "list[SettingsFile]":
    from churn_agent.settings import PROJECT_FILES, Settings, project_files
    from churn_agent.settings import files as settings_files

    if not files:
        found = project_files()
        if not found:
            raise InputError(f"this folder has no {' and no '.join(PROJECT_FILES)}")
        return found
    read: list[SettingsFile] = []
    for path in files:
        if path.name not in PROJECT_FILES:
            raise InputError(f"{str(path)!r} is not read as a settings file; give a {' or a '.join(PROJECT_FILES)}")
        file = settings_files.read(path, Settings.model_fields)
        if file is None:
            raise InputError(f"no file {str(path)!r}")
        read.append(file)
    return read


def _revoked(files: tuple[Path, ...]) -> list[Row]:
    """Also of files that are gone or cannot be read."""
    from churn_agent.settings import PROJECT_FILES, trust
    from churn_agent.settings import files as settings_files

    paths = [settings_files.resolve(path) for path in files or map(Path, PROJECT_FILES)]
    revoked = {path: trust.revoke(path) for path in paths}
    return [
        {"file": str(path), "state": "no longer trusted" if was_trusted else "was not trusted", "sets": ()}
        for path, was_trusted in revoked.items()
        if files or was_trusted
    ]


def _listed() -> list[Row]:
    from churn_agent.settings import Settings, trust
    from churn_agent.settings import files as settings_files

    rows: list[Row] = []
    for name in sorted(trust.entries()):
        try:
            file = settings_files.read(Path(name), Settings.model_fields)
            state = "gone" if file is None else state_of(file)
        except InputError as error:
            file, state = None, str(error)
        rows.append({"file": name, "state": state, "sets": file.guarded if file else ()})
    return rows
