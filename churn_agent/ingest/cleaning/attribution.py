"""Lines above a quoted mail: attributions ("Ana wrote:"), headers of Outlook, and separators.

The layouts of `mail-parser-reply` are used line by line, together with our own words. A line counts as evidence only
with a date, a time or an address, as no person writes them by hand.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache

from churn_agent.ingest.cleaning.lines import Line, without_emphasis
from churn_agent.ingest.cleaning.words import any_of, pattern, words

_LONGEST = 300
"""Most characters of an attribution; longer lines are sentences."""
_MOST_WRAPPED = 3
"""Most lines over which a client wraps an attribution."""
_RULE = "-_=*\u2013\u2014 "
_END = re.compile(r"(?:[:\uff1a]|[-\u2013\u2014]{2,}|>>>)[ \t>]*$")
_ADDRESS = re.compile(
    r"[<(\[\uff08]\s?(?:mailto:|<?mailto:)?[^\s<>()\[\]@]{1,80}@[^\s<>()\[\]@]{1,80}(?:\smailto:[^\s<>]{1,200})?\s?[>)\]\uff09]"
    r"|<[^\s<>@]{1,80}@[^\s<>@]{1,80}"
)
_BARE_ADDRESS = re.compile(r"[^\s<>()\[\]@,;:]{1,80}@[\w-]{1,60}\.[\w.-]{1,60}")
_TIME = re.compile(
    r"\b\d{1,2}\s?[:.h時时시]\s?\d{2}\b|\d{1,2}[時时]\d{1,2}[分]|\d{1,2}시|\b\d{1,2}\s?[ap]\.?m\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:19|20|25)\d\d\b|\d{4}[年년]|\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}\b|\b\d{4}[./-]\d{1,2}[./-]\d{1,2}\b"
    r"|\b\d{1,2}(?:st|nd|rd|th|er|\u00ba)?\.?\s(?:de\s)?[^\W\d_]{3,10}\b|\b[^\W\d_]{3,9}\.?\s\d{1,2}(?:st|nd|rd|th)?\b"
)
_SENTENCE_END = re.compile(r"[^\W\d_]{4,}[.!?\u2026]+[\"'\u201d)]*$|[!?\u3002\uff01\uff1f]$")
_FULL_DATE = re.compile(r"\b(?:19|20|25)\d\d\b|\d{4}[年년]|\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}\b")
_NOTES = re.compile(r"[^\W\d_]/[^\W\d_]|\d{1,2}:\d{2}:\d{2}")
"""Names of Notes, such as "Mia Berg/Sales/Acme", or a time with seconds."""
_NOTES_OR_MAIL = re.compile(rf"@|{_NOTES.pattern}")
_DATE_ONLY = re.compile(r"\d{4}[/-]\d{1,2}[/-]\d{1,2}[^<>]{0,80}<[^\s<>@]+@[^\s<>@]+>$")


class Strength(Enum):
    """How sure it is that a line is an attribution."""

    SURE = "even without quotation signs"
    LIKELY = "if quotation signs follow"
    OWN = "the person has written it"


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
    if len(end) > _LONGEST or not end.strip(_RULE + ":\uff1a") or not (_END.search(end) or end.endswith(">")):
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
        found = strength(without_emphasis(joined))
        if found is Strength.SURE:
            return Head(first, at, sure=True)
        if found and possible is None:
            possible = Head(first, at, sure=False, own=found is Strength.OWN)
    return possible


def _wrapped(lines: list[Line], at: int) -> list[Line]:
    return lines[max(0, at + 1 - _MOST_WRAPPED) : at + 1]


def _quoted_below(lines: list[Line], at: int) -> bool:
    below = next((line for line in lines[at + 1 : at + 4] if not line.blank), None)
    return below is not None and below.quoted


def strength(text: str) -> Strength | None:
    """Returns how sure it is that a line is an attribution; None if it is none."""
    dated, timed = bool(_DATE.search(text)), bool(_TIME.search(text))
    address = _ADDRESS.search(text)
    if not _END.search(text):
        return Strength.LIKELY if _DATE_ONLY.match(text) else None
    verb = bool(_verbs().search(text)) or (dated and _library().match(text) is not None)
    if _persons(all_persons=not (address and verb and dated and timed)).search(_without_name(text, address)):
        return Strength.OWN if verb or _said().search(text) else None
    if address or _BARE_ADDRESS.search(text):
        if (verb and dated) or (address and dated and timed):
            return Strength.SURE
    elif verb and _FULL_DATE.search(text) and _NOTES.search(text):
        return Strength.SURE
    if verb or (address and (dated or timed)):
        return Strength.LIKELY
    return Strength.OWN if _said().search(text) else None


def _without_name(text: str, address: re.Match[str] | None) -> str:
    """The text without the address, which may have words of any language."""
    return text[: address.start()] + text[address.end() :] if address else _BARE_ADDRESS.sub("", text)


def _ends_sentence(text: str) -> bool:
    return _SENTENCE_END.search(text) is not None


def _join(first: str, second: str) -> str:
    return first + second if first.endswith(("<", "(", "[")) or second.startswith((">", ")")) else f"{first} {second}"


@cache
def _verbs() -> re.Pattern[str]:
    return re.compile(any_of(words()["wrote"]), re.IGNORECASE)


@cache
def _said() -> re.Pattern[str]:
    return re.compile(any_of(words()["said"]), re.IGNORECASE)


@cache
def _persons(*, all_persons: bool) -> re.Pattern[str]:
    """Pronouns; without `all_persons` those of the first person, as a name may have the others ("Your Acme team")."""
    pronouns = words()["pronouns"]
    small = pronouns["small"] if all_persons else set(pronouns["small"]) & set(pronouns["first_person"])
    any_case = pronouns["any_case"] if all_persons else ["i'm"]
    listed = ("|".join(map(re.escape, sorted(given))) for given in (small, any_case))
    return re.compile("(?<![\\w.@-])(?:I|{}|(?i:{}))(?![\\w.@-])".format(*listed))


@cache
def _library() -> re.Pattern[str]:
    """The attributions of mail-parser-reply, in all its languages, for one line."""
    from mailparser_reply.constants import MAIL_LANGUAGES

    layouts = [language["wrote_header"] for language in MAIL_LANGUAGES.values() if "wrote_header" in language]
    return re.compile("|".join(layouts), re.IGNORECASE)


# Headers of Outlook and its like

_ROLES = ("from", "sent", "to", "subject", "other")
_ALL: frozenset[str] = frozenset(_ROLES[:4])
_LONGEST_KEY = 32
_EMPHASIS = " *_\t"
_MOST_FOLDED = 3
"""Most lines over which a list of recipients is folded."""


@cache
def _role_of() -> dict[str, str]:
    return {word: role for role in reversed(_ROLES) for word in words()["headers"][role]}


def header(lines: list[Line], at: int, *, least: int = 3) -> Head | None:
    """Returns the header of a quoted mail that begins in a line ("From: ... Sent: ... To: ... Subject: ...").

    Args:
        lines: lines of a mail.
        at: number of the line.
        least: fewest kinds of fields, fewer below a separator.
    """
    if (first := _field(lines[at])) is None or first[0] == "other" or (at and _key_of(lines[at - 1])):
        return None
    roles = {first[0]}
    proof, last, folded, blanks = _proves(*first), at, 0, 0
    for number in range(at + 1, min(len(lines), at + 25)):
        line = lines[number]
        if line.blank:
            blanks += 1
            if blanks > 1 or roles >= _ALL:
                break
            continue
        field = _field(line)
        if field is None:
            if roles >= _ALL:
                break
            if blanks == 0 and folded < _MOST_FOLDED and ("@" in line.bare or line.text[:1] in " \t"):
                folded, last = folded + 1, number
                continue
            if blanks == 0 and _key_of(line):  # a form has fields that no mail has
                return None
            break
        if blanks and field[0] in roles:  # a field of the text below
            break
        roles.add(field[0])
        proof = proof or _proves(*field)
        last, folded, blanks = number, 0, 0
    main = roles - {"other"}
    if "from" not in main or len(main) < least or not (proof or main == _ALL):
        return None
    return Head(at, last, sure=True)


def _field(line: Line) -> tuple[str, str] | None:
    """Role and value of a line of a header."""
    key, value = _split(line)
    role = _role_of().get(key)
    return (role, value) if role else None


def _split(line: Line) -> tuple[str, str]:
    """Key, in small letters, and value of a line; an empty key if it has none."""
    start = line.bare[:_LONGEST_KEY]
    if ":" not in start and "\uff1a" not in start:
        return "", ""
    key, _, value = line.bare.replace("\uff1a", ":", 1).partition(":")
    return " ".join(key.strip(_EMPHASIS).casefold().split()), value.strip(_EMPHASIS)


def _key_of(line: Line) -> bool:
    key, value = _split(line)
    return 0 < len(key.split()) <= 3 and bool(value) and len(line.bare) < 120


def _proves(role: str, value: str) -> bool:
    """Whether a field has what only a mail has: an address or a subject. A journey has the others, too."""
    return role == "subject" or (role in ("from", "to") and "@" in value)


# Separators

_DASHES = r"[-_=*\u2013\u2014]"


@cache
def _separators() -> re.Pattern[str]:
    listed, forwarding = (any_of(words()[name]) for name in ("separators", "forwarding"))
    return re.compile(
        rf"{_DASHES}{{2,}}+\s*+(?:{listed})(?:\s(?=.*[\d@/]).{{0,80}}?)?\s*{_DASHES}{{2,}}$|(?:{forwarding})\s?[:\uff1a]$",
        re.IGNORECASE,
    )


def separator(lines: list[Line], at: int) -> Head | None:
    """Returns the line that a client puts above a quoted or forwarded mail, with the header below it."""
    line = lines[at].bare
    if len(line) > 120 or not line.strip(_RULE) or not _separators().match(line):
        return None
    below = next((number for number in range(at + 1, min(len(lines), at + 4)) if not lines[number].blank), None)
    head = header(lines, below, least=2) if below is not None else None
    return Head(at, head.last if head else at, sure=True)


def reply_marker(line: Line) -> bool:
    """Whether a help desk asks in this line to reply above it."""
    return 5 < len(line.bare) <= 250 and pattern("markers").fullmatch(line.bare) is not None
