"""Reads mailboxes (`.mbox`) and single mails (`.eml`), one row per mail.

Columns: `customer_id` (address of the other side), `customer_domain`, `timestamp`, `channel`, `direction`, `author`,
`text`, `subject`, `message_id`, `in_reply_to`, `attachments`. Cleaning removes quoted replies and
signatures later, so that the original is kept.
"""

import mailbox
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.base import Progress, Row

_BROKEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""Errors that `email` raises for broken headers and deeply nested comments."""
_REPLY = ("re:", "aw:", "fw:", "fwd:", "wg:", "antw:", "antwort:")


def read_mail(path: Path, own_domains: Sequence[str], progress: Progress) -> Iterator[Row]:
    """Yields the mails of a file.

    Args:
        path: the file.
        own_domains: the company's domains; mails from them are outbound.
        progress: called with the number of mails.

    Raises:
        FileFormatError: the file cannot be read or contains no mail.
    """
    own = {domain.casefold() for domain in own_domains}
    number = 0
    for number, raw in enumerate(_mails(path), start=1):
        try:
            yield Row(number, _values(_parsed(raw), own))
        except _BROKEN as error:
            yield Row(number, {}, f"not a readable mail: {error}")
        progress(number, None)
    if number == 0:
        raise FileFormatError(f"{path}: contains no mails")


def guess_own_domain(paths: Sequence[Path]) -> str | None:
    """Returns the most frequent domain among senders and receivers: a company's mailbox has its own in every mail.

    A tie goes to the domain that receives more mails. None if there is no address.
    """
    either: Counter[str] = Counter()
    to: Counter[str] = Counter()
    for path in paths:
        for raw in _mails(path):
            with suppress(*_BROKEN):
                mail = _parsed(raw)
                receivers = {_domain(address) for address in _addresses(mail, "to", "cc")} - {""}
                senders = {_domain(address) for address in _addresses(mail, "from")} - {""}
                to.update(receivers)
                either.update(receivers | senders)
    return max(either, key=lambda domain: (either[domain], to[domain]), default=None)


def _mails(path: Path) -> Iterator[bytes]:
    try:
        if path.suffix.casefold() == ".eml":
            yield path.read_bytes()
            return
        with path.open("rb") as file:
            if not file.read(5).startswith(b"From "):
                raise FileFormatError(f"{path}: not a mailbox; an mbox file starts with 'From '")
        box = mailbox.mbox(path, create=False)
        for key in box.iterkeys():
            yield box.get_bytes(key)
        box.close()
    except OSError as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)  # type: ignore[return-value]


def _values(mail: EmailMessage, own: set[str]) -> dict[str, str]:
    [sender, *_] = _addresses(mail, "from") or [""]
    receivers = _addresses(mail, "to", "cc")
    if not sender and not receivers:
        raise ValueError("no sender and no receiver")
    outbound = _domain(sender) in own
    customer = next((address for address in receivers if _domain(address) not in own), "") if outbound else sender
    date = mail["date"]
    subject = str(mail["subject"] or "")
    body = _body(mail).strip()
    opening = subject and not subject.casefold().startswith(_REPLY)
    values = {
        "customer_id": customer,
        "customer_domain": _domain(customer),
        "timestamp": parsedate_to_datetime(str(date)).isoformat() if date else "",
        "channel": "email",
        "direction": "outbound" if outbound else "inbound",
        "author": sender,
        "text": f"{subject}\n\n{body}" if opening and body else body or subject,
        "subject": subject,
        "message_id": str(mail["message-id"] or ""),
        "in_reply_to": str(mail["in-reply-to"] or ""),
        "attachments": ", ".join(part.get_filename() or "unnamed" for part in mail.iter_attachments()),
    }
    return {name: value for name, value in values.items() if value}


def _body(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    charset = part.get_content_charset() or "utf-8"
    try:
        return content.decode(charset)
    except (LookupError, UnicodeDecodeError):  # declared charsets can be wrong; a wrong umlaut is better than no mail
        return content.decode("utf-8", "replace")


def _addresses(mail: EmailMessage, *headers: str) -> list[str]:
    written = [str(value) for header in headers for value in mail.get_all(header, [])]
    return [address.casefold() for _, address in getaddresses(written) if "@" in address]


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
