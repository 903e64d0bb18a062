"""Signatures at the end of mails.

Only a known closing or the usual `-- ` begins a signature, and only names, titles and contact details belong to it. A
sentence below a closing is the person's own; if one follows, the closing was in the middle.
"""

import re
from functools import cache

from churn_agent.ingest.cleaning.lines import Line, without_emphasis
from churn_agent.ingest.cleaning.words import words

_MOST_LINES = 14
_LONGEST = 90
_MANY = 2
"""Fewest contact details below a title, and most words in small letters beside one."""
_MOST_WORDS = 14
_DELIMITER = re.compile(r"--\s?$|\u2014\s?$")
_TRAILING = " ,.!;:\u2013\u2014-\u3002\uff0c\uff01~"
_CONTACT = re.compile(
    r"@|https?://|www\.|\+?\(?\d[\d\s()./-]{5,}\d|\b(?:tel|phone|mobile|mob|cell|fax|web|e-?mail|mail|fon|telefon|handy|"
    r"tél|tlf|puh|gsm|m|t|f|p|тел)\s?[.:]\s?\+?[\d(]|\b\d{4,5}\s[^\W\d_]{2,}",
    re.IGNORECASE,
)
_SMALL = frozenset(
    """of the and for at in to & de da do dos das del della di du des la le les el von van der den und für im am zu zum
    zur et rue avenue boulevard bd place via viale piazza calle plaza rua praça ulica ul ul. straat gade vej gata katu
    en y e i a og och ja of voor het te na w z ds dla v pro и по ve bei | / - \u2013 \u00b7 \u2022 ,""".split()
)
_SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"')\u201d]*$")
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Inc|Ltd|Co|Corp|GmbH|S\.?A|S\.?L|B\.?V|A\.?S|Dr|Prof|Jr|Sr|Ing|Dipl|M\.?Sc|B\.?Sc|Ph\.?D|o\.o)\.$"
)
_POSTSCRIPT = re.compile(r"(?:p\.?\s?p?\.?\s?s\b\.?|n\.?b\.|edit\b|nachtrag|ps)\s?[:.)\u2013-]?", re.IGNORECASE)


def mark_signature(lines: list[Line]) -> bool:
    """Marks the signature above the end of the text, or above its postscript.

    Returns:
        Whether there is one.
    """
    own = [number for number, line in enumerate(lines) if line.own]
    postscript = next((at for at, number in enumerate(own) if at and _POSTSCRIPT.match(lines[number].bare)), None)
    written = own[:postscript]
    end = at = len(written)
    while (at := at - 1) > 0 and end - at <= _MOST_LINES:
        line = lines[written[at]]
        if not is_closing(line.bare) and not (_DELIMITER.match(line.bare) and at < end - 1):
            continue
        if not _details([lines[number].bare for number in written[at + 1 : end]]):
            break
        for number in range(written[at], written[end - 1] + 1):
            lines[number].kind = lines[number].kind or "signature"
        end = at
    return end < len(written)


def is_closing(text: str) -> bool:
    """Whether a line is a closing, such as "Best regards,", and nothing else."""
    bare = without_emphasis(text).strip().strip(_TRAILING)
    return len(bare) <= 60 and " ".join(bare.casefold().split()) in _closings()


def _details(lines: list[str]) -> bool:
    contacts = [bool(_CONTACT.search(line)) for line in lines]
    return all(
        _detail(line, contact=any(contacts)) or (sum(contacts[number:]) >= _MANY and _may_be_title(line))
        for number, line in enumerate(lines)
    )


def _detail(text: str, *, contact: bool) -> bool:
    """Whether a line is a name, a title or a contact, not a sentence.

    Args:
        text: the line.
        contact: whether contact details are near, so that words in capitals are a name, not a shout.
    """
    bare = without_emphasis(text).strip(" |*\u2022\u00b7,")
    tokens = bare.split()
    if not tokens or is_closing(bare):
        return True
    if len(bare) > _LONGEST or len(tokens) > _MOST_WORDS or _says_something(tokens):
        return False
    if _CONTACT.search(bare):
        return sum(token.isalpha() and token.islower() and len(token) > 2 for token in tokens) <= _MANY
    if len(tokens) > (_MOST_WORDS if contact and any(map(str.isdigit, bare)) else 7) or (
        _SENTENCE_END.search(bare) and not _ABBREVIATION.search(bare)
    ):
        return False
    if not contact and len(bare) > 3 and bare.isupper():
        return False
    return all(_as_in_names(token.strip(_TRAILING + "()\"'")) for token in tokens)


def _may_be_title(text: str) -> bool:
    """Whether a line above several contact details is a title, such as "Responsable achats"."""
    tokens = text.split()
    return len(tokens) <= 4 and text[0].isupper() and not _SENTENCE_END.search(text) and not _says_something(tokens)


def _says_something(tokens: list[str]) -> bool:
    return not _spoken().isdisjoint(token.strip(_TRAILING + "()\"'").casefold() for token in tokens)


def _as_in_names(token: str) -> bool:
    return not token or token.casefold() in _SMALL or token[0].isupper() or token[0].isdigit()


@cache
def _closings() -> frozenset[str]:
    return frozenset(map(str.casefold, words()["closings"]))


@cache
def _spoken() -> frozenset[str]:
    """Words that make a line more than a name; one letter may be an initial."""
    pronouns = (word for word in words()["pronouns"]["first_person"] if len(word) > 1 or word == "i")
    return frozenset((*words()["telling"], *pronouns))
