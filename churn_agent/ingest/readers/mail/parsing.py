"""Parses the bytes of a mail."""

from email import message_from_bytes, policy
from email.message import Message
from email.parser import BytesHeaderParser

_MOST_HEAD = 200_000


def parsed(content: bytes) -> Message:
    """Returns a mail. The lenient policy is used: it raises no errors for headers that break the standard."""
    return message_from_bytes(content, policy=policy.compat32)


def head(content: bytes) -> Message:
    """Returns the headers of a mail, without its parts."""
    ends = [at for at in (content.find(b"\n\n"), content.find(b"\r\n\r\n")) if at >= 0]
    return BytesHeaderParser(policy=policy.compat32).parsebytes(content[: min([*ends, _MOST_HEAD]) + 2])
