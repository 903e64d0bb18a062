"""Parses the bytes of a mail."""

import re
from email import message_from_bytes, policy
from email.message import Message
from email.parser import BytesHeaderParser

_MOST_HEAD = 200_000
_LINE = re.compile(rb"(?:[!-9;-~]+:|[ \t]|\r?$|From [^:]*$|From .*\d\d:\d\d)")
"""A header, the continuation of one, or a separator."""
_SPACED = re.compile(rb"([!-9;-~]+)[ \t]+:")
_KNOWN = re.compile(
    rb"(?:from|to|cc|subject|date|message-id|received|mime-version|content-type|reply-to|return-path)[ \t]*:",
    re.IGNORECASE,
)


def parsed(content: bytes) -> Message:
    """Returns a mail. The lenient policy is used: it raises no errors for headers that break the standard."""
    return message_from_bytes(_repaired(content), policy=policy.compat32)


def _repaired(content: bytes) -> bytes:
    """Returns a mail without faults at which the parser would take the rest of the headers for the text.

    These are blanks before a colon, and a line without a name among headers, which becomes part of the one before.
    """
    end = _end_of_head(content)
    lines = content[:end].split(b"\n")
    if all(_LINE.match(line) for line in lines):
        return content
    for number, line in enumerate(lines):
        if _LINE.match(line):
            continue
        if spaced := _SPACED.match(line):
            lines[number] = spaced[1] + b":" + line[spaced.end() :]
        elif any(_KNOWN.match(later) for later in lines[number + 1 :]):
            lines[number] = b" " + line
    return b"\n".join(lines) + content[end:]


def head(content: bytes) -> Message:
    """Returns the headers of a mail, without its parts."""
    return BytesHeaderParser(policy=policy.compat32).parsebytes(_repaired(content[: _end_of_head(content)]))


def _end_of_head(content: bytes) -> int:
    ends = [at for at in (content.find(b"\n\n"), content.find(b"\r\n\r\n")) if at >= 0]
    return min([*ends, _MOST_HEAD, len(content)])
