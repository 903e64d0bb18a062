"""Packages that some commands need and assessing a customer does not: extras of the project."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from churn_agent.errors import MissingExtra

Extra = Literal["files", "reports", "evals"]


@contextmanager
def importing(extra: Extra) -> Generator[None]:
    """Imports of packages that an extra brings stand in this block, in the function that needs them.

    Raises:
        MissingExtra: one of the packages is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        raise MissingExtra(f"{package} is not installed; run: pip install 'churn-agent[{extra}]'") from error
