"""Lines of a visible text, with what they are evidence of."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from churn_agent.ingest.cleaning.markup import CITED, NOT_CITED

_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_QUOTED = re.compile(r"[ \t]{0,4}((?:>[ \t\xa0]?)+)(?=[\w>\"'(*\[\-–—„“«<#+=\\/|.…•]|\s|$)")
_EMPHASIS = re.compile(r"^[*_ \t\xa0]+(?=\S)|(?<=\S)[*_]+(?=\s|$)|(?<=[:\uff1a])[*_]+")


@dataclass(slots=True)
class Line:
    """A line of a visible text."""

    start: int
    end: int
    """Offset after its newline."""
    text: str
    bare: str
    """The text without quotation signs, invisible characters and blank space around it."""
    depth: int
    """Number of quotation signs (`>`) at its beginning."""
    cited: int
    """Whether HTML says that it is quoted: `NOT_CITED`, `BLOCKQUOTE` or `CITED`."""
    kind: str | None = None
    """Kind of the mark that this line is part of."""

    @property
    def blank(self) -> bool:
        """Whether nothing is written on it, except quotation signs."""
        return not self.bare

    @property
    def quoted(self) -> bool:
        """Whether it may be a quoted line."""
        return bool(self.depth or self.cited)

    @property
    def own(self) -> bool:
        """Whether it has words that are not marked."""
        return bool(self.bare) and self.kind is None


def lines_of(text: str, cited: list[int] | None = None, tagged: Sequence[tuple[int, int]] = ()) -> list[Line]:
    """Splits a text at its newlines, and around what tags quote.

    Args:
        text: visible text.
        cited: for each line, what HTML says of it.
        tagged: start and end of each quote in tags, whose lines are marked.
    """
    lines: list[Line] = []
    start = 0
    for number, line in enumerate(text.split("\n")):
        bare, depth = line, 0
        if ">" in line and not line.endswith(" >>>") and (sign := _QUOTED.match(line)):
            bare, depth = line[sign.end() :], sign[1].count(">")
        if not bare.isascii():
            bare = _INVISIBLE.sub("", bare).replace("\xa0", " ")
        end = start + len(line) + 1
        level = cited[number] if cited else NOT_CITED
        lines.append(Line(start, min(end, len(text)), line, bare.strip(), depth, level))
        start = end
    return _apart(lines, tagged) if tagged else lines


def _apart(lines: list[Line], tagged: Sequence[tuple[int, int]]) -> list[Line]:
    """Splits lines where a quote in tags begins or ends, and marks what is in it."""
    starts, ends = [start for start, _ in tagged], [end for _, end in tagged]
    cuts = sorted({*starts, *ends})
    parts: list[Line] = []
    for line in lines:
        at = line.start
        for end in [*cuts[bisect_right(cuts, line.start) : bisect_left(cuts, line.end)], line.end]:
            part = line
            if (at, end) != (line.start, line.end):
                text = line.text[at - line.start : end - line.start]
                part = replace(line, start=at, end=end, text=text, bare=text.strip())
            if bisect_right(starts, at) > bisect_right(ends, at):
                part.kind = "quote"
            parts.append(part)
            at = end
    return parts


def without_emphasis(text: str) -> str:
    """Removes the asterisks and underscores that plain text has for bold and italics."""
    return _EMPHASIS.sub("", text) if "*" in text or "_" in text else text


def surely_cited(line: Line) -> bool:
    """Whether the HTML of a mail client says that the line is quoted."""
    return line.cited == CITED
