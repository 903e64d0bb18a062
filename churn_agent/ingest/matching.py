"""Whether the files of an import write the ids of customers alike."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from itertools import islice

from churn_agent.ingest.columns import COMMON_NAMES, ColumnMapping
from churn_agent.ingest.formats.ids import ids_with_point, whole_id
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.base import Row
from churn_agent.ingest.sources import Source, open_other, open_rows
from churn_agent.ingest.translating import customer_columns

_FEW = 0.5
"""Share of the customers that two files could have in common, below which their ids may be written differently."""
_STAND_INS = frozenset(
    """nan none null undefined unknown anonymous guest n/a na nil missing unbekannt anonym gast inconnu anonyme
    desconocido sconosciuto onbekend - -- ? 0 -1""".split()
)
"""Ids that programs and people write for customers whom they do not know."""
_SHOWN = 3
_MOST_LOOKED_AT = 100_000
"""Rows of a file in which a point after ids is looked for: a spreadsheet writes it in the whole column."""


def mismatch(source: str, ids: Iterable[str], customers: Set[str]) -> str | None:
    """Returns a line that names ids of both sides, if few of a file's customers have a history; otherwise None."""
    of_file = set(ids)
    common = len(of_file & customers)
    if common >= _FEW * min(len(of_file), len(customers)):
        return None
    return (
        f"{source}: {common} of {len(of_file)} customers have a history. Only in the file: "
        f"{_some(of_file - customers)}; only in the history: {_some(customers - of_file)}. If they are the same "
        "customers, write their ids alike"
    )


def stand_ins(ids: Iterable[str]) -> str | None:
    """Returns a line that names customers whose id is a word for a missing one; None if there are none."""
    found = sorted(id_ for id_ in ids if id_.strip().casefold() in _STAND_INS)
    if not found:
        return None
    return (
        f"a customer called {' or '.join(map(repr, found[:_SHOWN]))} may be several people without an id; "
        "to leave such rows out: unless in a mapping file, with the column and these words"
    )


def look_alikes(ids: Set[str]) -> str | None:
    """Returns a line that names customers whose ids differ in capitals or blank space alone; None if there are none."""
    by_letters: dict[str, list[str]] = {}  # of the ids in another form alone: most books have few or none
    for id_ in ids:
        letters = "".join(id_.split()).casefold()
        if letters != id_:
            by_letters.setdefault(letters, []).append(id_)
    all_of = ([*same, letters] if letters in ids else same for letters, same in by_letters.items())
    alike = sorted(sorted(same) for same in all_of if len(same) > 1)
    if not alike:
        return None
    shown = "; ".join(", ".join(map(repr, same[:_SHOWN])) for same in alike[:_SHOWN])
    return (
        f"ids of customers that differ in capitals or blanks alone are different customers: {shown}"
        f"{'; ...' if len(alike) > _SHOWN else ''}; if they are the same: churn-agent aliases merge OLD NEW"
    )


def _some(ids: Set[str]) -> str:
    return ", ".join(map(repr, sorted(ids)[:_SHOWN])) + (", ..." if len(ids) > _SHOWN else "")


def ids_question(
    sources: Sequence[Source],
    others: Sequence[Source],
    mapping: ColumnMapping,
    with_point: Mapping[str, Collection[str]],
) -> Question | None:
    """Returns a question if `1001.0` and `1001` are both ids; None if the mapping answers it.

    Args:
        sources: sources of interactions; they are read again only if an id has a point.
        others: sources of attributes, labels, measurements and aliases.
        mapping: mapping of the interactions.
        with_point: source -> the ids in it that end with `.0`.
    """
    if mapping.whole_ids is not None:
        return None
    mapped, usual = customer_columns(mapping), COMMON_NAMES["customer_id"]
    files = {name: set(ids) for name, ids in with_point.items()}
    for source in others:
        rows = islice(open_other(source, mapping), _MOST_LOOKED_AT)
        files[source.name] = {_id(row, [*mapped, *usual]) for row in rows}
    wanted = {whole_id(id_) for ids in files.values() for id_ in ids if id_.endswith(".0")}
    if not wanted:
        return None
    names = mapped or usual
    for source in sources:
        row_ids = (_id(row, names) for row in open_rows(source, mapping, mapping.own))
        files.setdefault(source.name, set()).update(id_ for id_ in row_ids if id_ in wanted)
    return ids_with_point(files)


def _id(row: Row, names: Sequence[str]) -> str:
    return next((row.values[name] for name in names if row.values.get(name)), "")
