"""Quoted mails in an answer."""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from functools import cache

from churn_agent.ingest.cleaning import headers
from churn_agent.ingest.cleaning.attribution import Head, attribution
from churn_agent.ingest.cleaning.lines import Line, surely_cited
from churn_agent.ingest.cleaning.words import words

_COMPARISON = re.compile(r"[\d$\u20ac\u00a3\u00a5%~=<]")
_NUMBERED = re.compile(r"\d+[.)]\s")
_PROMPT = re.compile(r"[ \t]{0,4}>>> ")
_FIELD = re.compile(
    r"(?:from|to|sent|date|subject|von|an|gesendet|datum|betreff|de|à|envoyé|objet|para|asunto|da|a|oggetto|assunto|van|aan|"
    r"onderwerp)\s?:\s",
    re.IGNORECASE,
)
"""The name of a field in the header of a mail."""
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|lieber?|sehr geehrter?|"
    r"bonjour|bonsoir|chère?|hola|estimad[oa]|buen[oa]s (?:días|tardes)|ciao|gentile|buongiorno|olá|caro|prezad[oa]|"
    r"beste|geachte|hej)\b[^.!?]{0,40},",
    re.IGNORECASE,
)
"""A salutation, which people write at the beginning of a mail, not below their own words."""
_LONGEST_ITEM = 5
"""Most words of an item in a list."""
_PUNCTUATION = ".,;:!?\u2026\u3002\uff0c\uff1f\uff01"
_SIGNS = "-_=*\u2013\u2014>"
"""Characters at the beginning or end of a head without a colon."""
_MARKS = ('"', "\u201c", "\u201e", "\u00ab", "\u2039", "\u300c")


def mark_quotes(lines: list[Line], *, mail: bool, earlier: Container[str] = ()) -> None:
    """Marks the quoted lines, and the lines that introduce them.

    A quoted mail without quotation signs is marked to the end of the text, if there are words above it and a client's
    own header or attribution before it. Quotation signs are evidence in a mail, elsewhere only below an attribution.

    Args:
        lines: lines of a visible text.
        mail: whether the text is a mail.
        earlier: lines with a quotation sign, without it, that are in an earlier mail of the other side.
    """
    at, own, state = 0, False, _State()
    while at < len(lines):
        line, end = lines[at], at + 1
        if line.blank or line.kind:
            pass
        elif line.quoted:
            end = _take_run(lines, at, state)
        elif headers.reply_marker(line):
            line.kind = "reply_marker"
            if own:
                end = _mark(lines, range(end, len(lines)))
        elif (head := _head(lines, at)) is not None:
            end = _take_head(lines, head, state)
        own = own or any(passed.own for passed in lines[at:end])
        at = end
    if mail or state.attributed:
        _mark_loose(lines, state, earlier)


@dataclass(slots=True)
class _State:
    """What the lines read so far have."""

    attributed: bool = False
    """Whether an attribution says whose words are quoted."""
    loose: list[range] = field(default_factory=list[range])
    """Lines with quotation signs of which nothing says whose words they are."""


def _take_run(lines: list[Line], at: int, state: _State) -> int:
    """Marks quoted lines, or keeps them for later; returns the number of the line after them."""
    run = _run(lines, at)
    if any(surely_cited(lines[number]) for number in run):
        _mark(lines, [n for n in run if surely_cited(lines[n]) or lines[n].depth or lines[n].blank])
    elif _has_head(lines[run.start : run.stop]):
        _mark(lines, run)
        state.attributed = True
    else:
        state.loose.append(run)
    return run.stop


def _take_head(lines: list[Line], head: Head, state: _State) -> int:
    """Marks what a head introduces; returns the number of the line after it."""
    end = head.last + 1
    below = next((number for number in range(end, len(lines)) if not lines[number].blank), None)
    if below is not None and lines[below].quoted:
        if not head.own:
            _mark(lines, _with_rule(lines, head))
        run = _run(lines, below)
        _mark(lines, [n for n in run if lines[n].depth or lines[n].blank or not lines[below].depth])
        state.attributed = True
        return run.stop
    if head.sure and _goes_on(lines, head, below):
        _mark(lines, _with_rule(lines, head))
        return _mark(lines, range(end, len(lines)))
    return end


