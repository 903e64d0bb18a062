"""Takes a customer out of every place, and goes on where it was cut off.

What is to be erased is noted first, and the note goes last. A call that finds a note does all of it again.
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
    """What was taken out."""

    interactions: int
    forecasts: int
    """Kept, under a name that leads to nobody."""


def pending(store: Path) -> list[str]:
    """Ids of the customers whose erasure was cut off."""
    noted = (_read(path) for path in sorted((store / places.PENDING).glob("*.json")))
    return [each.customer_id for each in noted if each]


def cut_off(customer_id: str) -> str:
    """One line for people about an erasure that was cut off."""
    return f"forgetting {customer_id!r} was cut off; finish it with: churn-agent forget {shlex.quote(customer_id)}"


def is_known(site: Site, customer_id: str) -> bool:
    """Whether anything is held of a customer, or was when their erasure began."""
    if _note_of(site.store, customer_id).exists():
        return True
    of = traces(site.history, customer_id)
    own = (place for place in places.PLACES if place.kind in ("table", "file"))
    return any(True for place in own for _ in place.read(site, of))


def forget(site: Site, customer_id: str) -> Removed:
    """Erases a customer from every place in the store.

    Raises:
        StoreUnavailable: the index or the history is in use. What was begun is noted, and the next call goes on.
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
                f"{customer_id!r} is in {', '.join(left)} again: another churn-agent is at work; "
                "run the command again when it is done"
            )
        note.unlink()
    strange = places.not_listed(site.store)
    if strange:
        site.notify(f"files in the store that churn-agent did not make are not touched: {', '.join(strange[:5])}")
    return Removed(len(of.interaction_ids), forecasts_kept(site.history, of))


def _note_of(store: Path, customer_id: str) -> Path:
    name = hashlib.sha256(customer_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return store / places.PENDING / f"{name}.json"


def _read(note: Path) -> Traces | None:
    """None where there is none, or one that cannot be read: erasing then begins with what is still there."""
    try:
        return Traces.model_validate_json(note.read_bytes())
    except (OSError, ValueError):
        return None
