"""Interactions between customers and the company, and labels."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

Direction = Literal["inbound", "outbound"]
Speaker = Literal["customer", "company", "machine", "other", "unknown"]
"""Author of a text. Only texts of the customer are read; those of unknown authors count as activity, not as words."""
SPEAKERS: tuple[Speaker, ...] = ("customer", "company", "machine", "other", "unknown")

RECORD_CHANNELS = frozenset(
    """account assessment assessment_missed attendance balance bill billing charge check_in checkin class contact
    contract delivery downgrade enrolment enrollment event invoice login order payment platform_usage purchase refund
    registration renewal rent return session shipment signup statement subscription transaction transactions upgrade
    usage visit""".split()
)
"""Channels with texts by systems. Other channels have texts by people, unless the card says otherwise."""


CHURN_REASONS = ("reason", "churn_reason", "cancel_reason", "cancellation_reason")
"""Metadata and attributes with the reason for leaving."""
TELLING_ATTRIBUTES = frozenset(
    (*CHURN_REASONS, "voluntary", "churned", "churn_date", "left_on", "notice_on", "cancelled_at", "canceled_at")
)
"""Attributes known only for churned customers; methods do not learn from them."""

UPDATED_AT = "updated_at"
"""Metadata with the time of the last change of a record in its source: an ISO time in UTC, without an offset."""
COMPANY_CHANNELS = frozenset("balance bill billing charge invoice statement subscription".split())
"""Channels in which the company acts by itself: a bill is not an activity of the customer."""
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_TELLING = 200
"""Number of characters that distinguish templates."""
_MISSED = "_missed"
"""Suffix of channels for missed events, as in `assessment_missed`."""


class Mark(NamedTuple):
    """A part of the visible text that is not read, such as a quoted mail or a signature."""

    at: int
    """Offset in the visible text, in characters."""
    kind: str
    """`quote`, `signature`, `footer`, `reply_marker` or `blank`."""
    text: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """One row of a history."""

    id: str
    """Hash (32 hexadecimal digits) of customer, time, author and text when the row was first imported."""
    customer_id: str
    occurred_at: datetime
    """Time in UTC, aware."""
    channel: str
    text: str
    direction: Direction | None = None
    author: str | None = None
    amount: float | None = None
    utc_offset_minutes: int = 0
    """Offset in the source; people see times in the book's time zone (`Card.local`)."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    original: str | None = None
    """The original text, if cleaning changed it."""
    language: str | None = None
    """ISO 639-1 code of the text's language; None if unknown."""
    speaker: Speaker | None = None
    """Author of the text. If not given: the company for outbound interactions, otherwise the customer."""
    key: str | None = None
    """The source's own key of the row, after the name of the source: `zendesk:4711`."""
    marks: tuple[Mark, ...] = ()
    """Parts of the visible text that are left out of `text`."""

    def __post_init__(self) -> None:
        if self.speaker is None:
            object.__setattr__(self, "speaker", "company" if self.direction == "outbound" else "customer")

    @property
    def missed(self) -> bool:
        """Whether the customer missed a deadline or an appointment."""
        return self.channel.casefold().endswith(_MISSED)

    @property
    def by_customer(self) -> bool:
        """Whether this is an activity of the customer, not of the company or a machine and not a missed event.

        Interactions of unknown authors count, and so do notes of the company about an inbound call.
        """
        noted = self.speaker == "company" and self.direction == "inbound"
        by_other = self.direction == "outbound" or not (noted or self.speaker in ("customer", "unknown"))
        return not (by_other or self.missed or self.channel.casefold() in COMPANY_CHANNELS)

    @property
    def pieces(self) -> list[tuple[str | None, str]]:
        """The visible text in order: (None, text that is read) and (kind of the mark, text that is left out)."""
        return pieces_of(self.text, self.marks)

    @property
    def visible_text(self) -> str:
        """The text with everything that is not read put back: quotes, signatures, footers."""
        return restored(self.text, self.marks)

    @property
    def text_id(self) -> str:
        """Key of the text's vectors in the index, shared by equal texts."""
        return text_id(self.text)


def pieces_of(text: str, marks: Sequence[Mark]) -> list[tuple[str | None, str]]:
    """Returns the visible text in order: (None, text that is read) and (kind of the mark, text that is left out)."""
    pieces: list[tuple[str | None, str]] = []
    start, shown = 0, 0  # offsets in `text` and in the visible text
    for mark in marks:
        end = start + mark.at - shown
        pieces += [(None, text[start:end]), (mark.kind, mark.text)]
        start, shown = end, mark.at + len(mark.text)
    return [piece for piece in (*pieces, (None, text[start:])) if piece[1]]


def restored(text: str, marks: Sequence[Mark]) -> str:
    """Returns the visible text: a cleaned text with its marks put back."""
    return "".join(piece for _, piece in pieces_of(text, marks))


def as_number(text: str | None) -> float | None:
    """Parses a finite number in metadata or an attribute; None for other text."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def text_id(text: str) -> str:
    """Returns the SHA-256 of a text, cut to 32 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def template_of(text: str) -> str:
    """Returns the start of a text with 0 for each number, which is equal for texts from one template."""
    return _NUMBER.sub("0", text[:_TELLING])


OutcomeKind = Literal["lost", "contracted", "renewed", "expanded"]
OUTCOME_KINDS: tuple[OutcomeKind, ...] = ("lost", "contracted", "renewed", "expanded")
DATED_BY = "dated_by"
"""Metadata of a label without its own date: `notice_on` or `left_on`, from which its date was counted back."""


@dataclass(frozen=True, slots=True)
class Label:
    """The outcome of a customer in the `horizon_days` after `as_of`."""

    customer_id: str
    as_of: str
    """ISO date; the outcome is for the time after the end of that day."""
    churned: bool
    horizon_days: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    left_on: str | None = None
    """ISO date of the end of the contract or of the last use; None if it is unknown or the customer stayed."""
    notice_on: str | None = None
    """ISO date on which the customer gave notice."""
    kind: OutcomeKind | None = None
    """Kind of outcome; `contracted` customers stay with a smaller contract."""
    amount: float | None = None
    """Yearly value lost, renewed, or by which the contract became smaller or larger, in the book's currency."""
    voluntary: bool | None = None
    """Whether the customer decided to leave; False for unpaid bills, fraud, deaths and bankruptcies."""
