"""Test books: exports of a whole company as its systems write them, with a reader's judgement of every customer.

A book is a folder with the exported files, `book.yaml` (a `BookDescription`) and `truth.jsonl` (expectations of cards).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.snapshot import Card
from churn_agent.errors import InputError
from churn_agent.evals.sets.labelled import shipped_folder
from churn_agent.files import strict_yaml
from churn_agent.history import book
from churn_agent.settings import Settings

TRUTH = "truth.jsonl"
_DESCRIPTION = "book.yaml"


class Import(BaseModel):
    """One call of `churn-agent ingest`: its files, and their mapping in a file of the folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[str, ...] = ()
    customers: str | None = None
    labels: str | None = None
    measurements: str | None = None
    mapping: str | None = None
    own: tuple[str, ...] = ()


class BookDescription(BaseModel):
    """What a test book is, and how its files come in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: Card
    as_of: date
    """Day of the book: the day of all assessments."""
    capacity: Annotated[int, Field(ge=1)]
    """Number of customers whom the account managers can call in a week."""
    imports: Annotated[tuple[Import, ...], Field(min_length=1)]
    origin: str = "unknown"
    frozen: bool = False
    """Whether nobody who builds or tunes the tool has read it."""


@dataclass(frozen=True)
class Book:
    """A test book on disk."""

    name: str
    folder: Path
    description: BookDescription

    def fingerprint(self) -> str:
        """SHA-256 over the files of the folder, cut to 16 hexadecimal digits."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.iterdir()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]

    def open(self, stores: Path, settings: Settings, *, card: Mapping[str, object] | None = None) -> ChurnAgent:
        """An agent on a store of the book, made at the first call. The caller has to close it.

        Args:
            stores: folder of stores.
            settings: of the agent; the store that they name is not used.
            card: changes to the card of the book.

        Raises:
            DataError: a file of the book cannot be read.
        """
        changed = Card.model_validate(self.description.card.model_dump() | dict(card or {}))
        agent = ChurnAgent(settings.changed(store=stores / f"{self.name}-{self.fingerprint()}"))
        try:
            if len(agent.store.imports()) < len(self.description.imports):  # new, or stopped on the way
                self._import_into(agent)
            with agent.store.history.begin() as connection:
                book.set_card(connection, changed)
        except BaseException:
            agent.close()
            raise
        return agent

    def _import_into(self, agent: ChurnAgent) -> None:
        def path(name: str | None) -> Path | None:
            return self.folder / name if name else None

        with agent.store.history.begin() as connection:
            book.set_card(connection, self.description.card)
        for one in self.description.imports:
            agent.store.ingest(
                [self.folder / name for name in one.files],
                customers=path(one.customers),
                labels=path(one.labels),
                measurements=path(one.measurements),
                mapping=path(one.mapping),
                own=one.own,
            )


def find_book(name: str, *, near: Path) -> Book:
    """The test book of a name or path.

    Args:
        name: a path, relative to the folder `near`; or the name of a shipped book.
        near: folder that a relative path starts from.

    Raises:
        InputError: there is no such book.
        FileFormatError: its description is not valid.
    """
    for folder in (near / name, shipped_folder() / "datasets" / "books" / name):
        if (folder / _DESCRIPTION).is_file():
            return Book(
                folder.resolve().name, folder.resolve(), strict_yaml.load(folder / _DESCRIPTION, BookDescription)
            )
    raise InputError(f"no test book {name!r}; name a folder with {_DESCRIPTION} and {TRUTH}")
