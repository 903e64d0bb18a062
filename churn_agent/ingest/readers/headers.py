"""Finds the header of a table that has other lines above it."""

import re
from collections import Counter
from collections.abc import Collection, Sequence

from churn_agent.ingest.questions import Guess
from churn_agent.ingest.readers.base import header_name

LOOKED_AT = 30
"""Rows among which the header is looked for."""
_KNOWN = 2
_VALUE = re.compile(r"[\d\s.,:/+\-€$£%TZ]*\d[\d\s.,:/+\-€$£%TZ]*")
"""Numbers and dates, which are not names of columns."""


def known_names(cells: Sequence[str], names: Collection[str]) -> int:
    """Returns how many cells are names that columns may have."""
    return len({header_name(cell) for cell in cells if cell} & set(names))


def find_header(rows: Sequence[Sequence[str]], names: Collection[str]) -> int:
    """Returns the index of the header.

    It is the row with the most known names of columns, if there are two; else the first row that is as wide as most
    rows, more than half filled, and without numbers and dates; else the first row.

    Args:
        rows: the first rows of the table, without blank ones.
        names: normalized names that columns may have.
    """
    known = [known_names(row, names) for row in rows]
    if known and max(known) >= _KNOWN:
        return known.index(max(known))
    [(width, _)] = Counter(map(len, rows)).most_common(1) or [(0, 0)]
    for index, row in enumerate(rows):
        filled = [cell for cell in row if cell.strip()]
        if len(row) >= width and 2 * len(filled) > width:
            return 0 if any(_VALUE.fullmatch(cell) for cell in filled) else index
    return 0


def above_header(where: str, skipped: Sequence[Sequence[str]], header: Sequence[str]) -> Guess:
    """Returns the guess that the rows above the header are not rows of the table."""
    lines = [", ".join(cell for cell in row if cell.strip()) for row in skipped]
    shown = "; ".join(repr(line[:60]) for line in lines[:3])
    return Guess(f"{where}: header", ", ".join(filter(None, header))[:200], f"rows above it are not read: {shown}", "")
