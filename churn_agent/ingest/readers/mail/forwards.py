"""Finds what one of our people forwarded: the customer's mail inside ours."""

import re
from dataclasses import dataclass

_FROM = (
    "from|von|de|da|van|od|från|fra|lähettäjä|kimden|от|差出人|发件人|寄件者|보낸 사람|"
    "feladó|expéditeur|mittente|remitente"
)
_OTHERS = (
    "to|an|à|a|para|aan|till|til|do|komu|vastaanottaja|kime|кому|宛先|收件人|받는 사람|címzett|cc|kopie|copie|subject|"
    "betreff|objet|"
    "asunto|oggetto|onderwerp|assunto|ämne|emne|temat|předmět|aihe|konu|тема|件名|主题|主旨|제목|tárgy|date|datum|fecha|"
    "data|sent|"
    "gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|wysłano|odesláno|lähetetty|gönderilen|дата|"
    "отправлено|送信日時|日期|날짜|dátum|"
    "reply-to|antwort an|importance|priorität|attachments|anlagen"
)
_FIELD = re.compile(
    rf"^[ \t]*[*_]{{0,2}}(?P<name>{_FROM}|{_OTHERS})[*_]{{0,2}}[ \t]?[:：][*_]{{0,2}}[ \t]*(?P<value>.*)$",
    re.IGNORECASE,
)
_IS_FROM = re.compile(_FROM, re.IGNORECASE)
_IS_DATE = re.compile(
    "date|datum|fecha|data|sent|gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|дата|отправлено|日期|dátum",
    re.IGNORECASE,
)
_IS_SUBJECT = re.compile(
    "subject|betreff|objet|asunto|oggetto|onderwerp|assunto|ämne|emne|temat|předmět|aihe|konu|тема|件名|主题|主旨|제목|tárgy",
    re.IGNORECASE,
)
_BAR = re.compile(
    r"^[ \t>]*(?:[-_=*]{3,}.*|(?:begin forwarded message|anfang der weitergeleiteten|début du message (?:transféré|"
    r"réexpédié)|inicio del mensaje reenviado|inizio messaggio inoltrato).*)$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"'@]+\.[^\s<>()\[\],;:\"'@]+")
_BREAKS = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d|hr)\b[^>]*>", re.IGNORECASE)
_FEWEST_FIELDS = 2


@dataclass(frozen=True)
class Forwarded:
    """A forwarded mail, as part of the text of another."""

    sender: str
    date: str
    subject: str
    text: str
    comment: str
    """What stands above: the words of the person who forwarded it."""


def forwarded(text: str) -> Forwarded | None:
    """Returns the first forwarded mail in a text: a block of header lines (`From:`, `Date:`, ...) and what follows.

    The block needs a sender with an address and one more line, so that a sentence with a colon is not mistaken for one.
    """
    lines = _lines(text)
    for start, line in enumerate(lines):
        field = _FIELD.match(line.lstrip("> "))
        if field is None:
            continue
        block, end = _block(lines, start)
        sender = next((value for name, value in block if _IS_FROM.fullmatch(name) and _ADDRESS.search(value)), "")
        if not sender or len(block) < _FEWEST_FIELDS:
            continue
        above = start
        while above and (_BAR.match(lines[above - 1]) or not lines[above - 1].strip()):
            above -= 1
        return Forwarded(
            sender=_ADDRESS.findall(sender)[-1].casefold(),
            date=next((value for name, value in block if _IS_DATE.fullmatch(name)), ""),
            subject=next((value for name, value in block if _IS_SUBJECT.fullmatch(name)), ""),
            text=_unquoted(lines[end:]),
            comment="\n".join(lines[:above]).strip(),
        )
    return None


def _lines(text: str) -> list[str]:
    if re.search(r"<(?:br|p|div|html|body|table|blockquote)\b", text, re.IGNORECASE):
        from inscriptis import get_text  # pyright: ignore[reportMissingTypeStubs]
        from lxml.etree import LxmlError  # pyright: ignore[reportUnknownVariableType]

        try:
            return [line.strip() for line in get_text(text).splitlines()]
        except (LxmlError, ValueError):
            text = _BREAKS.sub("\n", text)
    return text.replace("\r\n", "\n").split("\n")


def _block(lines: list[str], start: int) -> tuple[list[tuple[str, str]], int]:
    """Returns the header lines from here on, and the number of the line after them. Long values may be folded."""
    block: list[tuple[str, str]] = []
    number = start
    while number < len(lines):
        line = lines[number].lstrip("> ")
        field = _FIELD.match(line)
        if field:
            block.append((field["name"], field["value"].strip()))
        elif not line.strip() or not block or not lines[number].startswith((" ", "\t")):
            break
        number += 1
    return block, number


def _unquoted(lines: list[str]) -> str:
    """Returns the text, without the quote marks that some programs put before all forwarded lines."""
    written = [line for line in lines if line.strip()]
    if written and all(line.startswith(">") for line in written):
        lines = [line[1:].removeprefix(" ") if line.startswith(">") else line for line in lines]
    return "\n".join(lines).strip()
