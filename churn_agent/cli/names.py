"""The command as its user has to type it."""

import re
import shlex
import shutil
import sys
from pathlib import Path

NAME = "churn-agent"


def as_typed(text: str) -> str:
    """Returns a text with the path of the command in lines to type, where the shell would not find its name.

    It would not in a virtual environment that is not active: `.venv/bin/churn-agent ingest FILE.csv`.
    """
    program = _program()
    if program == NAME:
        return text
    from churn_agent.cli.main import cli  # it imports this module

    return re.sub(rf"(?<![\w/.-]){NAME} (?=(?:--store|{'|'.join(cli.commands)})\b)", lambda _: f"{program} ", text)


def _program() -> str:
    started_as = Path(sys.argv[0])
    if shutil.which(NAME):
        return NAME
    if started_as.stem == NAME:
        return shlex.quote(str(started_as))
    as_module = started_as.parts[-2:] == ("churn_agent", "__main__.py")
    return f"{shlex.quote(sys.executable)} -m churn_agent" if as_module else NAME
