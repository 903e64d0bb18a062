"""Headers of quoted mails as Outlook writes them, and lines that separate a quoted mail from its answer."""

import re
from functools import cache

from churn_agent.ingest.cleaning.attribution import DATE, RULE, TIME, Head
from churn_agent.ingest.cleaning.lines import Line
from churn_agent.ingest.cleaning.words import any_of, pattern, words

_ROLES = ("from", "sent", "to", "subject", "other")
_ALL: frozenset[str] = frozenset(_ROLES[:4])
_LONGEST_KEY = 32
_EMPHASIS = " *_\t"
_MOST_FOLDED = 3
"""Most lines over which a list of recipients is folded."""


@cache
def _role_of() -> dict[str, str]:
    return {word.casefold(): role for role in reversed(_ROLES) for word in words()["headers"][role]}


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
    proofs, last, folded, blanks = {_proves(*first)}, at, 0, 0
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
        proofs.add(_proves(*field))
        last, folded, blanks = number, 0, 0
    main = roles - {"other"}
    proven = "address" in proofs or (main >= _ALL and "date" in proofs)
    if "from" not in main or len(main) < least or not proven:
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


def _proves(role: str, value: str) -> str | None:
    """What a field has that only a header has: an `address`, or a full `date`. A journey has a date, too."""
    if role in ("from", "to"):
        return "address" if "@" in value else None
    return "date" if role == "sent" and DATE.search(value) and TIME.search(value) else None


_DASHES = r"[-_=*\u2013\u2014]"


@cache
def _separators() -> re.Pattern[str]:
    listed, forwarding = (any_of(words()[name]) for name in ("separators", "forwarding"))
    return re.compile(
        rf"{_DASHES}{{2,}}+\s*+(?:{listed})(?:\s(?=.*[\d@/]).{{0,80}}?)?\s*{_DASHES}{{2,}}$|(?:{forwarding})\s?[:\uff1a]$",
        re.IGNORECASE,
    )


def is_rule(line: Line) -> bool:
    """Whether a line only separates what stands above and below it."""
    bare = line.bare.casefold()
    return (len(bare) > 2 and not bare.strip(RULE)) or bare in _separator_phrases()


@cache
def _separator_phrases() -> frozenset[str]:
    return frozenset(map(str.casefold, words()["separators"]))


def separator(lines: list[Line], at: int) -> Head | None:
    """Returns the line that a client puts above a quoted or forwarded mail, with the header below it."""
    line = lines[at].bare
    if len(line) > 120 or not line.strip(RULE) or not _separators().match(line):
        return None
    below = next((number for number in range(at + 1, min(len(lines), at + 4)) if not lines[number].blank), None)
    head = header(lines, below, least=2) if below is not None else None
    return Head(at, head.last if head else at, sure=True)


def reply_marker(line: Line) -> bool:
    """Whether a help desk asks in this line to reply above it."""
    return 5 < len(line.bare) <= 250 and pattern("markers").fullmatch(line.bare) is not None
