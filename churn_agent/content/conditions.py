"""Conditions that people write: `segment = smb and (overdue >= 1 or not owner in (ana, bob))`.

A name with spaces or signs is written in backticks.

A comparison with an unknown name is neither true nor false (three-valued logic: Kleene 1952).
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# The annotations of pyparsing are partial.

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

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
    """A comparison of a name with one value, or with several of which it must be one."""

    name: str
    sign: str
    """One of `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`."""
    values: tuple[Value, ...]

    def holds(self, known: Mapping[str, Value]) -> bool | None:
        """Whether it is true for known values; None if a value that decides is unknown."""
        value = known.get(self.name)
        if value is None:
            return None
        answers = [self._compare(value, constant) for constant in self.values]
        return None if None in answers else any(answers)

    def _compare(self, value: Value, constant: Value) -> bool | None:
        compare = _COMPARES["=" if self.sign == "in" else self.sign]
        if isinstance(constant, str):
            return compare(str(value).casefold(), constant.casefold())
        try:
            return compare(float(value), constant)
        except ValueError:
            return None if self.sign in _ORDERED else compare(str(value), f"{constant:g}")


@dataclass(frozen=True)
class Combination:
    """Parts joined by `and` or `or`, or one part after `not`."""

    how: Literal["and", "or", "not"]
    parts: tuple["Node", ...]

    def holds(self, known: Mapping[str, Value]) -> bool | None:
        """Whether it is true for known values; None if a value that decides is unknown."""
        answers = [part.holds(known) for part in self.parts]
        if self.how == "not":
            return None if answers[0] is None else not answers[0]
        decided = self.how == "or"  # the answer that a single part decides
        if decided in answers:
            return decided
        return None if None in answers else not decided


Node = Comparison | Combination


@dataclass(frozen=True)
class Condition:
    """A parsed condition."""

    text: str
    root: Node

    def holds(self, known: Mapping[str, Value]) -> bool | None:
        """Whether it holds; None if that depends on an unknown value."""
        return self.root.holds(known)

    @property
    def compared(self) -> list[tuple[str, Value]]:
        """Each name with each value that it is compared with."""
        return [(comparison.name, value) for comparison in _comparisons(self.root) for value in comparison.values]

    def check(self, kinds: Mapping[str, Kind], *, beside: str | None = None) -> None:
        """Checks the names and the kinds of their values.

        Args:
            kinds: name -> kind of its values.
            beside: prefix of names that are not in `kinds` and may be of any kind.

        Raises:
            InputError: a name is not in `kinds`, or is compared with a value of another kind.
        """
        for comparison in _comparisons(self.root):
            name = comparison.name
            if beside and name.startswith(beside):
                continue
            kind = kinds.get(name)
            if kind is None:
                raise InputError(f"condition {self.text!r}: unknown name {name!r}")
            number = all(isinstance(value, float) for value in comparison.values)
            if kind == "number" and not number:
                raise InputError(
                    f"condition {self.text!r}: {name!r} is a number and cannot be compared with "
                    f"{comparison.values[0]!r}"
                )
            if kind == "text" and comparison.sign in _ORDERED:
                raise InputError(
                    f"condition {self.text!r}: {name!r} is text and cannot be compared with {comparison.sign!r}"
                )


def parse(text: str) -> Condition:
    """Parses a condition. Raises `InputError` that names the place of the error."""
    try:
        root = cast("Node", _GRAMMAR.parse_string(text, parse_all=True)[0])
    except pp.ParseBaseException as error:
        place = f"at {text[error.loc :]!r}" if error.loc < len(text) else "at its end"
        raise InputError(
            f"cannot read the condition {text!r} {place}: write it as in: segment = smb and overdue >= 1"
        ) from error
    except RecursionError as error:
        raise InputError(_TOO_DEEP) from error
    level: list[Node] = [root]
    for _ in range(_MOST_LEVELS):
        level = [part for node in level if isinstance(node, Combination) for part in node.parts]
        if not level:
            return Condition(text, root)
    raise InputError(_TOO_DEEP)


def _comparisons(node: Node) -> list[Comparison]:
    if isinstance(node, Comparison):
        return [node]
    return [comparison for part in node.parts for comparison in _comparisons(part)]


def _grammar() -> pp.ParserElement:
    words = {word: pp.CaselessKeyword(word) for word in ("and", "or", "not", "in")}
    keyword = pp.MatchFirst(list(words.values()))
    name = (~keyword + pp.Regex(_NAME)) | pp.QuotedString("`")
    number = pp.Regex(r"-?\d+(\.\d+)?(?![\w.\-])").set_parse_action(pp.common.convert_to_float)
    quoted = pp.QuotedString('"', esc_char="\\") | pp.QuotedString("'", esc_char="\\")
    value = number | quoted | (~keyword + pp.Regex(r"[^\s()=<>!,\"']+"))
    several = pp.Suppress("(") + pp.DelimitedList(value) + pp.Suppress(")")
    plain = (name + pp.one_of(list(_COMPARES)) + value) | (name + words["in"] + several)

    def compared(tokens: Any) -> Comparison:
        return Comparison(tokens[0], tokens[1], tuple(tokens[2:]))

    def negated(tokens: Any) -> Combination:
        return Combination("not", (tokens[0][1],))

    def joined(tokens: Any) -> Combination:
        return Combination(tokens[0][1], tuple(tokens[0][::2]))

    return pp.infix_notation(
        plain.set_parse_action(compared),
        [
            (words["not"], 1, pp.OpAssoc.RIGHT, negated),
            (words["and"], 2, pp.OpAssoc.LEFT, joined),
            (words["or"], 2, pp.OpAssoc.LEFT, joined),
        ],
    )


_GRAMMAR = _grammar()
