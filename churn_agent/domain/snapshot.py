"""A customer at a date: all that facts, retrieval, prompts and scores are allowed to see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from churn_agent.domain.interactions import RECORD_CHANNELS, Interaction

Vectors = Mapping[str, NDArray[np.float32]]
"""`Interaction.text_id` -> array of shape (parts, dimension), unit length rows; long texts have several parts."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}; use a name such as Europe/Zurich") from error
    return name


class Card(BaseModel):
    """The card of the book: what company this is and what churn means here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: str = "the company"
    company_attribute: str | None = None
    """Customer attribute that names the company of that customer (for books that hold several brands)."""
    competitors: tuple[str, ...] = ()
    """Names of companies that customers may leave for, so that who is left for whom is not judged by their names."""
    domain: str = "business"
    churn_means: str = "the customer stops being a customer"
    horizon_days: Annotated[int, Field(ge=1, le=3650)] = 90
    base_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of customers that churn within the horizon, if known."""
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    language: str = "en"
    """Language that reports are read in."""
    value_attribute: str | None = None
    """Customer attribute with what the customer is worth a year, in money; amounts of the last year if not given."""
    owner_attribute: str = "owner"
    """Customer attribute with who looks after the customer."""
    renewal_attribute: str = "renewal_date"
    """Customer attribute with the ISO date on which the contract ends or is renewed."""
    currency: str = ""
    """As it stands before amounts of money in reports, such as `EUR`."""
    message_channels: tuple[str, ...] = ()
    """Channels that hold words of people, where the built-in list says otherwise."""
    record_channels: tuple[str, ...] = ()
    """Channels whose text a system wrote, where the built-in list says otherwise."""
    note: str | None = None
    """Anything a reader of reports should know about this book."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that `time_zone` names."""
        return ZoneInfo(self.time_zone)

    def end_of_day(self, day: date) -> datetime:
        """The last instant of `day` in the book's time zone, in UTC."""
        start_of_next = datetime.combine(day + timedelta(days=1), time(), self.zone)
        return start_of_next.astimezone(UTC) - timedelta(microseconds=1)

    def local(self, moment: datetime) -> datetime:
        """A moment on the clock of the book. Every date that a person sees is read off this clock, as `as_of` is.

        Returns:
            The same moment with the offset (whole minutes) that the book's time zone has then.
        """
        offset = moment.astimezone(self.zone).utcoffset() or timedelta()
        return moment.astimezone(timezone(timedelta(minutes=offset // timedelta(minutes=1))))

    def holds_words(self, channel: str) -> bool:
        """Whether texts in a channel are written or said by people (and not by a system)."""
        known_record = channel in self.record_channels or channel.casefold() in RECORD_CHANNELS
        return channel in self.message_channels or not known_record


@dataclass(frozen=True)
class Snapshot:
    """A customer at the end of a day. Nothing in it is later than that."""

    customer_id: str
    as_of: date
    card: Card
    interactions: tuple[Interaction, ...]
    """Oldest first."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    vectors: Vectors = field(default_factory=dict)

    def __post_init__(self) -> None:
        end = self.card.end_of_day(self.as_of)
        late = [each.id for each in self.interactions if each.occurred_at > end]
        if late:
            raise ValueError(f"snapshot of {self.customer_id!r} at {self.as_of} holds later interactions: {late[:3]}")

    @cached_property
    def company(self) -> str:
        """The company that this customer may leave."""
        named = self.attributes.get(self.card.company_attribute or "")
        return named if named else self.card.company

    @cached_property
    def messages(self) -> tuple[Interaction, ...]:
        """The interactions with words of people that the customer may have said (outbound ones are ours)."""
        return tuple(
            each
            for each in self.interactions
            if self.card.holds_words(each.channel) and each.text.strip() and each.direction != "outbound"
        )
