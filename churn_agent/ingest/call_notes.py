"""Notes of calls: the company's people write them, about what the customer said."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from churn_agent.domain.interactions import text_id
from churn_agent.history.interactions import VALUES
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.columns import Rule
from churn_agent.ingest.questions import Guess

_CALLS = frozenset(
    "call calls phone phone_call telephone telefon telefonat anruf appel llamada chiamata telefonata".split()
)
_TEXTS = frozenset(
    """note notes call_note call_notes call_summary summary notiz notizen gesprächsnotiz gesprächsnotizen telefonnotiz
    zusammenfassung bemerkung bemerkungen compte_rendu notas note_chiamata""".split()
)
"""Names of columns with notes, not with words."""
_STAFF = frozenset(
    """staff staff_member agent agent_name employee advisor adviser operator logged_by noted_by handled_by
    mitarbeiter mitarbeiterin bearbeiter bearbeiterin sachbearbeiter berater""".split()
)
"""Names of columns with the company's people."""
_CUSTOMER = r"(?:kunde|kundin|customer|client|caller|anrufer|anruferin|cliente|klant)[ \t]*:[ \t]*"
_QUOTATION = r"""(?:"[^"\n]*"|„[^„“”"\n]*[“”"]|“[^“”\n]*”|«[^«»\n]*»|»[^«»\n]*«)"""
_REPORTED = re.compile(
    rf"(?:^[ \t]*|(?<=[.!?…;:)\]\"“”»«–-])[ \t]+){_CUSTOMER}(?P<quoted>{_QUOTATION}(?:[ \t]*{_QUOTATION})*)"
    r"(?:(?<=[.!?…].)|(?=[ \t]*(?:[.,;!?…)–-]|$)))"
    rf"|^[ \t]*{_CUSTOMER}(?P<words>\S.*(?:\n(?![ \t]*[\w ]{{1,30}}:)[ \t]*\S.*)*)",
    re.IGNORECASE | re.MULTILINE,
)
"""The customer's words in a note: a quotation after their name, at the beginning of a line or a sentence, if nothing
goes on behind it; or else all after their name at the beginning of a line, up to a blank line or the words of
another person."""
_MARKS = '"„“”«» \t'


def is_call(channel: str) -> bool:
    """Whether a channel is that of calls."""
    return "_".join(channel.casefold().replace("-", " ").split()) in _CALLS


def are_notes(rule: Rule, columns: dict[str, str], header: Iterable[str], channels: Iterable[str]) -> Guess | None:
    """Returns the guess that the calls of a source are notes; None if they are not, or the mapping says who speaks.

    Args:
        rule: rule of the mapping.
        columns: our field -> column.
        header: all columns.
        channels: channels of the rows.
    """
    sides_known = rule.sides or rule.inbound_if_same or "speaker" in columns or "speaker" in rule.defaults
    if sides_known or rule.notes_by_staff is not None or not any(map(is_call, channels)):
        return None
    text = columns.get("text", "")
    evidence = text if text in _TEXTS else next((name for name in header if name in _STAFF), None)
    if evidence is None:
        return None
    return Guess(
        "calls", "notes of your people, not the customer's words", f"column {evidence!r}", "notes_by_staff: false"
    )


def reported(
    draft: tuple[bytes, bool, tuple[Any, ...]], cleaner: Cleaner
) -> tuple[bytes, bool, tuple[Any, ...]] | None:
    """Returns the customer's words in a note, as a separate interaction; None if the note quotes none.

    They are the lines that begin with `Customer:` or `Kundin:`, and the quotations after such a name inside a line.

    Args:
        draft: the note as parsed.
        cleaner: cleaner of the import.
    """
    content, _, values = draft
    note = dict(zip(VALUES, values, strict=True))
    words = "\n".join(filter(None, map(_words, _REPORTED.finditer(note["text"]))))
    if not words:
        return None
    cleaned = cleaner(words, note["channel"], words=True)
    note |= {
        "text": cleaned.text,
        "text_id": text_id(cleaned.text),
        "language": cleaned.language,
        "original": None,
        "marks": None,
        "amount": None,
        "author": None,
        "speaker": "customer",
        "direction": "inbound",
        "metadata": note["metadata"] | {"taken_as": "reported by staff"},
        "key": f"{note['key']}#reported" if note["key"] else None,
    }
    return sha256(content + b"reported").digest()[:16], True, tuple(note[name] for name in VALUES)


def _words(match: re.Match[str]) -> str:
    """Returns the customer's words without quotation marks around them; empty for a quotation without a word."""
    if match["words"] is not None:
        return match["words"].strip()
    words = " ".join(quotation.strip(_MARKS) for quotation in re.findall(_QUOTATION, match["quoted"]))
    return words if re.search(r"[^\W\d_]{2}", words) else ""
