"""Takes customers out of kept methods, as far as those name them.

`learning.alike` names past customers. What else an estimator has learned names nobody, and stays until it is trained
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
    """The kept methods that name a customer; those that cannot be opened cannot be asked."""
    for card in kept.kept_cards(store):
        method = _open(store, card)
        if not isinstance(method, str) and _names(method, customer_id):
            yield card.name


def forget(store: Path, customer_id: str, notify: Callable[[str], None]) -> None:
    """Takes a customer out of all kept methods. One that cannot be opened is removed: it may name them.

    Args:
        notify: told what is removed, and why.
    """
    for card in kept.kept_cards(store):
        path = kept.path_of(store, card)
        _finish(path, card)
        method = _open(store, card)
        if isinstance(method, str):
            notify(f"removing the method {card.name}, which may name the customer: {method}")
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink()
        elif _names(method, customer_id):
            _replace(path, method, customer_id)
    known = {kept.path_of(store, card) for card in kept.kept_cards(store)}
    for stray in (store / kept.FOLDER).iterdir():
        # The card is written last: what has none was never finished, or is of a version that kept other files.
        if stray.suffix in (kept.SUFFIX, ".joblib") and stray not in known:
            stray.unlink()


def _replace(path: Path, method: Kept, customer_id: str) -> None:
    """The new estimator stands beside the old one when the card names it, so that `_finish` can go on from there."""
    estimator = method.estimator
    estimator.alike_ = estimator.alike_.without(customer_id)
    new = _beside(path)
    atomic.write(new, kept.data_of(estimator))
    card = method.card.model_copy(update={"sha256": weights.sha256(new)})
    atomic.write(path.with_suffix(".json"), card.model_dump_json(indent=2))
    _finish(path, card)


def _finish(path: Path, card: KeptCard) -> None:
    """Moves the estimator that the card names to its place, if it stands beside it."""
    new = _beside(path)
    if new.exists() and weights.sha256(new) == card.sha256:
        new.replace(path)


def _beside(path: Path) -> Path:
    """Always of the same name, so that the next call finds it."""
    return path.with_name(path.name + atomic.UNFINISHED)


def _open(store: Path, card: KeptCard) -> Kept | str:
    """The method, or why it cannot be opened."""
    try:
        return kept.load(store, card.name)
    except (InputError, StoreUnavailable) as error:
        return str(error)


def _names(method: Kept, customer_id: str) -> bool:
    alike: Alike | None = getattr(method.estimator, "alike_", None)
    return alike is not None and customer_id in alike.customers
