"""Customer ids: opaque, except for damage by spreadsheets and programs."""

import re
from collections.abc import Collection, Mapping

from churn_agent.domain.wording import counted
from churn_agent.files import strict_json
from churn_agent.ingest.formats.cells import is_error_cell
from churn_agent.ingest.questions import Question

_ROUNDED = re.compile(r"-?\d(?:[.,]\d+)?E[+-]\d{1,3}", re.IGNORECASE)
_NOTHING = frozenset({"NULL", "NaT", "<NA>", r"\N", "(null)"})
"""Texts that only programs write, for a missing value; `Null`, `None` and `nan` can be ids."""
_DAMAGED = re.compile("[\ud800-\udfff\ufffd]")
"""Half of a character, and the replacement of one that could not be read."""
_SHOWN = 3


def is_rounded(text: str) -> bool:
    """Whether a spreadsheet has rounded a long number, as in `4.91512E+11`."""
    return _ROUNDED.fullmatch(text.strip()) is not None


def check_id(text: str) -> str:
    """Returns an id unchanged.

    Raises:
        ValueError: it is blank or stands for a missing value, is damaged, or is a list; the message says which.
    """
    written = text.strip()
    if not written or written in _NOTHING:
        raise ValueError(f"the id is {'empty' if not written else f'{text!r}, which stands for a missing value'}")
    if is_error_cell(written):
        raise ValueError(f"the id {text!r} is an error of the spreadsheet; correct the cell")
    if is_rounded(written):
        raise ValueError(f"{text!r} is an id that a spreadsheet has rounded; export the column as text")
    if _DAMAGED.search(text):
        raise ValueError(f"the id {text!r} has a damaged character, which may be that of several ids; export it again")
    if written[0] == "[" and _is_json(written):
        raise ValueError(f"the id {text!r} is a list; map the column to the part of it that is the id")
    return text


def _is_json(text: str) -> bool:
    try:
        strict_json.parse(text)
    except ValueError:
        return False
    return True


def whole_id(text: str) -> str:
    """Returns an id without the `.0` that programs append to numbers."""
    head, point, tail = text.partition(".")
    return head if point and head.isdecimal() and tail and not tail.strip("0") else text


def ids_with_point(files: Mapping[str, Collection[str]]) -> Question | None:
    """Returns a question if an id has `.0` in one file and not in another. A file that has both means two customers.

    Args:
        files: name of a file -> the ids in it.

    Returns:
        A question that the mapping's `whole_ids` answers; None if there are no such ids.
    """
    plain: dict[str, str] = {}
    for name, ids in files.items():
        plain.update((id_, name) for id_ in ids if id_.isdecimal() and id_ not in plain)
    pairs = sorted(
        (whole, id_, name)
        for name, ids in files.items()
        for id_ in set(ids)
        if (whole := whole_id(id_)) != id_ and whole in plain and whole not in ids
    )
    if not pairs:
        return None
    shown = [f"{id_!r} in {name} and {whole!r} in {plain[whole]}" for whole, id_, name in pairs[:_SHOWN]]
    return Question(
        f"customer_id: {counted(len(pairs), 'id')} with '.0'",
        f"{'; '.join(shown)} may be the same customer.",
        ("the same customer", "two customers"),
        lambda option: {"whole_ids": option == "the same customer"},
    )
