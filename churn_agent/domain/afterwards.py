"""Recognises fields of a record that its source may have written after the interaction.

An export has the record as it is on the day of the export. A ticket of January then carries the state that it reached
in March. Nothing may be learned from such a field as of February.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

CHANGING_PARTS = frozenset(
    """archived attempt attempted attempts balance cancelled canceled changed close closed deleted edited ended final
    helpful last latest merged metrics modified outstanding paid remaining reopens replies resolution resolved snoozed
    solved stage state statistics stats status total totals updated votes waiting""".split()
)
"""A field changes if its name has one of these parts: `updated_at`, `ticket.status`, `totalCount`."""
_COUNTED = "reply comment comments message messages reopen view like share read upvote reaction".split()
CHANGING_PAIRS = frozenset({("conversation", "rating"), ("satisfaction", "rating"), ("metric", "set")}).union(
    (what, "count") for what in _COUNTED
)
"""Two parts in a row that mean the same."""
_TIME_PARTS = frozenset("at date timestamp epoch".split())
"""Last parts of names of times."""
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_YEARS = datetime(1990, 1, 1, tzinfo=UTC).timestamp(), datetime(2100, 1, 1, tzinfo=UTC).timestamp()
_UNITS = (1, 1e3, 1e6, 1e9)
"""Units in a second of the usual counts since 1970."""


def may_change(name: str) -> bool:
    """Whether a field of this name may be written again after the interaction (`CHANGING_PARTS`, `CHANGING_PAIRS`)."""
    parts = _parts(name)
    return not CHANGING_PARTS.isdisjoint(parts) or not CHANGING_PAIRS.isdisjoint(pairwise(parts))


def is_time(name: str, number: float) -> bool:
    """Whether a number names a time: by its field's name, or as seconds to nanoseconds since 1970 from 1990 to 2100."""
    parts = _parts(name)
    begin, end = _YEARS
    return bool(parts and parts[-1] in _TIME_PARTS) or any(begin <= number / unit < end for unit in _UNITS)


def lasting(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the fields that do not change after the interaction."""
    return {name: value for name, value in metadata.items() if not may_change(name)}


def _parts(name: str) -> list[str]:
    return [part.lower() for part in _PART.findall(name)]
