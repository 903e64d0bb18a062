"""The marks of an audit, from the CSV file that people fill in or that the page saves."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from churn_agent.errors import FileFormatError
from churn_agent.history import audits
from churn_agent.history.audits import AuditCard, Mark, Marks
from churn_agent.outcomes.auditing import known_customer
from churn_agent.store.store import Store

COLUMNS = ("audit", "card", "customer_id", "item", "statement", "quote", "date", "mark")
MISSED = "missed"
"""Item of the row for signals that the card does not name."""
NOTHING = "none"
"""Mark of that row if the card misses nothing."""
_WORDS: Mapping[str, Mark] = {
    "right": "right",
    "wrong": "wrong",
    "unclear": "unclear",
    "richtig": "right",
    "falsch": "wrong",
    "unklar": "unclear",
}
_NOTHING = frozenset({NOTHING, "nichts", "keine"})


@dataclass(frozen=True)
class MarksImport:
    """Counts of an import."""

    audit_id: str
    cards: int
    """Cards with at least one mark."""
    marks: int
    blank: int
    """Rows without a mark."""
    forgotten: int
    """Cards of customers who have been erased since; their marks are not stored."""


def import_marks(store: Store, file: Path, *, person: str) -> MarksImport:
    """Imports the marks of one person, all or nothing; those of an earlier import by the same person are replaced.

    Args:
        store: the store of the audit.
        file: CSV with the columns `audit`, `card`, `item` and `mark`; others, which spreadsheets may change, are
            ignored.
        person: whose marks they are.

    Raises:
        FileFormatError: the file is not such a CSV, or a row names another card, item or mark.
    """
    known = {(card.audit_id, str(card.card)): card for card in audits.all_cards(store.history)}
    signals = store.taxonomy.by_id
    marked: dict[tuple[str, str], dict[str, str]] = {}
    blank = 0
    for where, row in _rows(file):
        key = row["audit"], row["card"]
        if key not in known:
            raise FileFormatError(f"{where}: an audit {key[0]!r} with a card {key[1]!r} is not in this store")
        card, item, mark = known[key], row["item"].casefold(), row["mark"]
        if item not in (MISSED, *_items(card)):
            raise FileFormatError(f"{where}: card {card.card} has no item {row['item']!r}; nothing was imported")
        if not mark:
            blank += 1
            continue
        if item == MISSED:
            unknown = [name for name in _signals(mark) if name not in signals]
            if unknown:
                known_ids = ", ".join(signals)
                raise FileFormatError(f"{where}: there is no signal {unknown[0]!r}; choose from {known_ids}, or none")
        elif mark.casefold() not in _WORDS:
            raise FileFormatError(f"{where}: {mark!r} is not a mark; write right, wrong, unclear or nothing")
        marked.setdefault(key, {})[item] = mark
    if len({audit_id for audit_id, _ in marked}) > 1:
        raise FileFormatError(f"{file}: marks of several audits; import a file for each")
    if not marked:
        raise FileFormatError(f"{file}: no row has a mark; nothing was imported")
    kept = {key: marks for key, marks in marked.items() if known_customer(known[key])}
    with store.history.begin() as connection:
        for key, marks in kept.items():
            audits.put_marks(connection, key[0], known[key].customer_id, person, _as_marks(marks))
    counts = sum(len(marks) for marks in kept.values())
    return MarksImport(next(iter(marked))[0], len(kept), counts, blank, len(marked) - len(kept))


def _items(card: AuditCard) -> list[str]:
    return [f"r{n + 1}" for n in range(card.reasons)] + [f"a{n + 1}" for n in range(card.actions)]


def _signals(mark: str) -> list[str]:
    return [] if mark.casefold() in _NOTHING else [name for name in re.split(r"[\s,;]+", mark) if name]


def _as_marks(marks: Mapping[str, str]) -> Marks:
    plain: dict[str, Mark] = {item: _WORDS[mark.casefold()] for item, mark in marks.items() if item != MISSED}
    return Marks(
        reasons={item: mark for item, mark in plain.items() if item.startswith("r")},
        actions={item: mark for item, mark in plain.items() if item.startswith("a")},
        missed=_signals(marks[MISSED]) if MISSED in marks else None,
    )


def _rows(file: Path) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Yields (place, cells) of the rows that are not blank."""
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # as spreadsheets save it; only words for readers have accents
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    needed = ("audit", "card", "item", "mark")
    absent = [name for name in needed if name not in (reader.fieldnames or ())]
    if absent:
        raise FileFormatError(f"{file}: no column {absent[0]!r}; the file that churn-agent audit writes has it")
    try:
        for row in reader:
            if any(row.get(name) for name in needed):
                yield f"{file}:{reader.line_num}", {name: (row.get(name) or "").strip() for name in needed}
    except csv.Error as error:
        raise FileFormatError(f"{file}:{reader.line_num}: invalid CSV: {error}") from error
