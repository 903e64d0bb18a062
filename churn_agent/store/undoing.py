"""Takes an import out of every place of a store, so that none of its words are left.

The history goes first, in one transaction; the other places follow. An interrupted undoing is resumed by undoing the
import again.
"""

from collections.abc import Set

from sqlalchemy import Engine

from churn_agent.history import imports
from churn_agent.store import places
from churn_agent.store.places.base import Site, Withdrawal


def pending(history: Engine) -> list[int]:
    """Returns the imports whose undoing was interrupted."""
    return [row.id for row in imports.all_imports(history) if row.state == "undoing"]


def clean_up(site: Site, import_id: int, phrases: Set[str]) -> None:
    """Removes what the places of the store hold of an import that was undone in the history.

    Args:
        site: the store.
        import_id: the import.
        phrases: ids of texts in the index that are not the history's.

    Raises:
        StoreUnavailable: the index or the history is in use. Call it again.
    """
    of = Withdrawal(imports.find(site.history, import_id), frozenset(phrases))
    with site.index.held():
        try:
            for place in places.PLACES:
                place.undo(site, of)
        finally:
            site.index.close()
    with site.history.begin() as connection:
        imports.finish(connection, import_id, state="undone")
