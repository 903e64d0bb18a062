"""Erases a customer from every place, and resumes an interrupted erasure.

A note of the erasure is written first and deleted last. A call that finds a note repeats the whole erasure.
"""

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from churn_agent.errors import StoreUnavailable
from churn_agent.files import atomic
from churn_agent.history.forgetting import Traces, forecasts_kept, traces
from churn_agent.store import places
from churn_agent.store.places.base import Site


@dataclass(frozen=True)
class Removed:
    """The result of an erasure."""

    interactions: int
    forecasts: int
    """Number of forecasts kept under an anonymous id."""


def pending(store: Path) -> list[str]:
    """Returns the ids of customers whose erasure was interrupted."""
    notes = (_read(path) for path in sorted((store / places.PENDING).glob("*.json")))
    return [note.customer_id for note in notes if note]


def cut_off(customer_id: str) -> str:
    """Returns a message about an interrupted erasure."""
    return f"forgetting {customer_id!r} was interrupted; finish it with: churn-agent forget {shlex.quote(customer_id)}"


def is_known(site: Site, customer_id: str) -> bool:
    """Whether the store has data of a customer, or had when their erasure began."""
    if _note_of(site.store, customer_id).exists():
        return True
    of = traces(site.history, customer_id)
    own = (place for place in places.PLACES if place.kind in ("table", "file"))
    return any(True for place in own for _ in place.read(site, of))


def forget(site: Site, customer_id: str) -> Removed:
    """Erases a customer from every place in the store.

    Raises:
        StoreUnavailable: the index or the history is in use. The erasure is noted, and the next call resumes it.
    """
    note = _note_of(site.store, customer_id)
    with site.index.held():
        of = traces(site.history, customer_id, _read(note))
        note.parent.mkdir(exist_ok=True)
        atomic.write(note, of.model_dump_json())
        try:
            for place in places.PLACES:
                place.erase(site, of)
            left = [place.name for place in places.PLACES if any(True for _ in place.read(site, of))]
        finally:
            site.index.close()
        if left:
            raise StoreUnavailable(
                f"another churn-agent wrote data of {customer_id!r} to {', '.join(left)} meanwhile; "
                "run the command again when it has finished"
            )
        note.unlink()
    foreign = places.not_listed(site.store)
    if foreign:
        site.notify(f"files in the store that churn-agent did not write are not changed: {', '.join(foreign[:5])}")
    return Removed(len(of.interaction_ids), forecasts_kept(site.history, of))


def _note_of(store: Path, customer_id: str) -> Path:
    name = hashlib.sha256(customer_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return store / places.PENDING / f"{name}.json"


def _read(note: Path) -> Traces | None:
    """Reads a note; None if it is missing or unreadable. The erasure then starts from the remaining data."""
    try:
        return Traces.model_validate_json(note.read_bytes())
    except (OSError, ValueError):
        return None
