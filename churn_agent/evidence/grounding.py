"""Checks whether a quote is in its text.

Texts are compared as a reader sees them: compatibility forms, letter case, typographic quotes and dashes, and white
space do not matter; every word does.
"""

import re
import unicodedata
from collections.abc import Iterator

LEAST_CONTENT_WORDS = 3

_FOLDED = str.maketrans('\u2018\u2019\u201c\u201d\u201e"\u2013\u2014\u2039', "''''''--<")
_INVISIBLE = ("Cc", "Cf")
_WORD = re.compile(r"[\w']+")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_TRIMMED = " \t\r\n.,;:!?\"'…-()[]"
# Not a library's stop words: scikit-learn's hold "bill", "call", "system" and "cry" and are English alone; longer lists
# also hold "want", "never" or "ohne". Each of them would widen quotes that can carry a reason as they are.
_FUNCTION_WORDS = frozenset(
    """a am an and are as at be been but by did do does for from had has have he her him his i i'm if in is it its it's
    me my no not of on or our she so that the their them then there they this to too up us was we were what when which
    who will with would you your
    aber als am an auch auf aus bei bin bis das dass dem den der des die dir du ein eine einem einen einer er es euch
    für hat habe haben ich ihr ihre im in ist ja kein mein mich mir mit nach nicht noch nur oder sehr sich sie sind so
    und uns vom von war was wenn wie wir wird zu zum zur""".split()
)


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """The character range of `quote` in `text`, or None if it is not there or cuts through a word."""
    folded_quote, _ = _normalise(quote.strip(_TRIMMED))
    if not folded_quote:
        return None
    folded, places = _normalise(text)
    at = folded.find(folded_quote)
    while at >= 0:
        end = at + len(folded_quote)
        starts_word = at == 0 or not (in_word(folded[at - 1]) and in_word(folded_quote[0]))
        ends_word = end == len(folded) or not (in_word(folded[end]) and in_word(folded_quote[-1]))
        if starts_word and ends_word:
            return places[at], places[end - 1] + 1
        at = folded.find(folded_quote, at + 1)
    return None


def ground(quote: str, text: str) -> tuple[int, int] | None:
    """Like `find_quote`, for quotes that can carry a reason.

    A quote with fewer than `LEAST_CONTENT_WORDS` content words is widened, sentence by sentence, until it has enough
    or is the whole text. One without any content word counts only if it is the whole text.
    """
    span = find_quote(quote, text)
    if span is None or quote.strip(_TRIMMED) == text.strip(_TRIMMED):
        return span
    start, end = span
    if not _content_words(text[start:end]):
        return None
    around = list(sentences(text))
    while _content_words(text[start:end]) < LEAST_CONTENT_WORDS:
        inside = [i for i, (first, last) in enumerate(around) if last > start and first < end]
        wider = around[inside[0]][0], around[inside[-1]][1]
        if wider == (start, end):  # these are complete sentences: add the next one, or the one before
            if inside[-1] + 1 < len(around):
                wider = start, around[inside[-1] + 1][1]
            elif inside[0] > 0:
                wider = around[inside[0] - 1][0], end
            else:
                break
        start, end = wider
    return start, end


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Character ranges of the sentences of a text, without white space around them."""
    begin = 0
    ends = [(match.start(), match.end()) for match in _SENTENCE_END.finditer(text)]
    for end, following in [*ends, (len(text), len(text))]:
        part = text[begin:end]
        if part.strip():
            start = begin + len(part) - len(part.lstrip())
            yield start, start + len(part.strip())
        begin = following


def in_word(character: str) -> bool:
    """Whether a character is part of a word: a letter, a digit or a combining mark."""
    return character.isalnum() or bool(unicodedata.combining(character))


def _content_words(text: str) -> int:
    return sum(word not in _FUNCTION_WORDS for word in _WORD.findall(text.casefold()))


def _normalise(text: str) -> tuple[str, list[int]]:
    """The folded text, and the original index of each of its characters."""
    folded: list[str] = []
    places: list[int] = []
    for index, character in enumerate(text):
        if character.isspace() or unicodedata.category(character) in _INVISIBLE:
            if folded and folded[-1] != " ":
                folded.append(" ")
                places.append(index)
            continue
        for part in unicodedata.normalize("NFKD", character).casefold().translate(_FOLDED):
            folded.append(part)
            places.append(index)
    return "".join(folded), places
