"""Invented names for companies, so that a model's knowledge about real names does not influence its answers."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

OWN = "Acme"
OTHERS = ("Rivalo", "Beta", "Gamma", "Delta")


class Renaming:
    """A text with invented names for companies: whole words, in any letter case.

    Args:
        text: the text.
        own: the company that the writer may leave.
        companies: known company names, with or without `own`.
        as_own: the new name of `own`.
        as_others: new names for the others, in order of appearance.
    """

    def __init__(
        self,
        text: str,
        own: str,
        companies: Collection[str] = (),
        *,
        as_own: str = OWN,
        as_others: Sequence[str] = OTHERS,
    ) -> None:
        new_names = {own.casefold(): as_own}
        reserved = len(new_names)
        self._ends: list[tuple[int, int]] = [(0, 0)]  # of names: in the new text, and in the original

        def name(match: re.Match[str]) -> str:
            new = new_names.setdefault(match[0].casefold(), as_others[(len(new_names) - reserved) % len(as_others)])
            last_new, last = self._ends[-1]
            self._ends.append((last_new + match.start() - last + len(new), match.end()))
            return new

        self.text = _any_of(frozenset({own, *companies})).sub(name, text)

    def original(self, at: int) -> int:
        """The position in the original text of a position in the new one; inside a name, one in the old name."""
        new_end, end = max((ends for ends in self._ends if ends[0] <= at), default=(0, 0))
        following = next((old for new, old in self._ends if new > at), None)
        return end + at - new_end if following is None else min(end + at - new_end, following)


def renamed(
    text: str, own: str, companies: Collection[str] = (), *, as_own: str = OWN, as_others: Sequence[str] = OTHERS
) -> str:
    """The text of a `Renaming`."""
    return Renaming(text, own, companies, as_own=as_own, as_others=as_others).text


def named(text: str, own: str, companies: Collection[str]) -> set[str]:
    """The companies named in a text, casefolded."""
    return {name.casefold() for name in _any_of(frozenset({own, *companies})).findall(text)}


@lru_cache(maxsize=256)
def _any_of(names: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(filter(None, names), key=lambda name: (-len(name), name))
    either = "|".join(map(re.escape, longest_first)) or "(?!)"  # matches nothing
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
