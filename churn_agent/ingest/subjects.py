"""Joins the subject of a mail or ticket with its text."""

import re

_REPLY = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:re|r|aw|antw|antwort|sv|vs|svar|vá|odp|res|rif|rép|réf|ynt|yan|atb|απ|σχετ|отв|ответ|на|回复|回覆|答复|返信|"
    r"답장|회신|תגובה|رد|fw|fwd|wg|tr|rv|i|enc|doorst|vb|vl|pd|ilt|továbbítás|πρθ|пер|переслать|转发|轉寄|転送|전달)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.IGNORECASE,
)
"""Prefixes of replies and forwards in many languages, also counted ones such as `Re[2]:`."""


def is_reply(subject: str) -> bool:
    """Whether a subject is that of a reply or a forward, and thus not written for this mail."""
    return bool(_REPLY.match(subject))


def without_reply_marks(subject: str) -> str:
    """Returns a subject without the prefixes of replies and forwards: the same for all mails of a thread."""
    while mark := _REPLY.match(subject):
        subject = subject[mark.end() :]
    return subject.strip()


def with_subject(subject: str, text: str) -> str:
    """Returns the text below its subject; the text alone if the subject is a reply's, or the text begins with it."""
    subject = subject.strip()
    if not subject or not text.strip():
        return text if text.strip() else subject
    if is_reply(subject) or text.lstrip().casefold().startswith(subject.casefold()):
        return text
    return f"{subject}\n\n{text}"
