"""The identity of a row, by which the next import recognises it."""

from collections.abc import Iterable, Sequence
from hashlib import sha256


def contents_of(
    customer_ids: Sequence[str],
    written_at: Sequence[str],
    authors: Sequence[str | None],
    texts: Sequence[str],
    channels: Sequence[str],
    amounts: Sequence[float | None],
) -> list[bytes]:
    """Returns the hash (16 bytes) of what makes a row without a key, for each row: customer, time, author and text.

    Args:
        customer_ids: the customers in the source.
        written_at: ISO times without an offset: in UTC if the source gives an offset, else as written, so that a
            corrected time zone does not make new rows.
        authors: names of the authors.
        texts: texts as in the source.
        channels: these count for rows without text only.
        amounts: these count for rows without text only.
    """
    return [
        sha256(ascii(row if row[3].strip() else (*row, channel, amount)).encode()).digest()[:16]
        for row, channel, amount in zip(
            zip(customer_ids, written_at, authors, texts, strict=True), channels, amounts, strict=True
        )
    ]


def ids_of(contents: Iterable[bytes], occurrences: dict[bytes, int]) -> list[str]:
    """Returns the id (32 hexadecimal digits) of each row: of its content, and of the number of equal rows before it.

    Args:
        contents: what `contents_of` returns.
        occurrences: content -> number of rows so far, which is increased.
    """
    ids: list[str] = []
    for content in contents:
        n = occurrences[content] = occurrences.get(content, 0) + 1
        ids.append(sha256(b"%b%d" % (content, n)).hexdigest()[:32])
    return ids
