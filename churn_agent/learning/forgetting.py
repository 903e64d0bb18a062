"""Removes customers from stored methods.

`learning.similar` names past customers. The rest of a trained estimator names no customers and stays until it is
trained again.
"""

from collections.abc import Callable, Collection, Iterator, Set
from pathlib import Path

from churn_agent.errors import InputError, StoreUnavailable
from churn_agent.files import atomic
from churn_agent.learning import stored
from churn_agent.learning.similar import SimilarCustomers
from churn_agent.learning.stored import MethodInfo, StoredMethod
from churn_agent.models import weights


def naming(store: Path, customers: Collection[str]) -> Iterator[str]:
    """The stored methods that name one of the customers. Methods that cannot be opened are skipped."""
    for info in stored.stored_methods(store):
        method = _open(store, info)
        if not isinstance(method, str) and _named_by(method).intersection(customers):
            yield info.name


def forget_unknown(store: Path, known: Set[str], notify: Callable[[str], None]) -> None:
    """Removes customers who are not known any more from all stored methods, as `forget` does."""
    methods = (_open(store, info) for info in stored.stored_methods(store))
    named = {id_ for method in methods if not isinstance(method, str) for id_ in _named_by(method)}
    forget(store, named - known, notify)


def forget(store: Path, customers: Collection[str], notify: Callable[[str], None]) -> None:
    """Removes customers from all stored methods. A method that cannot be opened is deleted, as it may name them.

    Args:
        store: folder of the store.
        customers: ids of the customers.
        notify: called with a message for each deleted method.
    """
    for info in stored.stored_methods(store):
        path = stored.path_of(store, info)
        _finish(path, info)
        method = _open(store, info)
        if isinstance(method, str):
            notify(f"deleting the method {info.name}, which may name customers: {method}")
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink()
        elif _named_by(method).intersection(customers):
            _replace(path, method, customers)
    known = {stored.path_of(store, info) for info in stored.stored_methods(store)}
    for stray in (store / stored.FOLDER).iterdir():
        # The description is written last: a file without one is unfinished, or from a version with other files.
        if stray.suffix in (stored.SUFFIX, ".joblib") and stray not in known:
            stray.unlink()


def _replace(path: Path, method: StoredMethod, customers: Collection[str]) -> None:
    """Writes the new estimator beside the old one before the description names it, so that `_finish` can resume."""
    estimator = method.estimator
    estimator.alike_ = estimator.alike_.without(customers)
    new = _beside(path)
    atomic.write(new, stored.data_of(estimator))
    info = method.info.model_copy(update={"sha256": weights.sha256(new)})
    atomic.write(path.with_suffix(".json"), info.model_dump_json(indent=2))
    _finish(path, info)


def _finish(path: Path, info: MethodInfo) -> None:
    """Moves the estimator named in the description to its place, if it is still beside it."""
    new = _beside(path)
    if new.exists() and weights.sha256(new) == info.sha256:
        new.replace(path)


def _beside(path: Path) -> Path:
    """Always the same name, so that the next call finds the file."""
    return path.with_name(path.name + atomic.UNFINISHED)


def _open(store: Path, info: MethodInfo) -> StoredMethod | str:
    """The method, or the reason why it cannot be opened."""
    try:
        return stored.load(store, info.name)
    except (InputError, StoreUnavailable) as error:
        return str(error)


def _named_by(method: StoredMethod) -> set[str]:
    alike: SimilarCustomers | None = getattr(method.estimator, "alike_", None)
    return set() if alike is None else set(map(str, alike.customers))
