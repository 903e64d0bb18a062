"""One interaction: something that happened between a customer and the company at a time."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Direction = Literal["inbound", "outbound"]

RECORD_CHANNELS = frozenset(
    """account assessment assessment_missed balance billing charge contact contract delivery downgrade enrolment
    enrollment event invoice login order payment platform_usage purchase refund registration renewal return session
    shipment signup subscription transaction transactions upgrade usage visit""".split()
)
"""Channels whose text a system wrote. All other channels hold words of people (a card can say otherwise)."""


CHURN_REASONS = ("reason", "churn_reason", "cancel_reason", "cancellation_reason")
"""Metadata and attributes that say why somebody left."""
TELLING_ATTRIBUTES = frozenset((*CHURN_REASONS, "voluntary", "churned", "churn_date", "cancelled_at"))
"""Attributes that are known of churners alone: nothing is learned from them."""

COMPANY_CHANNELS = frozenset("balance bill billing charge invoice statement subscription".split())
"""Channels in which the company acts by itself: a bill that goes out is no activity of the customer."""
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_TELLING = 200
"""Characters that templates are told apart by."""
_MISSED = "_missed"
"""End of channels of what the customer did not do, as in `assessment_missed`."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One row of a history."""

    id: str
    """32 hexadecimal digits made from the content and its occurrence count within its file."""
    customer_id: str
    occurred_at: datetime
    """Aware, in UTC."""
    channel: str
    text: str
    direction: Direction | None = None
    author: str | None = None
    amount: float | None = None
    utc_offset_minutes: int = 0
    """Offset of the source's clock, kept as it came; what people see is on the book's clock (`Card.local`)."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    original: str | None = None
    """The text as the source had it, where cleaning changed it."""
    language: str | None = None
    """ISO 639-1 code of what people wrote; None where it cannot be told."""

    @property
    def missed(self) -> bool:
        """Whether the customer did not do what was due."""
        return self.channel.casefold().endswith(_MISSED)

    @property
    def by_customer(self) -> bool:
        """Whether the customer did this; the company's own doings and what was missed show no activity."""
        return not (self.direction == "outbound" or self.missed or self.channel.casefold() in COMPANY_CHANNELS)

    @property
    def text_id(self) -> str:
        """Key of the text's vectors in the index: equal texts share it."""
        return text_id(self.text)


def as_number(text: str | None) -> float | None:
    """The finite number that a text of metadata or an attribute is; None if it is none."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def text_id(text: str) -> str:
    """SHA-256 of a text, cut to 32 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def template_of(text: str) -> str:
    """The beginning of a text with 0 for each number: what comes again and again has the same one."""
    return _NUMBER.sub("0", text[:_TELLING])


@dataclass(frozen=True, slots=True)
class Label:
    """What became of a customer in the `horizon_days` after `as_of`."""

    customer_id: str
    as_of: str
    """ISO date; the label speaks of what came after the end of that day."""
    churned: bool
    horizon_days: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
