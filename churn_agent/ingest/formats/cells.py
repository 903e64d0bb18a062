"""Cells without a value, and samples of the others."""

from collections.abc import Iterator

from yaml import SafeDumper
from yaml.representer import SafeRepresenter

_MISSING = frozenset(r"- -- – — ? . n/a na n.a. nan null none nil <na> nat \n (null) (none) (blank) undefined".split())
_ERRORS = frozenset(
    """
    #n/a #na #nv #n/d #n/v #nd #ref! #bezug! #¡ref! #rif! #verw! #value! #wert! #valeur! #valor! #¡valor! #valore!
    #waarde! #div/0! #¡div/0! #deel/0! #name? #nom? #¿nombre? #nome? #naam? #null! #nul! #nulo! #¡nulo! #nullo! #leeg!
    #num! #zahl! #nombre! #¡num! #núm! #getal! #spill! #überlauf! #calc! #field! #blocked! #busy! #connect! #unknown!
    #getting_data #error! #fehler!
    """.split()
)
"""Error cells as spreadsheets write them in English, German, French, Spanish, Italian, Dutch and Portuguese."""
_OF_PROGRAMS = frozenset({"NULL", "NaT", "NaN", "<NA>", r"\N", "(null)"})
_LONGEST = 40
"""Characters of an example."""


class NumberText(str):
    """The text of a cell that its source holds as a number, so that its point is a decimal point."""

    __slots__ = ()

    def strip(self, chars: str | None = None, /) -> "NumberText":
        """Returns the text itself: without this, `strip` would return a text like any other."""
        return self


SafeDumper.add_representer(NumberText, SafeRepresenter.represent_str)  # quoted, so that it is read again as text


def is_error_cell(text: str) -> bool:
    """Whether a spreadsheet wrote an error in place of a value: `#N/A`, `#REF!`, `Err:502`, `####`."""
    if text[:1] != "#" and text[:4] != "Err:":
        return False
    return text.casefold() in _ERRORS or text.startswith("Err:5") or (len(text) > 1 and not text.strip("#"))


def stands_for_nothing(text: str) -> bool:
    """Whether a program wrote a text in place of a message that is missing; people write `none`, `nan` and `-`."""
    return len(text) < 16 and (text in _OF_PROGRAMS or is_error_cell(text))


def is_missing(text: str) -> bool:
    """Whether a text stands for no value: blank, a dash, `NULL`, `n/a`, or an error cell."""
    written = text.strip()
    return not written or (len(written) < 16 and (written.casefold() in _MISSING or is_error_cell(written)))


class Examples:
    """The shortest few of many texts, whatever their order; memory is constant."""

    def __init__(self, most: int = 3) -> None:
        """Creates an empty sample of at most `most` texts."""
        self._most = most
        self._kept: list[tuple[int, str]] = []

    def add(self, text: str) -> None:
        """Adds a text."""
        entry = len(text), text[:_LONGEST]
        if (len(self._kept) == self._most and entry >= self._kept[-1]) or entry in self._kept:
            return
        self._kept = sorted([*self._kept, entry])[: self._most]

    def __iter__(self) -> Iterator[str]:
        return (text for _, text in self._kept)

    def __str__(self) -> str:
        return ", ".join(map(repr, self))
