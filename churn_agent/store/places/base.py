"""What a place is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine

from churn_agent.history.forgetting import Traces
from churn_agent.index.vectors import Index

Found = Iterator[Mapping[str, Any]]
"""What is held of a customer, ready for JSON but for dates."""


@dataclass(frozen=True)
class Site:
    """A store, opened."""

    store: Path
    history: Engine
    index: Index
    notify: Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """Something that holds data."""

    name: str
    """Of a table, its name in the history."""
    kind: Literal["table", "file", "copy", "outside"]
    """`copy`: what it holds of a customer stands elsewhere too. `outside`: not in the store, and never touched."""
    holds: str
    """In words, for people."""
    forgotten: str
    """What `forget` does there, in words."""
    paths: tuple[str, ...] = ()
    """Of files in the store: patterns as `fnmatch` knows them, in which `*` is any part of a path."""
    read: Callable[[Site, Traces], Found] = lambda site, of: iter(())
    """Gives what is held of a customer. Nothing where it cannot be told whose a thing is."""
    erase: Callable[[Site, Traces], None] = lambda site, of: None
    """Erases a customer; may be done again, and leaves nothing that `read` gives."""
