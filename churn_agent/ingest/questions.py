"""Questions about a source that only its owner can answer, and guesses that they can correct."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import yaml

from churn_agent.errors import DataError

_LINE = 200
"""Most characters of a line of a mapping in a message."""


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


def suggested(ask: Ask | None) -> Ask:
    """Returns a function that answers as the data suggest, and asks only where they suggest nothing.

    Args:
        ask: asks in a terminal; without it, such questions stay without an answer.
    """

    def answer(question: Question) -> str | None:
        return question.likely or (ask(question) if ask else None)

    return answer


class NeedsAnswer(DataError):
    """Data that can be read in two ways, or a word that is not known; nobody was there to answer."""

    several_lines = True

    def __init__(self, source: object, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        groups: dict[tuple[object, ...], list[Question]] = {}
        for question in questions:
            field = question.about.partition(": ")[0]
            groups.setdefault((field, question.why, question.options), []).append(question)
        what = "an answer is needed" if len(groups) == 1 else f"{len(groups)} answers are needed"
        blocks = (line for group in groups.values() for line in _block(group))
        how = "Put the answers in a mapping file (--mapping FILE), or give them in a terminal."
        head = f"{source}: {what}; nothing was stored"
        super().__init__("\n".join([head, *blocks, f"{how} {_what_yes_takes(questions)}"]))


def _what_yes_takes(questions: Sequence[Question]) -> str:
    taken = [f"{question.about} is {question.likely}" for question in questions if question.likely]
    if not taken:
        return "The data suggest no answer that --yes could take."
    rest = "" if len(taken) == len(questions) else "; it does not answer the others"
    return f"--yes takes: {'; '.join(taken)}{rest}."


def _block(alike: Sequence[Question]) -> Iterator[str]:
    """Yields the lines for questions that differ only in the word that they are about."""
    first, *others = alike
    field = first.about.partition(": ")[0]
    yield f"  {', '.join([first.about, *(other.about.removeprefix(f'{field}: ') for other in others)])}"
    yield f"    {first.why}"

    head, *tail = first.options
    if tail and all(set(_leaves(first.answer(option))) == {option} for option in first.options):
        lead = "each may also be" if others else "or"
        yield f"    {_line(alike, head)}   ({lead} {', '.join(tail)})"
    else:
        yield from (f"    {_line(alike, option)}   ({option})" for option in first.options)


def _line(alike: Sequence[Question], option: str) -> str:
    """Returns the line of a mapping that gives the same answer to several questions, or to as many as fit."""
    part: dict[str, Any] = {}
    for question in alike:
        longer = merged(part, question.answer(option))
        if part and len(as_mapping(longer)) > _LINE:
            break
        part = longer
    return as_mapping(part)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(cast("Mapping[str, Any]", value).values())
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _leaves(item)
    else:
        yield value


def as_mapping(part: Mapping[str, Any]) -> str:
    """Returns a part of a mapping as one line of YAML."""
    return yaml.safe_dump(
        dict(part), default_flow_style=True, allow_unicode=True, sort_keys=False, width=sys.maxsize
    ).strip()[1:-1]


def merged(mapping: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a mapping with the parts of an answer added, key by key."""
    result = dict(mapping)
    for key, value in part.items():
        before = result.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = merged(cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", value))
        result[key] = value
    return result
