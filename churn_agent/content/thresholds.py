"""Thresholds of a prompt: numbers that hold for one prompt and one model, with what they were measured on.

They lie beside the prompt, in `MODE/NAME.thresholds.yaml`, for the models that are shipped with some. For other models
`churn-agent models fit` measures them; those are kept in the model folder (`content.fits`).
"""

import datetime
import hashlib
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Thresholds(_Data):
    """The numbers by which a model's answers to a prompt become signals and a leaning."""

    proposed: Share
    """Probability of a word, among all words, from which a sentence proposes its signal."""
    most_a_sentence: Annotated[int, Field(ge=1)]
    """Signals that one sentence proposes at most."""
    silent: Share
    """Probability of the word for "nothing" from which a sentence shows nothing; a message of such sentences alone is
    asked nothing more."""
    hinting: Share
    """Probability of all words about leaving together from which a sentence hints at leaving."""
    confirmed: Share
    """Probability of yes, less what neutral words get, below which a proposed signal is dropped."""
    closes: FiniteFloat
    """Log-odds of yes from which a message asks to end the contract."""
    less_sure: FiniteFloat
    """By how many log-odds that answer leans less to leaving than it says: it is easily given."""
    rival_share: Share
    """How much of the leaning to leave a rival is subtracted from the leaning to leave the company: words about leaving
    and joining lean to leaving whomever they name."""
    neutral_leaning: FiniteFloat
    """Leaning, in log-odds of leaving against staying, of a message about something else."""
    leaving_leaning: FiniteFloat
    """Leaning from which messages as a whole read like leaving."""
    staying_leaning: FiniteFloat
    """Leaning up to which messages as a whole read like staying."""

    @model_validator(mode="after")
    def _are_in_order(self) -> "Thresholds":
        if not self.staying_leaning <= self.neutral_leaning <= self.leaving_leaning:
            raise ValueError("staying_leaning, neutral_leaning and leaving_leaning must not decrease in this order")
        return self

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over all values, first 16 hexadecimal digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


class SetUsed(_Data):
    """A labelled set that thresholds were measured on."""

    name: str
    """Of the set, as `churn-agent eval sets` lists it."""
    n: Annotated[int, Field(ge=1)]
    """Messages of it."""


class MeasuredOn(_Data):
    """On what, when and how thresholds were measured."""

    sets: Annotated[tuple[SetUsed, ...], Field(min_length=1)]
    """The labelled sets."""
    version: str
    """Of churn-agent."""
    date: datetime.date
    """The day."""
    command: str
    """That gives the figures again."""


class Figures(_Data):
    """How well a model reads with its thresholds."""

    precision: Share
    """Of the signals read in messages, the share that people found too."""
    recall: Share
    """Of the signals that people found in messages, the share that was read."""
    f1: Share
    """Harmonic mean of the two."""
    auroc_of_leaving: Share
    """Probability that a message of somebody who leaves leans more to leaving than one of somebody who does not."""


class Fit(_Data):
    """Thresholds for one prompt and one model."""

    model: str
    """Name of the model, as the catalogue or the settings have it."""
    sha256: Sha256 | None = None
    """Of the model's weights; whatever runs the same weights has the same thresholds."""
    fingerprint: str | None = None
    """Of the model, where the thresholds hold for it alone."""
    prompt_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """`content_hash` of the prompt: with other words, other thresholds are needed."""
    measured_on: MeasuredOn | None = None
    """None where the thresholds are taken from another prompt."""
    taken_from: str | None = None
    """The prompt whose thresholds these are, where none were measured for this one."""
    figures: Figures | None = None
    """What they give on the fixed sample of `churn-agent models fit`."""
    values: Thresholds
    """The thresholds."""

    @model_validator(mode="after")
    def _has_a_source(self) -> "Fit":
        if (self.measured_on is None) == (self.taken_from is None):
            raise ValueError("give either 'measured_on' or 'taken_from'")
        if self.sha256 is None and self.fingerprint is None:
            raise ValueError("give the 'sha256' of the weights, or the 'fingerprint' of the model")
        return self


class ThresholdsFile(_Data):
    """`MODE/NAME.thresholds.yaml`."""

    fits: Annotated[tuple[Fit, ...], Field(min_length=1)]
    """One for each model. Models without any start from the values of the first."""
