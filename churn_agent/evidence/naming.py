"""Invented names for companies, so that a model's knowledge about real names does not influence its answers."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

OWN = "Acme"
OTHERS = ("Rivalo", "Beta", "Gamma", "Delta")


def renamed(
    text: str, own: str, companies: Collection[str] = (), *, as_own: str = OWN, as_others: Sequence[str] = OTHERS
) -> str:
    """Replaces the names of companies in a text with invented ones: whole words, in any letter case.

    Args:
        text: the text.
        own: the company that the writer may leave.
        companies: known company names, with or without `own`.
        as_own: the new name of `own`.
        as_others: new names for the others, in order of appearance.
    """
    new_names = {own.casefold(): as_own}
    reserved = len(new_names)

    def name(match: re.Match[str]) -> str:
        return new_names.setdefault(match[0].casefold(), as_others[(len(new_names) - reserved) % len(as_others)])

    return _any_of(frozenset({own, *companies})).sub(name, text)


def named(text: str, own: str, companies: Collection[str]) -> set[str]:
    """The companies named in a text, casefolded."""
    return {name.casefold() for name in _any_of(frozenset({own, *companies})).findall(text)}


@lru_cache(maxsize=256)
def _any_of(names: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(filter(None, names), key=lambda name: (-len(name), name))
    either = "|".join(map(re.escape, longest_first)) or "(?!)"  # matches nothing
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