def _head(lines: list[Line], at: int) -> Head | None:
    """The head of a quoted mail that begins with a line, or the attribution that ends with it."""
    bare = lines[at].bare
    colon = ":" in bare or "\uff1a" in bare
    if not colon and bare[0] not in _SIGNS and bare[-1] not in _SIGNS:
        return None
    return headers.separator(lines, at) or (headers.header(lines, at) if colon else None) or attribution(lines, at)


def _goes_on(lines: list[Line], head: Head, below: int | None) -> bool:
    """Whether all below a head is quoted: something is written above it, and nothing says that answers lie below."""
    if below is not None and lines[below].bare.startswith(_MARKS):  # people put quotation marks, clients do not
        return False
    above = [line for line in lines[: head.first] if line.own]
    return bool(above) and not any(_inside().search(line.bare) for line in above)


def _with_rule(lines: list[Line], head: Head) -> list[int]:
    """Numbers of the lines of a head, with the rule above it."""
    above = head.first - 1
    while above > 0 and lines[above].blank and head.first - above < 3:
        above -= 1
    first = above if above >= 0 and headers.is_rule(lines[above]) else head.first
    return list(range(first, head.last + 1))


def _run(lines: list[Line], at: int) -> range:
    """The quoted lines from a line on, up to one that is not quoted; blank lines between them are part of it."""
    end = at
    for number in range(at, len(lines)):
        if lines[number].quoted:
            end = number
        elif lines[number].bare or lines[number].kind:
            break
    return range(at, end + 1)


def _has_head(run: list[Line]) -> bool:
    return any(not line.blank and _head(run, number) is not None for number, line in enumerate(run))


def _mark_loose(lines: list[Line], state: _State, earlier: Container[str]) -> None:
    """Marks quotation signs without an attribution, in a mail, unless they are something else."""
    _mark(lines, [number for run in state.loose for number in run if lines[number].bare in earlier])
    runs = [run for run in state.loose if not _no_quotes(lines, run)]
    written = [number for run in runs for number in run if lines[number].depth and lines[number].own]
    if len(written) == 1 and not state.attributed and not _is_quoted_alone(lines, written[0]):
        return
    for run in runs:
        _mark(lines, [number for number in run if lines[number].depth])


def _is_quoted_alone(lines: list[Line], at: int) -> bool:
    """Whether the only line with a quotation sign is quoted, not an arrow or a bullet of the writer's.

    It is if an answer to it follows, or if it is the last paragraph and begins as a mail does.
    """
    line, below = lines[at], any(other.bare for other in lines[at + 1 :])
    if below:
        return line.bare.endswith(("?", "\uff1f"))
    above = [other for other in lines[:at] if other.own]
    introduced = bool(above) and above[-1].bare.endswith((":", "\uff1a"))
    return bool(above and lines[at - 1].blank and not introduced and _GREETING.match(line.bare))


def _no_quotes(lines: list[Line], run: range) -> bool:
    """Whether signs mean "more than", a list, or a prompt of Python."""
    written = [lines[number] for number in run if lines[number].depth and lines[number].bare]
    if all(_COMPARISON.match(line.bare) and not _NUMBERED.match(line.bare) for line in written):
        return True
    headed = any(_FIELD.match(line.bare) for line in written)
    if len(written) > 1 and not headed and all(_is_item(line.bare) for line in written):
        return True
    above = lines[run.start - 1] if run.start else None
    introduced = above is not None and above.own and above.bare.endswith((":", "\uff1a"))
    return introduced or any(_PROMPT.match(line.text) for line in written)


def _is_item(text: str) -> bool:
    return len(text.split()) <= _LONGEST_ITEM and text[-1] not in _PUNCTUATION


def _mark(lines: list[Line], numbers: Sequence[int]) -> int:
    """Marks lines as quoted; returns the number of the line after them."""
    for number in numbers:
        lines[number].kind = lines[number].kind or "quote"
    return numbers[-1] + 1 if numbers else len(lines)


@cache
def _inside() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words()['answers_inside'])})\b", re.IGNORECASE)
