"""Messages of fictional customers, assembled from `phrases.yaml`."""

import random
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from churn_agent.files import strict_yaml

Language = Literal["en", "de"]
Lines = dict[Language, tuple[str, ...]]

_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"]
_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_NTH = ["second", "third", "fourth", "fifth"]
_NTH_DE = ["zweite", "dritte", "vierte"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Activity(_Data):
    """Use or purchases by customers."""

    channel: str
    texts: tuple[str, ...]
    amount: float | None = None


class Charge(_Data):
    """A regular charge."""

    channel: str
    text: str
    every_weeks: int
    amount: float


class DemoDomain(_Data):
    """A fictional company."""

    company: str
    churn_means: str
    rivals: tuple[str, ...]
    products: tuple[str, ...]
    things: tuple[str, ...]
    incidents: tuple[str, ...]
    incidents_de: tuple[str, ...]
    activity: Activity
    charge: Charge | None


class Phrases(_Data):
    """The contents of `phrases.yaml`."""

    openings: Lines
    closings: Lines
    cores: dict[str, Lines]
    names: tuple[str, ...]
    staff: tuple[str, ...]
    streets: tuple[str, ...]
    domains: dict[str, DemoDomain]


@cache
def load() -> Phrases:
    """Returns the shipped phrases."""
    return strict_yaml.load(Path(__file__).with_suffix(".yaml"), Phrases)


class Writer:
    """Writes the texts of one customer."""

    def __init__(self, domain: DemoDomain, rng: random.Random) -> None:
        self._phrases = load()
        self._domain = domain
        self._rng = rng
        self._name = rng.choice(self._phrases.names)
        self._products = rng.sample(domain.products, 2)
        self.language: Language = "de" if rng.random() < 0.12 else "en"

    def message(self, theme: str) -> str:
        """Returns a message about a theme of `phrases.yaml`, in the customer's language."""
        rng, language = self._rng, self.language
        parts = (self._phrases.openings, self._phrases.cores[theme], self._phrases.closings)
        text = "".join(self.fill(rng.choice(lines[language])) for lines in parts)
        return text[0].upper() + text[1:]

    def fill(self, template: str, *, amount: float | None = None, day: date | None = None) -> str:
        """Returns a template with its slots filled."""
        rng, domain, phrases = self._rng, self._domain, self._phrases
        incident = rng.choice(domain.incidents)
        return template.format_map(
            {
                "company": domain.company,
                "name": self._name,
                "staff": rng.choice(phrases.staff),
                "street": rng.choice(phrases.streets),
                "rival": rng.choice(domain.rivals),
                "product": rng.choice(self._products),
                "thing": rng.choice(domain.things),
                "incident": incident,
                "incident_clause": incident[0].lower() + incident[1:],
                "incident_clause_de": rng.choice(domain.incidents_de),
                "number": rng.randrange(1000, 99999),
                "small": rng.randrange(1, 5),
                "minutes": rng.randrange(3, 240),
                "day": rng.randrange(2, 28),
                "hour": f"{rng.randrange(8, 20)}:{rng.choice(['00', '15', '30'])}",
                "weekday": rng.choice(_WEEKDAYS),
                "month": rng.choice(_MONTHS),
                "nth": rng.choice(_NTH),
                "nth_de": rng.choice(_NTH_DE),
                "amount": f"{amount if amount is not None else rng.uniform(9, 90):.2f}",
                "date": f"{day:%d %B}" if day else "",
            }
        )
