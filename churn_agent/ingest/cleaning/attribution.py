"""Lines above a quoted mail that say who wrote it: attributions, as in "Ana wrote:".

The layouts of `mail-parser-reply` are used line by line, together with our own words. A line counts as evidence only
with a date, a time or an address, as no person writes them by hand.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache

from churn_agent.ingest.cleaning.lines import Line, without_emphasis
from churn_agent.ingest.cleaning.words import any_of, words

_LONGEST = 300
"""Most characters of an attribution; longer lines are sentences."""
_MOST_WRAPPED = 3
"""Most lines over which a client wraps an attribution."""
RULE = "-_=*\u2013\u2014\u2500 "
"""Characters of which people and clients draw rules."""
_END = re.compile(r"(?:[:\uff1a]|[-\u2013\u2014]{2,}|>>>)[ \t>]*$")
_ADDRESS = re.compile(
    r"[<(\[\uff08]\s?(?:mailto:|<?mailto:)?[^\s<>()\[\]@]{1,80}@[^\s<>()\[\]@]{1,80}(?:\smailto:[^\s<>]{1,200})?\s?[>)\]\uff09]"
    r"|<[^\s<>@]{1,80}@[^\s<>@]{1,80}"
)
TAIL = re.compile(r"[^.!?:\uff1a<>]{0,30}[:\uff1a]\s")
"""What follows an address in an attribution."""
_BARE_ADDRESS = re.compile(r"[^\s<>()\[\]@,;:]{1,80}@[\w-]{1,60}\.[\w.-]{1,60}")
TIME = re.compile(
    r"\b\d{1,2}\s?[:.h時时시]\s?\d{2}\b|\d{1,2}[時时]\d{1,2}[分]|\d{1,2}시|\b\d{1,2}\s?[ap]\.?m\b",
    re.IGNORECASE,
)
DATE = re.compile(
    r"\b(?:19|20|25)\d\d\b|\d{4}[年년]|\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}\b|\b\d{4}[./-]\d{1,2}[./-]\d{1,2}\b"
    r"|\b\d{1,2}(?:st|nd|rd|th|er|\u00ba)?\.?\s(?:de\s)?[^\W\d_]{3,10}\b|\b[^\W\d_]{3,9}\.?\s\d{1,2}(?:st|nd|rd|th)?\b"
)
_SENTENCE_END = re.compile(r"[^\W\d_]{4,}[.!?\u2026]+[\"'\u201d)]*$|[!?\u3002\uff01\uff1f]$")
_FULL_DATE = re.compile(r"\b(?:19|20|25)\d\d\b|\d{4}[年년]|\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}\b")
_NOTES = re.compile(r"[^\W\d_]/[^\W\d_]")
"""Names of Notes, such as "Mia Berg/Sales/Acme"."""
_NOTES_OR_MAIL = re.compile(rf"@|{_NOTES.pattern}")
_DATE_ONLY = re.compile(r"\d{4}[/-]\d{1,2}[/-]\d{1,2}[^<>]{0,80}<[^\s<>@]+@[^\s<>@]+>$")


class Strength(Enum):
    """How sure it is that a line is an attribution."""

    SURE = "even without quotation signs"
    LIKELY = "if quotation signs follow"
    OWN = "the person has written it, and quotation signs follow"


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a quoted mail."""

    first: int
    last: int
    """Numbers of its first and last line."""
    sure: bool
    """Whether it is evidence enough without quotation signs below it."""
    own: bool = False
    """Whether the person has written it."""


def attribution(lines: list[Line], at: int) -> Head | None:
    """Returns the attribution that ends in a line, if there is one.

    Args:
        lines: lines of a mail.
        at: number of the line.
    """
    end = lines[at].bare
    if _runs_on(end):
        return Head(at, at, sure=True)
    if len(end) > _LONGEST or not end.strip(RULE + ":\uff1a") or not (_END.search(end) or end.endswith(">")):
        return None
    if not (_quoted_below(lines, at) or any(map(_NOTES_OR_MAIL.search, (line.bare for line in _wrapped(lines, at))))):
        return None
    possible: Head | None = None
    joined = ""
    for first in range(at, max(-1, at - _MOST_WRAPPED), -1):
        line = lines[first]
        if line.blank or line.depth != lines[at].depth or (first < at and _ends_sentence(line.bare)):
            break
        joined = line.bare if not joined else _join(line.bare, joined)
        if len(joined) > _LONGEST:
            break
        certainty = strength(without_emphasis(joined))
        if certainty is Strength.SURE:
            return Head(first, at, sure=True)
        if certainty and possible is None:
            possible = Head(first, at, sure=False, own=certainty is Strength.OWN)
    return possible


