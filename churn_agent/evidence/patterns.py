"""Patterns of sentences, as the rule files `care.yaml` and `quotes.yaml` hold them: regular expressions in any case."""

import re
from collections.abc import Iterable, Iterator, Mapping

from churn_agent.evidence.grounding import sentences

MOST = 20_000
"""Characters of a text that are looked at, from its end; a longer one is a log."""


def check(patterns: Iterable[str], parts: Mapping[str, str] = {}) -> None:
    """Raises `ValueError` if a pattern is not a regular expression.

    Args:
        patterns: as in a rule file.
        parts: name -> piece of a pattern; `{name}` stands for it.
    """
    for pattern in patterns:
        try:
            re.compile(_whole(pattern, parts))
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


def any_of(patterns: Iterable[str], parts: Mapping[str, str] = {}) -> re.Pattern[str] | None:
    """One pattern that matches where any of the patterns does; None without any. See `check`."""
    joined = "|".join(f"(?:{_whole(pattern, parts)})" for pattern in patterns)
    return re.compile(joined, re.IGNORECASE) if joined else None


def _whole(pattern: str, parts: Mapping[str, str]) -> str:
    for name, part in parts.items():
        pattern = pattern.replace(f"{{{name}}}", part)
    return pattern


def last_sentences(text: str) -> Iterator[tuple[int, int]]:
    """The character ranges of the sentences among the last `MOST` characters of a text."""
    offset = max(0, len(text) - MOST)
    for start, end in sentences(text[offset:]):
        yield start + offset, end + offset
