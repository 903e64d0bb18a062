"""Made-up names for companies: whatever a model knows or has learned of a name says nothing of who leaves whom."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

OWN = "Acme"
OTHERS = ("Rivalo", "Beta", "Gamma", "Delta")


def renamed(
    text: str, own: str, companies: Collection[str] = (), *, as_own: str = OWN, as_others: Sequence[str] = OTHERS
) -> str:
    """A text with made-up names in the place of those of companies: whole words, in whatever case they are written.

    Args:
        own: the company that the writer may leave.
        companies: those whose names are known, with or without it.
        as_others: names for the others, in the order in which they come up.
    """
    given = {own.casefold(): as_own}
    others = len(given)

    def name(found: re.Match[str]) -> str:
        return given.setdefault(found[0].casefold(), as_others[(len(given) - others) % len(as_others)])

    return _any_of(frozenset({own, *companies})).sub(name, text)


def named(text: str, own: str, companies: Collection[str]) -> set[str]:
    """The companies that a text names, in lower case (casefolded)."""
    return {name.casefold() for name in _any_of(frozenset({own, *companies})).findall(text)}


@lru_cache(maxsize=256)
def _any_of(names: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(filter(None, names), key=lambda name: (-len(name), name))
    either = "|".join(map(re.escape, longest_first)) or "(?!)"  # which matches nothing
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
