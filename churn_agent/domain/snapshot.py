"""A customer at a date: the only data that facts, retrieval, prompts and scores may use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cached_property
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from churn_agent.domain.card_sources import CardSource
from churn_agent.domain.headers import header_name
from churn_agent.domain.interactions import RECORD_CHANNELS, Interaction, Label
from churn_agent.domain.measurements import Series

Vectors = Mapping[str, NDArray[np.float32]]
"""`Interaction.text_id` -> array of shape (parts, dimension), rows of unit length; a long text has several parts."""

Kind = Literal["contract", "subscription", "repeat_purchase", "membership", "account"]
"""Kind of a book: how customers stay and leave."""
KINDS: tuple[Kind, ...] = get_args(Kind)
Period = Literal["year", "month"]
REPORT_LANGUAGES = ("en", "de")
"""Languages of reports."""


def known_zone(name: str) -> str:
    """Returns the name of a time zone. Raises `ValueError` if it is unknown."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}; use a name such as Europe/Zurich") from error
    return name


AttributeName = Annotated[str, AfterValidator(header_name)]
"""Name of an attribute as it is after an import: `Contract Value` is `contract_value`."""


class Card(BaseModel):
    """The card of the book: the company, the meaning of churn, and how to read the data.

    Names of attributes count as at an import: in lower case, with underscores for spaces and hyphens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: str = "the company"
    company_attribute: AttributeName | None = None
    """Customer attribute with the customer's company, for books with several brands."""
    competitors: tuple[str, ...] = ()
    """Names of competitors. Questions to the model use invented names instead, so that names do not influence it."""
    domain: str = "business"
    churn_means: str = "the customer stops being a customer"
    kind: Kind | None = None
    """Kind of book, which decides which facts count; inferred for each customer if not given."""
    horizon_days: Annotated[int, Field(ge=1, le=3650)] = 90
    base_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of customers who churn within the horizon, 0 to 1, if known."""
    bands: Literal["probability", "capacity"] = "probability"
    """What bounds the bands of calibrated probabilities: the base rate, or `capacity`."""
    capacity: Annotated[int, Field(ge=1)] | None = None
    """Number of customers who can be called between two lists. With bands by capacity, so many are in the high band,
    and as many again in the medium one."""
    time_zone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    language: str = "en"
    """Language of reports, cards and digests: `en` or `de`, or with a country, such as `de-CH`."""
    name_attribute: AttributeName = "name"
    """Customer attribute with the name that reports show beside the id."""
    value_attribute: AttributeName | None = None
    """Customer attribute with the value in money; if not given, the sum of amounts in the last year."""
    value_period: Period = "year"
    """Period that values are for, and for which reports show and add them: `year` or `month`."""
    value_period_attribute: AttributeName | None = None
    """Customer attribute with the period that the value is for, such as month or `monthly`; `value_period`, if not
    given."""
    value_periods: Mapping[str, Annotated[float, Field(ge=0)]] = {}
    """Word for a period -> how often it comes in a year, such as `term: 3`, for words that are not known. Customers
    with other words have no yearly value."""
    owner_attribute: AttributeName = "owner"
    """Customer attribute with the account manager."""
    renewal_attribute: AttributeName = "renewal_date"
    """Customer attribute with the ISO date on which the contract ends or renews."""
    currency: str = ""
    """Prefix of amounts of money in reports, such as `EUR`."""
    attributes_as_of: Literal["import", "label"] = "import"
    """Whether attributes are known from the day of their import on (from the last interaction now stored, if that is
    earlier; or from their column `known_from`), or at every date. The second is for labelled sets whose attributes are
    of their date."""
    sensitive_attributes: tuple[AttributeName, ...] = ()
    """Attributes that look sensitive (such as gender, birth, nationality) and are used all the same."""
    combine: Mapping[AttributeName, Literal["latest", "sum", "highest", "lowest"]] = {}
    """Attribute -> how values of several rows for one customer in a file are combined; the latest, if not given."""
    message_channels: tuple[str, ...] = ()
    """Channels with texts by people, in addition to the built-in rule."""
    record_channels: tuple[str, ...] = ()
    """Channels with texts by systems, in addition to the built-in list."""
    note: str | None = None
    """A note for readers of reports."""
    sources: tuple[CardSource, ...] = ()
    """Files, folders, globs or databases from which `churn-agent weekly` imports; each is text, or has `files` and what
    belongs to them (`mapping`, `customers`, `labels`, `measurements`, `query`, `sheet`)."""

    @model_validator(mode="after")
    def _knows_the_capacity(self) -> "Card":
        if self.bands == "capacity" and self.capacity is None:
            raise ValueError("'bands: capacity' needs 'capacity', the number of customers who can be called")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the book."""
        return ZoneInfo(self.time_zone)

    def end_of_day(self, day: date) -> datetime:
        """Returns the last instant of `day` in the book's time zone, as UTC; at most the last one of the calendar."""
        try:
            start_of_next = datetime.combine(day + timedelta(days=1), time(), self.zone)
            return start_of_next.astimezone(UTC) - timedelta(microseconds=1)
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)

    def local(self, moment: datetime) -> datetime:
        """Converts a time to the book's time zone, which all dates shown to people use, as does `as_of`.

        Returns:
            The same time with the offset of the book's time zone, in whole minutes; unchanged within a day of the
            calendar's ends (0001-01-01, 9999-12-31), if it would be beyond them.
        """
        try:
            offset = moment.astimezone(self.zone).utcoffset() or timedelta()
            return moment.astimezone(timezone(timedelta(minutes=offset // timedelta(minutes=1))))
        except OverflowError:
            return moment

    def holds_words(self, channel: str) -> bool:
        """Whether texts in a channel are by people, not by a system."""
        known_record = channel in self.record_channels or channel.casefold() in RECORD_CHANNELS
        return channel in self.message_channels or not known_record


@dataclass(frozen=True)
class Snapshot:
    """A customer at the end of a day. It contains nothing later."""

    customer_id: str
    as_of: date
    card: Card
    interactions: tuple[Interaction, ...]
    """Oldest first."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    measurements: tuple[Series, ...] = ()
    """Metrics up to `as_of`, sorted by name."""
    outcomes: tuple[Label, ...] = ()
    """Outcomes known on `as_of`: notice given and departures up to that day, and labels whose horizon is over."""
    vectors: Vectors = field(default_factory=dict[str, NDArray[np.float32]])

    def __post_init__(self) -> None:
        end = self.card.end_of_day(self.as_of)
        late = [interaction.id for interaction in self.interactions if interaction.occurred_at > end]
        if late:
            raise ValueError(f"snapshot of {self.customer_id!r} at {self.as_of} has later interactions: {late[:3]}")

    @cached_property
    def company(self) -> str:
        """The customer's company."""
        return self.attributes.get(self.card.company_attribute or "") or self.card.company

    @cached_property
    def name(self) -> str | None:
        """The customer's name on one line, from the attribute that the card names; None without one."""
        return " ".join(self.attributes.get(self.card.name_attribute, "").split()) or None

    @cached_property
    def messages(self) -> tuple[Interaction, ...]:
        """The customer's own texts: those of the company, of machines and of unknown authors are not among them."""
        return tuple(row for row in self._texts if row.speaker == "customer" and row.direction != "outbound")

    @cached_property
    def unattributed(self) -> tuple[Interaction, ...]:
        """The texts of unknown authors, which are not read."""
        return tuple(row for row in self._texts if row.speaker == "unknown")

    @cached_property
    def _texts(self) -> tuple[Interaction, ...]:
        return tuple(row for row in self.interactions if self.card.holds_words(row.channel) and row.text.strip())
