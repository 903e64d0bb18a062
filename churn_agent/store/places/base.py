"""The type of a place."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine

from churn_agent.history.forgetting import Traces
from churn_agent.history.imports import Import
from churn_agent.index.vectors import Index

Found = Iterator[Mapping[str, Any]]
"""Data of a customer, ready for JSON except for dates."""


@dataclass(frozen=True)
class Site:
    """An open store."""

    store: Path
    history: Engine
    index: Index
    notify: Callable[[str], None]


@dataclass(frozen=True)
class Withdrawal:
    """An import that was undone in the tables of the history, in one transaction."""

    row: Import
    phrases: frozenset[str]
    """Ids of texts in the index that are not the history's."""


@dataclass(frozen=True)
class Place:
    """A table, file or folder that holds data."""

    name: str
    """For a table, its name in the history."""
    kind: Literal["table", "file", "copy", "outside"]
    """`copy`: its data of a customer are elsewhere too. `outside`: not in the store, and never changed."""
    holds: str
    """Description of the contents."""
    forgotten: str
    """Description of the erasure of a customer."""
    undone: str
    """Description of undoing an import."""
    paths: tuple[str, ...] = ()
    """Patterns (`fnmatch`) of files in the store, in which `*` also matches `/`."""
    read: Callable[[Site, Traces], Found] = lambda site, of: iter(())
    """Yields the data of a customer; nothing if data cannot be attributed."""
    erase: Callable[[Site, Traces], None] = lambda site, of: None
    """Erases a customer, so that `read` yields nothing; repeatable."""
    undo: Callable[[Site, Withdrawal], None] = lambda site, of: None
    """Removes what is left of an import that was undone in the tables of the history; repeatable."""
