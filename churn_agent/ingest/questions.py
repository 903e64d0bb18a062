"""Questions about a source that only its owner can answer, and guesses that they can correct."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from churn_agent.errors import DataError


@dataclass(frozen=True)
class Question:
    """Something that the data do not say: two readings fit, or a word is unknown."""

    about: str
    """Field or column, and values: `direction: 'user' (2 rows)`."""
    why: str
    """One sentence, with examples."""
    options: tuple[str, ...]
    answer: Callable[[str], Mapping[str, Any]]
    """Option -> the part of a mapping that gives this answer."""
    likely: str | None = None
    """The option that the data suggest, if they do."""


@dataclass(frozen=True)
class Guess:
    """A decision that is taken without asking, and shown."""

    about: str
    taken: str
    evidence: str
    mapping: str
    """The line of a mapping that would change it."""


Ask = Callable[[Question], str | None]
"""Returns the option chosen; None to refuse."""


def likely(question: Question) -> str | None:
    """Answers a question as the data suggest; None if they do not."""
    return question.likely


class NeedsAnswer(DataError):
    """A question that nobody was there to answer."""

    def __init__(self, source: object, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        super().__init__("\n".join(f"{source}: {_as_line(question)}" for question in questions))


def _as_line(question: Question) -> str:
    lines = " or ".join(as_mapping(question.answer(option)) for option in question.options)
    return f"{question.about}: {question.why} Answer in a mapping file (--mapping): {lines}"


def as_mapping(part: Mapping[str, Any]) -> str:
    """Returns a part of a mapping as one line of YAML."""
    return yaml.safe_dump(dict(part), default_flow_style=True, allow_unicode=True, width=1000).strip()[1:-1]


def merged(mapping: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a mapping with the parts of an answer added, key by key."""
    result = dict(mapping)
    for key, value in part.items():
        before = result.get(key)
        result[key] = merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return result
