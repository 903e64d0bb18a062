"""Removes customers from stored methods.

`learning.alike` names past customers. The rest of a trained estimator names no customers and stays until it is trained
again.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from churn_agent.errors import InputError, StoreUnavailable
from churn_agent.files import atomic
from churn_agent.learning import kept
from churn_agent.learning.alike import Alike
from churn_agent.learning.kept import Kept, KeptCard
from churn_agent.models import weights


def naming(store: Path, customer_id: str) -> Iterator[str]:
    """The stored methods that name a customer. Methods that cannot be opened are skipped."""
    for card in kept.kept_cards(store):
        method = _open(store, card)
        if not isinstance(method, str) and _names(method, customer_id):
            yield card.name


def forget(store: Path, customer_id: str, notify: Callable[[str], None]) -> None:
    """Removes a customer from all stored methods. A method that cannot be opened is deleted, as it may name them.

    Args:
        notify: called with a message for each deleted method.
    """
    for card in kept.kept_cards(store):
        path = kept.path_of(store, card)
        _finish(path, card)
        method = _open(store, card)
        if isinstance(method, str):
            notify(f"deleting the method {card.name}, which may name the customer: {method}")
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink()
        elif _names(method, customer_id):
            _replace(path, method, customer_id)
    known = {kept.path_of(store, card) for card in kept.kept_cards(store)}
    for stray in (store / kept.FOLDER).iterdir():
        # The card is written last: a file without one is unfinished, or from a version with other files.
        if stray.suffix in (kept.SUFFIX, ".joblib") and stray not in known:
            stray.unlink()


def _replace(path: Path, method: Kept, customer_id: str) -> None:
    """Writes the new estimator beside the old one before the card names it, so that `_finish` can resume from there."""
    estimator = method.estimator
    estimator.alike_ = estimator.alike_.without(customer_id)
    new = _beside(path)
    atomic.write(new, kept.data_of(estimator))
    card = method.card.model_copy(update={"sha256": weights.sha256(new)})
    atomic.write(path.with_suffix(".json"), card.model_dump_json(indent=2))
    _finish(path, card)


def _finish(path: Path, card: KeptCard) -> None:
    """Moves the estimator named in the card to its place, if it is still beside it."""
    new = _beside(path)
    if new.exists() and weights.sha256(new) == card.sha256:
        new.replace(path)


def _beside(path: Path) -> Path:
    """Always the same name, so that the next call finds the file."""
    return path.with_name(path.name + atomic.UNFINISHED)


def _open(store: Path, card: KeptCard) -> Kept | str:
    """The method, or the reason why it cannot be opened."""
    try:
        return kept.load(store, card.name)
    except (InputError, StoreUnavailable) as error:
        return str(error)


def _names(method: Kept, customer_id: str) -> bool:
    alike: Alike | None = getattr(method.estimator, "alike_", None)
    return alike is not None and customer_id in alike.customers
