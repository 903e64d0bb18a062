"""Places that are files in a store."""

import shutil
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from churn_agent.domain.assessment import Assessment
from churn_agent.files import atomic, strict_json
from churn_agent.history import forgetting, interactions, records
from churn_agent.history.forgetting import Traces
from churn_agent.index import updating
from churn_agent.store.places.base import Found, Site, Withdrawal

METHODS = "methods"
"""Folder of trained methods."""
BATCHES, REJECTED = "batches", "rejected"
LOOKBACKS = "lookback"
"""Folder of replayed month ends."""
WEEKLY = "weekly"
"""Folder of the log and the state of weekly runs."""
_TRANSCRIPTS = {".vtt", ".srt"}


# --- lines of files


def lines(
    folder: str,
    belongs: Callable[[Any, str], bool],
    undo: Callable[[Site, Withdrawal], None],
    *,
    others: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns the fields of a place of JSON Lines files whose lines belong to customers.

    Args:
        folder: with the files.
        belongs: whether a line belongs to a customer.
        undo: see `Place`.
        others: names of files in the folder without customers.
    """

    def read(site: Site, of: Traces) -> Found:
        for path in sorted((site.store / folder).glob("*.jsonl")):
            with path.open("rb") as file:
                for line in file:
                    if _is_of(line, of.ids, belongs):
                        yield {"file": path.name, "line": line.decode("utf-8", "replace")}

    def erase(site: Site, of: Traces) -> None:
        for path in sorted((site.store / folder).glob("*.jsonl")):
            _drop_lines(path, partial(_is_of, ids=of.ids, belongs=belongs))

    paths = (f"{folder}/*.jsonl", *(f"{folder}/{name}" for name in others))
    return {"paths": paths, "read": read, "erase": erase, "undo": undo}


def _drop_lines(path: Path, theirs: Callable[[bytes], bool]) -> None:
    """Removes lines from a file, and an incomplete last line, whose customer is unknown."""

    def goes(line: bytes) -> bool:
        return not line.endswith(b"\n") or theirs(line)

    with path.open("rb") as file:
        if not any(map(goes, file)):
            return
        file.seek(0)
        with atomic.replacing(path) as scratch, scratch.open("wb") as kept:
            kept.writelines(line for line in file if not goes(line))


def _is_of(line: bytes, ids: Sequence[str], belongs: Callable[[Any, str], bool]) -> bool:
    """Whether a line belongs to the customer with the ids; a damaged line does if it contains one."""
    try:
        entry = strict_json.parse(line)
        return any(belongs(entry, id_) for id_ in ids)
    except (ValueError, AttributeError):
        return any(id_.encode("utf-8", "surrogatepass") in line for id_ in ids)


def of_batch(record: Any, customer_id: str) -> bool:
    """Whether a line of a batch is about a customer."""
    return record.get("customer_id") == customer_id


def of_reject(entry: Any, customer_id: str) -> bool:
    """Whether a row has the id in any column, or comes from a transcript whose file name starts with it."""
    named = any(value.strip() == customer_id for value in entry.get("values", {}).values())
    source = Path(entry.get("file", ""))
    return named or (source.suffix.casefold() in _TRANSCRIPTS and source.name.startswith(f"{customer_id}_"))


def remove_rejects(site: Site, of: Withdrawal) -> None:
    """Removes the file of an import's rejected rows, if it is in the store (which may have moved); others are named."""
    path = of.row.summary.get("rejects_file")
    if not path:
        return
    file = Path(str(path))
    inside = site.store / REJECTED / file.name
    if file.parent.name == REJECTED and inside.exists():
        inside.unlink()
    elif file.exists():
        site.notify(f"rejected rows outside the store are not changed: {str(file)!r}")


def of_log(entry: Any, customer_id: str) -> bool:
    """Whether a line of the log of weekly runs names the customer: a message about a file may."""
    return customer_id in str(entry.get("result", ""))


def remove_lookbacks(site: Site, of: Withdrawal) -> None:
    """Removes replayed month ends: with other data they are computed again."""
    for path in sorted((site.store / LOOKBACKS).glob("*.jsonl")):
        path.unlink()


def strip_batches(site: Site, of: Withdrawal) -> None:
    """Strips the records of batches that rest on withdrawn data, as `records.withdraw` does."""
    withdrawn = records.withdrawn(site.history)
    names = {customer_id for customer_id, _ in withdrawn}
    for path in sorted((site.store / BATCHES).glob("*.jsonl")):
        with path.open("rb") as file:
            if not any(_customer_of(line) in names for line in file):
                continue
            file.seek(0)
            with atomic.replacing(path) as scratch, scratch.open("wb") as kept:
                for line in file:
                    kept.write(_stripped(line, withdrawn) if _customer_of(line) in names else line)


def _customer_of(line: bytes) -> str | None:
    try:
        return strict_json.parse(line).get("customer_id")
    except (ValueError, AttributeError):
        return None


def _stripped(line: bytes, withdrawn: set[tuple[str, date]]) -> bytes:
    try:
        record = Assessment.model_validate_json(line)
    except ValueError:  # a failure, without words of the customer
        return line
    if (record.customer_id, record.as_of) not in withdrawn:
        return line
    return records.stripped(record, withdrawn=True).model_dump_json().encode() + b"\n"


# --- the index, copies, methods


def read_index(site: Site, of: Traces) -> Found:
    """The customer's vectors, by the id of their text."""
    for text_id in site.index.vectors(forgetting.unshared_text_ids(site.history, of)):
        yield {"text_id": text_id}


def erase_from_index(site: Site, of: Traces) -> None:
    """Deletes the customer's vectors."""
    updating.forget(site.index, site.store, forgetting.unshared_text_ids(site.history, of))


def remove_orphans(site: Site, of: Withdrawal) -> None:
    """Deletes the vectors of texts that the history does not have any more."""
    orphans = site.index.text_ids() - interactions.all_text_ids(site.history) - of.phrases
    updating.forget(site.index, site.store, sorted(orphans))


def copies(*patterns: str, what: str) -> dict[str, Any]:
    """Returns the fields of a place of files or folders that are removed as a whole."""

    def matches(site: Site) -> list[Path]:
        return sorted(path for pattern in patterns for path in site.store.glob(pattern))

    def read(site: Site, of: Traces) -> Found:
        for path in matches(site):
            yield {"path": path.name}

    def remove(site: Site, of: object) -> None:
        for path in matches(site):
            site.notify(f"removing {str(path)!r}: {what}")
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    return {"read": read, "erase": remove, "undo": remove}


def read_methods(site: Site, of: Traces) -> Found:
    """The methods that hold the customer's name."""
    if any((site.store / METHODS).glob("*.json")):
        from churn_agent.learning.forgetting import naming  # scikit-learn takes a second to load

        for name in naming(site.store, of.ids):
            yield {"method": name}


def erase_from_methods(site: Site, of: Traces) -> None:
    """Takes the customer's name out of methods."""
    if (site.store / METHODS).is_dir():
        from churn_agent.learning.forgetting import forget

        forget(site.store, of.ids, site.notify)


def erase_unknown_from_methods(site: Site, of: Withdrawal) -> None:
    """Takes the names of customers without a history out of methods."""
    if (site.store / METHODS).is_dir():
        from churn_agent.learning.forgetting import forget_unknown

        forget_unknown(site.store, set(interactions.customer_ids(site.history)), site.notify)
