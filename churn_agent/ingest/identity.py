"""The identity of a row, by which the next import recognises it."""

import hashlib
from collections import Counter


def content_of(
    customer_id: str, written_at: str, author: str | None, text: str, channel: str, amount: float | None
) -> bytes:
    """Returns the hash (16 bytes) of what makes a row without a key: customer, time, author and text.

    Args:
        customer_id: the customer in the source.
        written_at: ISO time without an offset: in UTC if the source gives an offset, else as written, so that a
            corrected time zone does not make new rows.
        author: name of the author.
        text: text as in the source.
        channel: counts for rows without text only.
        amount: counts for rows without text only.
    """
    more = () if text.strip() else (channel, amount)
    return hashlib.sha256(ascii((customer_id, written_at, author, text, *more)).encode()).digest()[:16]


def id_of(content: bytes, occurrences: Counter[bytes]) -> str:
    """Returns the id (32 hexadecimal digits) of a row: of its content, and of the number of equal rows before it."""
    occurrences[content] += 1
    return hashlib.sha256(content + str(occurrences[content]).encode()).hexdigest()[:32]
