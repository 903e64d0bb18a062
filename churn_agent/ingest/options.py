"""The options of an import: one value from the command to the second pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from churn_agent.domain.interactions import Speaker
from churn_agent.ingest.questions import Ask, suggested

Progress = Callable[[str, int, int | None], None]
"""Called with (source, done, total) in bytes of files or rows of tables; the total is None if unknown."""


def _unseen(source: str, done: int, total: int | None) -> None:
    """Shows no progress."""


@dataclass(frozen=True)
class ImportOptions:
    """What an import is told beside its sources of interactions."""

    customers: object = None
    """Path or data frame of attributes (column `customer_id`)."""
    labels: object = None
    """Path or data frame of outcomes (`customer_id, as_of, churned`)."""
    measurements: object = None
    """Path or data frame of numbers (`customer_id, date, metric, value`, or a column for each metric)."""
    aliases: object = None
    """Path or data frame of ids that mean the same customer (`old, new`)."""
    card: Path | None = None
    """YAML card of the book."""
    mapping: Path | str | None = None
    """YAML file that maps columns to fields, or the name of a shipped one (`zendesk`)."""
    query: str | None = None
    """SQL for databases."""
    sheet: str | None = None
    """Sheet of a workbook; the mapping's, or else all sheets with the same columns, if not given."""
    own: Sequence[str] = ()
    """Mail addresses and domains of the company (`support@acme.example`, `@acme.example`), and names of its people in
    calls and chats, in addition to those in the mapping."""
    customer: str | None = None
    """Customer of rows that name none, such as those of a recorded call."""
    unknown_is: Speaker | None = None
    """Author to assume when no column names one: `customer`, `company`, or `unknown`, whose texts are stored, count as
    activity and are not read. The mapping's, or else `unknown`, if not given."""
    rejects: Path | None = None
    """File for rejected rows (JSON Lines: `file`, `line`, `reason`, `values`); None for one in the store's folder
    `rejected`."""
    replace_card: bool = False
    """Allow the card of another company to replace the stored one."""
    keep_card: bool = False
    """Ignore the card in a folder; the stored one counts."""
    dry_run: bool = False
    """Store nothing."""
    progress: Progress = _unseen
    """Called with the source, the amount done and the total."""
    ask: Ask | None = None
    """Answers questions about the data; without it they raise `NeedsAnswer`."""
    yes: bool = False
    """Take the answers that the data suggest, such as whose mailbox it is; only other questions are asked."""

    @property
    def answers(self) -> Ask | None:
        """Answers questions: by what the data suggest (`yes`), or else by `ask`."""
        return suggested(self.ask) if self.yes else self.ask