def _runs_on(line: str) -> bool:
    """Whether the quoted mail goes on in the line of its attribution, as phones of Yahoo write it."""
    address = _ADDRESS.search(line[:_LONGEST]) if "@" in line else None
    verb = TAIL.match(line, address.end()) if address else None
    return verb is not None and verb.end() < len(line) and strength(line[: verb.end()].rstrip()) is Strength.SURE


def _wrapped(lines: list[Line], at: int) -> list[Line]:
    return lines[max(0, at + 1 - _MOST_WRAPPED) : at + 1]


def _quoted_below(lines: list[Line], at: int) -> bool:
    below = next((line for line in lines[at + 1 : at + 4] if not line.blank), None)
    return below is not None and below.quoted


def strength(text: str) -> Strength | None:
    """Returns how sure it is that a line is an attribution; None if it is none."""
    dated, timed = bool(DATE.search(text)), bool(TIME.search(text))
    address = _ADDRESS.search(text)
    if not _END.search(text):
        return Strength.LIKELY if _DATE_ONLY.match(text) else None
    verb = bool(_verbs().search(text)) or (dated and _library().match(text) is not None)
    if _persons(all_persons=not (address and verb and dated and timed)).search(_without_name(text, address)):
        return Strength.OWN if (verb or _speaking().search(text)) and _addressed().search(text) else None
    if address or _BARE_ADDRESS.search(text):
        if (verb and dated) or (address and dated and timed):
            return Strength.SURE
    elif verb and _FULL_DATE.search(text) and _NOTES.search(text):
        return Strength.SURE
    if verb or (address and (dated or timed)):
        return Strength.LIKELY
    return None


def _without_name(text: str, address: re.Match[str] | None) -> str:
    """The text without the address and the verb, which may look like pronouns of another language."""
    rest = text[: address.start()] + text[address.end() :] if address else _BARE_ADDRESS.sub("", text)
    return _verbs().sub("", rest)


def _ends_sentence(text: str) -> bool:
    return _SENTENCE_END.search(text) is not None


def _join(first: str, second: str) -> str:
    return first + second if first.endswith(("<", "(", "[")) or second.startswith((">", ")")) else f"{first} {second}"


@cache
def _verbs() -> re.Pattern[str]:
    return re.compile(any_of(words()["wrote"]), re.IGNORECASE)


@cache
def _speaking() -> re.Pattern[str]:
    return re.compile(any_of(words()["said"]), re.IGNORECASE)


@cache
def _persons(*, all_persons: bool) -> re.Pattern[str]:
    """Pronouns; without `all_persons` those of the first person, as a name may have the others ("Your Acme team")."""
    pronouns = words()["pronouns"]
    small = pronouns["small"] if all_persons else set(pronouns["small"]) & set(pronouns["first_person"])
    any_case = pronouns["any_case"] if all_persons else ["i'm"]
    listed = ("|".join(map(re.escape, sorted(forms))) for forms in (small, any_case))
    return re.compile("(?<![\\w.@-])(?:I|{}|(?i:{}))(?![\\w.@-])".format(*listed))


@cache
def _addressed() -> re.Pattern[str]:
    """Pronouns for the company, as in "you wrote:"; "my boss said:" introduces words that the person passes on."""
    pronouns = words()["pronouns"]
    return re.compile(any_of(set(pronouns["any_case"]) - set(pronouns["first_person"])), re.IGNORECASE)


@cache
def _library() -> re.Pattern[str]:
    """The attributions of mail-parser-reply, in all its languages, for one line."""
    from mailparser_reply.constants import MAIL_LANGUAGES  # pyright: ignore[reportMissingTypeStubs]

    layouts = [language["wrote_header"] for language in MAIL_LANGUAGES.values() if "wrote_header" in language]
    return re.compile("|".join(layouts), re.IGNORECASE)
