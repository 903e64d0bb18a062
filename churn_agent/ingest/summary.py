"""The result of an import."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from churn_agent.files.strict_json import is_list
from churn_agent.ingest.preview import Example
from churn_agent.ingest.questions import Guess

_LOGGED = """files query columns rows rejected rejects_file empty updated outdated replaced cleaning languages templates
channels speakers guesses customers labels measurements aliases""".split()


@dataclass
class ImportSummary:
    """The result of an import (or of a dry run)."""

    import_id: int | None = None
    """Number of the import, for `imports undo`; None for a dry run."""
    replaced: int | None = None
    """The import of the same files with another mapping that this one replaces."""
    sources: list[str] = field(default_factory=list[str])
    columns: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Source -> our field -> its column."""
    files: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """File -> the kinds of data read from it: `interactions`, `customers`, `labels`, `measurements`, `aliases` or
    `card`."""
    query: str | None = None
    """The SQL with which a database was read."""
    own: tuple[str, ...] = ()
    """Addresses and domains treated as the company's."""
    mapping: dict[str, Any] = field(default_factory=dict[str, Any])
    """The mapping as understood."""
    guesses: list[Guess] = field(default_factory=list[Guess])
    rows: int = 0
    added: int = 0
    updated: int = 0
    """Number of stored interactions with new values."""
    already_known: int = 0
    """Number of rows that were stored before, updated ones included."""
    outdated: int = 0
    """Number of rows that are older than what is stored, by the times of their last changes; they change nothing."""
    empty: int = 0
    """Number of rows without text, amount and rating; they are skipped."""
    passed_over: int = 0
    """Number of rows that the mapping excludes (`only`)."""
    in_the_future: int = 0
    customers: int = 0
    labels: int = 0
    measurements: int = 0
    aliases: int = 0
    """Number of ids that mean another customer, as the import says."""
    rejected: int = 0
    rejects_file: str | None = None
    first_rejected: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    """`file`, `line` and `reason` of the first few rejected rows."""
    first: datetime | None = None
    """In the book's time zone, as are `last` and the times in `examples`."""
    last: datetime | None = None
    time_zone: str = "UTC"
    """The book's time zone."""
    channels: dict[str, int] = field(default_factory=dict[str, int])
    speakers: dict[str, int] = field(default_factory=dict[str, int])
    """Speaker -> texts in channels in which people write."""
    cleaning: dict[str, int] = field(default_factory=dict[str, int])
    """Step -> number of texts that it changed."""
    languages: dict[str, int] = field(default_factory=dict[str, int])
    templates: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Frequent texts, with 0 in place of numbers, and their counts."""
    examples: list[Example] = field(default_factory=list[Example])
    """Up to five telling customers, as understood."""
    about_customers: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """`customers`, `labels`, `measurements` -> the first rows of the file as understood: our names -> values; `written`
    has the texts that the values were read from, where they differ."""

    @property
    def unattributed(self) -> int:
        """Number of texts whose author is unknown; they are stored and not read."""
        return self.speakers.get("unknown", 0)

    def logged(self) -> dict[str, Any]:
        """Returns what the history keeps of the summary, as JSON."""
        return {name: _plain(getattr(self, name)) for name in _LOGGED}


def _plain(value: Any) -> Any:
    if not is_list(value):
        return value
    return [vars(item) if isinstance(item, Guess) else item for item in value]
