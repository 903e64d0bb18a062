"""Conditions that people write: `segment = smb and (overdue >= 1 or not owner in (ana, bob))`.

A name with spaces or signs in it stands between backticks.

A name that nothing is known of makes a comparison neither true nor false (three-valued logic: Kleene 1952).
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyparsing as pp

from churn_agent.errors import InputError

Value = float | str
Kind = Literal["number", "text"]
_COMPARES: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ORDERED = frozenset({"<", "<=", ">", ">="})
_MOST_LEVELS = 100
_TOO_DEEP = f"cannot read the condition: it is nested more than {_MOST_LEVELS} levels deep"
_NAME = r"[^\W\d][\w.]*"


@dataclass(frozen=True)
class Comparison:
    """A name against a value, or against several of which it is to be one."""

    name: str
    sign: str
    """One of `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`."""
    values: tuple[Value, ...]

    def holds(self, known: Mapping[str, Value]) -> bool | None:
        value = known.get(self.name)
        if value is None:
            return None
        answers = [self._compare(value, given) for given in self.values]
        return None if None in answers else any(answers)

    def _compare(self, value: Value, given: Value) -> bool | None:
        compare = _COMPARES["=" if self.sign == "in" else self.sign]
        if isinstance(given, str):
            return compare(str(value).casefold(), given.casefold())
        try:
            return compare(float(value), given)
        except ValueError:
            return None if self.sign in _ORDERED else compare(str(value), f"{given:g}")


@dataclass(frozen=True)
class Combination:
    """Parts joined by `and` or `or`, or one part after `not`."""

    how: Literal["and", "or", "not"]
    parts: tuple["Node", ...]

    def holds(self, known: Mapping[str, Value]) -> bool | None:
        answers = [part.holds(known) for part in self.parts]
        if self.how == "not":
            return None if answers[0] is None else not answers[0]
        decided = self.how == "or"  # the answer that one part is enough for
        if decided in answers:
            return decided
        return None if None in answers else not decided


Node = Comparison | Combination


@dataclass(frozen=True)
class Condition:
    """A condition that was parsed."""

    text: str
    root: Node

    def holds(self, known: Mapping[str, Value]) -> bool | None:
        """Whether it holds; None where that depends on something that is not known."""
        return self.root.holds(known)

    @property
    def compared(self) -> list[tuple[str, Value]]:
        """Each name with each value that it is held against."""
        return [(each.name, value) for each in _comparisons(self.root) for value in each.values]

    def check(self, kinds: Mapping[str, Kind], *, beside: str | None = None) -> None:
        """Looks at names and the kinds of their values.

        Args:
            beside: beginning of names that are not in `kinds` and may be of any kind.

        Raises:
            InputError: for a name that is not in `kinds`, or one that meets a value of another kind.
        """
        for each in _comparisons(self.root):
            if beside and each.name.startswith(beside):
                continue
            kind = kinds.get(each.name)
            if kind is None:
                raise InputError(f"condition {self.text!r}: nothing is called {each.name!r}")
            number = all(isinstance(value, float) for value in each.values)
            if kind == "number" and not number:
                raise InputError(f"condition {self.text!r}: {each.name!r} is a number and cannot be {each.values[0]!r}")
            if kind == "text" and each.sign in _ORDERED:
                raise InputError(f"condition {self.text!r}: {each.name!r} is text: it has no {each.sign!r}")


def parse(text: str) -> Condition:
    """Reads a condition. Raises `InputError` that names the place where it cannot go on."""
    try:
        [root] = _GRAMMAR.parse_string(text, parse_all=True)
    except pp.ParseBaseException as error:
        place = f"at {text[error.loc :]!r}" if error.loc < len(text) else "at its end"
        raise InputError(
            f"cannot read the condition {text!r} {place}: write it as in: segment = smb and overdue >= 1"
        ) from error
    except RecursionError as error:
        raise InputError(_TOO_DEEP) from error
    level = [root]
    for _ in range(_MOST_LEVELS):
        level = [part for node in level if isinstance(node, Combination) for part in node.parts]
        if not level:
            return Condition(text, root)
    raise InputError(_TOO_DEEP)


def _comparisons(node: Node) -> list[Comparison]:
    if isinstance(node, Comparison):
        return [node]
    return [each for part in node.parts for each in _comparisons(part)]


def _grammar() -> pp.ParserElement:
    words = {word: pp.CaselessKeyword(word) for word in ("and", "or", "not", "in")}
    keyword = pp.MatchFirst(list(words.values()))
    name = (~keyword + pp.Regex(_NAME)) | pp.QuotedString("`")
    number = pp.Regex(r"-?\d+(\.\d+)?(?![\w.\-])").set_parse_action(pp.common.convert_to_float)
    quoted = pp.QuotedString('"', esc_char="\\") | pp.QuotedString("'", esc_char="\\")
    value = number | quoted | (~keyword + pp.Regex(r"[^\s()=<>!,\"']+"))
    several = pp.Suppress("(") + pp.DelimitedList(value) + pp.Suppress(")")
    plain = (name + pp.one_of(list(_COMPARES)) + value) | (name + words["in"] + several)

    def compared(found: Any) -> Comparison:
        return Comparison(found[0], found[1], tuple(found[2:]))

    def negated(found: Any) -> Combination:
        return Combination("not", (found[0][1],))

    def joined(found: Any) -> Combination:
        return Combination(found[0][1], tuple(found[0][::2]))

    return pp.infix_notation(
        plain.set_parse_action(compared),
        [
            (words["not"], 1, pp.OpAssoc.RIGHT, negated),
            (words["and"], 2, pp.OpAssoc.LEFT, joined),
            (words["or"], 2, pp.OpAssoc.LEFT, joined),
        ],
    )


_GRAMMAR = _grammar()
