"""Takes an import out of every place of a store, so that none of its words are left.

The history goes first, in one transaction; the other places follow. An interrupted undoing is resumed by undoing the
import again.
"""

from sqlalchemy import Engine

from churn_agent.history import answers, imports, interactions, records
from churn_agent.history.database import compact
from churn_agent.index import updating
from churn_agent.store import places
from churn_agent.store.places import files
from churn_agent.store.places.base import Site


def pending(history: Engine) -> list[int]:
    """Returns the imports whose undoing was interrupted."""
    return [row.id for row in imports.all_imports(history) if row.state == "undoing"]


def clean_up(site: Site, import_id: int, phrases: set[str]) -> None:
    """Removes what other places hold of an import that was undone in the history.

    Args:
        site: the store.
        import_id: the import.
        phrases: ids of texts in the index that are not the history's.

    Raises:
        StoreUnavailable: the index or the history is in use. Call it again.
    """
    row = imports.find(site.history, import_id)
    with site.index.held():
        try:
            orphans = site.index.text_ids() - interactions.all_text_ids(site.history) - phrases
            updating.forget(site.index, site.store, sorted(orphans))
        finally:
            site.index.close()
    files.remove_rejects(site, row.summary.get("rejects_file"))
    files.strip_batches(site, records.withdrawn(site.history))
    files.erase_unknown_from_methods(site)
    places.remove_copies(site)
    with site.history.begin() as connection:
        answers.delete_texts(connection)
        imports.strip_log(connection, row)
    compact(site.history)  # before the import counts as undone, so that an interruption here is resumed, too
    with site.history.begin() as connection:
        imports.finish(connection, import_id, state="undone")
