"""Chooses the readable text of a mail."""

import base64
import html
import re
from collections.abc import Iterator
from email.message import Message
from typing import cast

from churn_agent.ingest.readers.mail.decoding import decoded
from churn_agent.ingest.readers.mail.parsing import parsed

_STUB = re.compile(
    r"html|enable images|view (?:this|the) (?:e-?mail|message)|in (?:your|a|the) browser|im browser|"
    r"dans (?:votre|le) navigateur|"
    r"en (?:su|el) navegador|nel browser|webversion|online version",
    re.IGNORECASE,
)
"""A short plain text that matches only says that there is an HTML text."""
_TEXT = frozenset({"text/plain", "text/html", "text/markdown", "text/x-markdown", "text/enriched", "text/richtext"})
_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
_STUB_LENGTH = 300
_FAR_SHORTER = 1 / 3
_FEWEST_WORDS = 8
_NOT_TEXT = re.compile(r"<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def body(mail: Message) -> str:
    """Returns the text of a mail, plain or HTML: HTML where the plain one is empty, a stub or far shorter."""
    return _readable(mail).strip()


def attachments(mail: Message) -> list[str]:
    """Returns the names of the attached files."""
    return [_name(part) or "unnamed" for part in _leaves(mail) if _attached(part)]


def unread_kind(mail: Message) -> str:
    """Returns what holds the text of a mail that is not read (`winmail.dat (TNEF)`, ...); else empty."""
    if mail.get_content_type() == "message/rfc822":
        return "another mail that it passes on"
    for part in mail.walk():
        kind = part.get_content_type()
        if kind in ("application/ms-tnef", "application/vnd.ms-tnef") or _name(part).casefold() == "winmail.dat":
            return "winmail.dat (TNEF)"
        if kind in ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"):
            return "an encrypted part"
    return ""


def _readable(part: Message) -> str:
    kind = _kind(part)
    if kind == "message/rfc822":  # somebody's mail, passed on without a word
        return ""
    payload = part.get_payload()
    if isinstance(payload, list):
        inner = [child for child in cast("list[Message | str]", payload) if isinstance(child, Message)]
        if kind == "multipart/alternative":
            return _best([(child.get_content_type() == "text/plain", _readable(child)) for child in inner])
        if kind in ("multipart/related", "multipart/signed", "multipart/report"):
            inner = inner[:1]
        return _joined([_readable(child) for child in inner if not _attached(child)])
    if kind.startswith("multipart/"):  # without a boundary the parser takes all of it for text
        return _undivided(_content(part))
    if _attached(part) or kind not in _TEXT:
        return ""
    text = decoded(_content(part), _charset(part))
    if kind != "text/html" and str(part.get_param("format", "")).casefold() == "flowed":
        return _unfolded(text, delete_space=str(part.get_param("delsp", "")).casefold() == "yes")
    return text


def _kind(part: Message) -> str:
    """Returns the content type; plain text if the header is not one."""
    kind = part.get_content_type()
    return kind if _CONTENT_TYPE.fullmatch(kind) else "text/plain"


def _undivided(content: bytes) -> str:
    """Returns the text of parts whose boundary no header names, by the boundary of the first line."""
    boundary = content.lstrip().partition(b"\n")[0].strip()
    if boundary.startswith(b"--") and len(boundary) > 2:
        again = parsed(b'Content-Type: multipart/mixed; boundary="' + boundary[2:] + b'"\n\n' + content)
        if again.is_multipart():
            return _readable(again)
    return decoded(content)


def _best(options: list[tuple[bool, str]]) -> str:
    """Chooses among alternatives, given as (whether it is plain, text)."""
    plain = next((text for is_plain, text in options if is_plain), "")
    rich = next((text for is_plain, text in reversed(options) if not is_plain and _words(text)), "")
    if not rich:
        return plain
    few, many = len(_words(plain)), len(_words(rich))
    stub = len(plain.strip()) <= _STUB_LENGTH and _STUB.search(plain) and not _STUB.search(" ".join(_words(rich)))
    far_shorter = many >= _FEWEST_WORDS and few < many * _FAR_SHORTER
    return rich if few == 0 or stub or far_shorter else plain


def _joined(texts: list[str]) -> str:
    """Joins the parts of a mail. Plain parts beside HTML are marked as preformatted, so that they keep their lines."""
    texts = [text for text in texts if text.strip()]
    rich = [bool(_TAG.search(text)) and text.lstrip().startswith("<") for text in texts]
    if any(rich) and not all(rich):
        texts = [
            text if is_rich else f"<pre>{html.escape(text, quote=False)}</pre>"
            for text, is_rich in zip(texts, rich, strict=True)
        ]
    return "\n\n".join(texts)


def _words(text: str) -> list[str]:
    if "<" in text:
        text = html.unescape(_TAG.sub(" ", _NOT_TEXT.sub(" ", text)))
    return text.split()


def _content(part: Message) -> bytes:
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError):
        content = None
    if not isinstance(content, bytes):
        content = str(part.get_payload()).encode("utf-8", "surrogateescape")
    if str(part.get("content-transfer-encoding", "")).strip().casefold() == "base64":
        return _from_cut_base64(content, part)
    return content


def _from_cut_base64(content: bytes, part: Message) -> bytes:
    """Returns the readable part of Base64 text that was cut off; the parser returns it undecoded."""
    written = "".join(str(part.get_payload()).split()).encode("ascii", "ignore")
    if b"".join(content.split()) != written:
        return content
    try:
        return base64.b64decode(written[: len(written) // 4 * 4], validate=True) or content
    except ValueError:
        return content


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError, TypeError):
        return None


def _unfolded(text: str, *, delete_space: bool) -> str:
    """Joins the lines of `format=flowed` text (RFC 3676): a space at the end means that the line goes on."""
    lines: list[str] = []
    open_line = False
    for line in text.replace("\r\n", "\n").split("\n"):
        quoted = line.startswith(">")
        if open_line and lines and not quoted and not lines[-1].startswith(">"):
            lines[-1] = (lines[-1][:-1] if delete_space else lines[-1]) + line.removeprefix(" ")
        else:
            lines.append(line)
        open_line = line.endswith(" ") and line != "-- "
    return "\n".join(lines)


def _leaves(mail: Message) -> Iterator[Message]:
    for part in mail.walk():
        if not part.is_multipart() or part.get_content_type() == "message/rfc822":
            yield part


def _attached(part: Message) -> bool:
    if part.get_content_disposition() == "attachment" or part.get_content_type() == "message/rfc822":
        return True
    return bool(_name(part)) and not part.is_multipart()


def _name(part: Message) -> str:
    try:
        return part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        return "unnamed"
