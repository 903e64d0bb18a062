"""Mapping files written by an import, to be corrected and used again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from churn_agent.errors import InputError
from churn_agent.files import atomic
from churn_agent.ingest.questions import Guess

_HEAD = """\
# How churn-agent read {sources}. Correct it, then: churn-agent ingest FILE --mapping {name}
"""


def check_new(path: Path) -> None:
    """Raises `InputError` if the file exists: it may have been corrected by hand."""
    if path.exists():
        raise InputError(f"{path} exists and may hold your corrections; delete it, or name another file")


def write_mapping(path: Path, mapping: Mapping[str, Any], sources: Sequence[str], guesses: Sequence[Guess]) -> None:
    """Writes a mapping as understood, with comments that name what was guessed.

    Args:
        path: file to write.
        mapping: the mapping.
        sources: names of the sources, for the first comment.
        guesses: decisions that the owner of the data can correct.

    Raises:
        InputError: the file cannot be written.
    """
    named = ", ".join(sources[:3]) + (", ..." if len(sources) > 3 else "")
    lines = [_HEAD.format(sources=_one_line(named), name=_one_line(path.name))]
    for guess in guesses:
        lines.append(f"# Guessed: {_one_line(f'{guess.about}: {guess.taken} ({guess.evidence})')}\n")
        if guess.mapping:
            lines.append(f"#   to change it: {_one_line(guess.mapping)}\n")
    atomic.save(path, "".join(lines) + yaml.safe_dump(dict(mapping), allow_unicode=True, sort_keys=False))


def _one_line(text: str) -> str:
    return " ".join(text.split())
