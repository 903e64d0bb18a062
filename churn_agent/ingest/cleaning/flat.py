"""Quoted mails in texts whose newlines an export has lost."""

import re
from functools import cache

from churn_agent.ingest.cleaning.attribution import TAIL, Strength, strength
from churn_agent.ingest.cleaning.words import words

_ADDRESS = re.compile(r"[<(][^\s<>()@]{1,80}@[^\s<>()@]{1,80}[>)]")
_REACH = 160
_LONGEST = 20_000
"""Longer texts are not searched; nothing of them is left out."""
_START = re.compile(
    r"(?<!\S)(?:On|Am|Le|El|Il|Op|Em|Den|Dne|Dnia|W dniu|În|På|Pada|Vào|ใน|Στις|\d{4}[年년])(?=[\s\d])"
    r"|(?<!\S)(?:[^\W\d_]{2,5}\.?,?\s\d{1,2}\.?\s[^\W\d_]{3,6}\.?\s\d{4})"
)


def flat_quote(text: str) -> int | None:
    """Returns where a quoted mail begins in a text of one line; None if there is none, or nothing before it."""
    if "@" not in text or len(text) > _LONGEST:
        return None
    starts = [start for start in (_attribution(text), _header(text)) if start]
    return min(starts, default=None)


def _attribution(text: str) -> int | None:
    for address in _ADDRESS.finditer(text):
        tail = TAIL.match(text, address.end())
        if tail is None:
            continue
        reach = max(0, address.start() - _REACH)
        for start in reversed(list(_START.finditer(text, reach, address.start()))):
            if strength(text[start.start() : tail.end()].rstrip()) is Strength.SURE:
                return start.start()
    return None


def _header(text: str) -> int | None:
    sender, *others = _keys()
    for first in sender.finditer(text):
        at = first.end()
        for key, reach in zip(others, (160, 120, 300), strict=True):
            match = key.search(text, at, at + reach)
            if match is None:
                break
            at = match.end()
        else:
            return first.start()
    return None


@cache
def _keys() -> list[re.Pattern[str]]:
    listed = (words()["headers"][role] for role in ("from", "sent", "to", "subject"))
    parts = ("|".join(map(re.escape, sorted(role, key=len, reverse=True))) for role in listed)
    return [re.compile(rf"(?<!\S)\*?(?:{part})\s?[:\uff1a]\*?(?=\s)", re.IGNORECASE) for part in parts]
