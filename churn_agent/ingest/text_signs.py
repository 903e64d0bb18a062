"""Signs that texts are not what they seem: garbled letters, or the words of both sides in one text."""

import re
from collections.abc import Iterable

from churn_agent.domain.wording import counted
from churn_agent.ingest.questions import Guess

_MOST_LOOKED_AT = 5_000
_MOST_CHARACTERS = 20_000
_GARBLED = re.compile("(?:[ÂÃÄÅÐÑ]|[à-ï][\x80-\xbf\u0152-\u2122])[\x80-\xbf\u0152-\u2122]")
"""Two or three characters that stand for one: UTF-8 that was read as Windows-1252 or Latin-1."""
_SIDES = {
    **dict.fromkeys("customer client visitor requester guest buyer kunde kundin klant cliente".split(), "customer"),
    **dict.fromkeys(
        """agent support operator representative advisor adviser csr staff mitarbeiter mitarbeiterin berater
        agente""".split(),
        "company",
    ),
}
"""Words before a colon; those that also begin lines of headers (`Sent:`, `Contact:`) are not among them."""
_LABEL = re.compile(
    r"^[ \t]*(?:[\[(]?\d[\d:.,/ T-]*(?:[ap]\.?m\.?)?[\])]?[ \t-]*)?"  # a time
    r"(?P<name>[^\W\d][^:\n()]{0,30}?)[ \t]*(?:\((?P<role>[^()\n:]{2,20})\))?[ \t]*:",
    re.MULTILINE | re.IGNORECASE,
)


class TextSigns:
    """What the first texts of a column look like."""

    def __init__(self) -> None:
        """Creates an empty sample."""
        self._looked_at = self._garbled = self._both = 0
        self._example = self._labels = ""

    def add(self, column: Iterable[str]) -> None:
        """Adds texts, as long as the sample is not full."""
        for text in column:
            if self._looked_at >= _MOST_LOOKED_AT:
                return
            if text:
                self._looked_at += 1
                self._add(text[:_MOST_CHARACTERS])

    def _add(self, text: str) -> None:
        if not text.isascii() and (found := _GARBLED.search(text)) and _reads_as_utf8(text, found):
            self._garbled += 1
            self._example = self._example or text[max(0, found.start() - 15) : found.end() + 15]
        if "\n" in text and ":" in text:
            labels = ((label["role"] or label["name"], label[0].strip()) for label in _LABEL.finditer(text))
            sides = {side: shown for word, shown in labels if (side := _SIDES.get(word.strip().casefold()))}
            if len(sides) > 1:
                self._both += 1
                self._labels = self._labels or f"{sides['customer']!r} and {sides['company']!r}"

    def guesses(self, column: str) -> list[Guess]:
        """Returns what the user should know about a column."""
        garbled = Guess(
            column,
            "texts as they are, with garbled letters",
            f"UTF-8 that was read as another encoding: {counted(self._garbled, 'text')}, such as {self._example!r}",
            "export it again as UTF-8",
        )
        both = Guess(
            column,
            "texts as they are: one speaker counts for the words of both sides",
            f"{counted(self._both, 'text has', 'texts have')} lines such as {self._labels}",
            "a row for each message, or a file for each conversation",
        )
        return [guess for guess, n in ((garbled, self._garbled), (both, self._both)) if n]


def _reads_as_utf8(text: str, found: re.Match[str]) -> bool:
    """Whether the word of a match is one letter less when its bytes are read as UTF-8."""
    start, end = found.span()
    while start and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    for encoding in ("cp1252", "latin-1"):
        try:
            text[start:end].encode(encoding).decode()
        except UnicodeError:
            continue
        return True
    return False
