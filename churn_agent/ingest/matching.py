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
