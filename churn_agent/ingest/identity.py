"""The identity of a row, by which the next import recognises it."""

import hashlib


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
    told = (customer_id, written_at, author, text)
    if not text.strip():
        told = (*told, channel, amount)
    return hashlib.sha256(ascii(told).encode()).digest()[:16]


def id_of(content: bytes, occurrences: dict[bytes, int]) -> str:
    """Returns the id (32 hexadecimal digits) of a row: of its content, and of the number of equal rows before it."""
    before = occurrences.get(content, 0)
    occurrences[content] = before + 1
    return hashlib.sha256(b"%b%d" % (content, before + 1)).hexdigest()[:32]
