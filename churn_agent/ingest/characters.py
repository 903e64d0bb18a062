"""Texts with half of a character, as exports that were cut off have them: no database stores those."""

import re
from collections.abc import Iterable, Iterator

from churn_agent.ingest.readers.base import Row

_HALF = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def whole_characters(rows: Iterable[Row]) -> Iterator[Row]:
    """Yields the rows of any reader, with U+FFFD for each half of a character; ids with one are refused later."""
    for row in rows:
        try:
            for text in row.values.values():
                if not text.isascii():
                    text.encode()
        except UnicodeEncodeError:
            yield row._replace(values={name: _HALF.sub(_REPLACEMENT, text) for name, text in row.values.items()})
        else:
            yield row
