"""Reads the headers of mails, however broken they are."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from churn_agent.ingest.readers.mail.decoding import decoded

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"'@]+")
_MOST_CHARACTERS = 20_000
"""Characters of a header that are read; addresses in nested comments would take the parser too deep."""
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?\s*(?:Z|[+-]\d{2}:?\d{2})?")
_LATE = timedelta(days=7)
"""Longest usual time between the writing of a mail and its first hop; queues give up after five days."""
_EARLY = timedelta(days=1)


def header(mail: Message, name: str) -> str:
    """Returns the first header of this name, decoded; empty if there is none."""
    return next(headers(mail, name), "")


def headers(mail: Message, name: str) -> Iterator[str]:
    """Yields all headers of this name, decoded and on one line each."""
    for value in raw_headers(mail, name):
        yield _words(" ".join(value.split()))


def raw_headers(mail: Message, name: str) -> Iterator[str]:
    """Yields all headers of this name as they are in the file; bytes outside ASCII are decoded."""
    for written, value in mail.raw_items():
        if written.casefold() == name:
            text = str(value)[:_MOST_CHARACTERS]
            yield text if text.isascii() else decoded(text.encode("utf-8", "surrogateescape"))


def _words(written: str) -> str:
    if "=?" not in written:
        return written
    try:
        parts = decode_header(written)
    except (ValueError, LookupError):
        return written
    return "".join(part if isinstance(part, str) else decoded(part, charset) for part, charset in parts)


def addresses(mail: Message, *names: str) -> list[str]:
    """Returns the addresses in these headers, in lower case, each once."""
    distinct: dict[str, None] = {}
    for name in names:
        for written in raw_headers(mail, name):
            for address in _parsed(written) or _ADDRESS.findall(written):
                distinct[address.casefold().strip(".")] = None
    return list(distinct)


def _parsed(written: str) -> list[str]:
    try:
        parsed = [address for _, address in getaddresses([written])]
    except (RecursionError, ValueError, IndexError, TypeError, AttributeError):
        return []
    return [address for address in parsed if _ADDRESS.fullmatch(address)]


def domain(address: str) -> str:
    """Returns the part of an address after the @."""
    return address.rpartition("@")[2]


def mail_time(mail: Message, envelope: str) -> tuple[datetime, str]:
    """Returns the time of a mail, and why it is not that of the header `Date` (else empty).

    The date of the first hop (`Received`) takes its place where it is missing, unreadable, or far from that hop; then
    the date of delivery, and the separator of the mailbox.

    Raises:
        ValueError: no date can be read.
    """
    written = header(mail, "date")
    date = read_time(written)
    hops = [time for value in headers(mail, "received") if (time := read_time(value.rpartition(";")[2]))]
    received = hops[-1] if hops else None  # each hop puts its line on top
    if date and received and not _aware(received) - _LATE <= _aware(date) <= _aware(received) + _EARLY:
        return received, f"the date {written!r} is far from the date of receipt"
    if date:
        return date, ""
    delivered = [
        time for name in ("delivery-date", "x-received") if (time := read_time(header(mail, name).split(";")[-1]))
    ]
    other = received or next(iter(delivered), None) or _envelope_time(envelope)
    if other is None:
        raise ValueError(f"no readable date (Date: {written!r})" if written else "no date")
    return other, f"the date {written!r} is not readable" if written else "the mail has no date"


def read_time(written: str) -> datetime | None:
    """Parses a date as mails have it (RFC 5322, ISO 8601); None for other text. Without an offset it stays naive."""
    text = written.strip()
    if match := _ISO.match(text):
        text = re.sub(r"([T ])(\d):", r"\g<1>0\2:", match[0]).strip()
        try:
            return _zoned(datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")))
        except ValueError:
            return None
    try:
        return _zoned(parsedate_to_datetime(text), utc="-0000" in text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _zoned(time: datetime, *, utc: bool = False) -> datetime:
    """Keeps times without an offset as they are: they are in the zone of the book."""
    return time.replace(tzinfo=UTC) if utc and time.tzinfo is None else time


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _envelope_time(envelope: str) -> datetime | None:
    match = re.search(r"\b(?:mon|tue|wed|thu|fri|sat|sun)\b.*", envelope, re.IGNORECASE)
    if match is None:
        return None
    words = match[0].replace(",", " ").split()
    offset = next((word for word in words if re.fullmatch(r"[+-]\d{4}", word)), "")
    year = next((word for word in words if re.fullmatch(r"\d{4}", word)), "")
    clock = next((word for word in words if re.fullmatch(r"\d{1,2}:\d{2}(?::\d{2})?", word)), "")
    month = next((word for word in words[1:] if re.fullmatch(r"[A-Za-z]{3}", word)), "")
    day = next((word for word in words if re.fullmatch(r"\d{1,2}", word)), "")
    return read_time(f"{day} {month} {year} {clock} {offset or '+0000'}")  # mailboxes write UTC or the local time
