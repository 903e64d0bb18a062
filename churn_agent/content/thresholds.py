"""Thresholds of a prompt: numbers for one prompt and one model, with the data that they were measured on.

Shipped thresholds are beside the prompt, in `MODE/NAME.thresholds.yaml`. For other models `churn-agent models fit`
measures them and stores them in the model folder (`content.fitted_thresholds`).
"""

import datetime
import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Combiner(_Data):
    """How the probabilities of the second reader and the answers of the model become one probability.

    A logistic regression over the log-odds of both, fitted on messages that neither was trained on.
    """

    reader: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """Beginning of the SHA-256 of the second reader's file that it was fitted with."""
    proposed: Share
    """Least probability by the second reader at which the model is asked about a signal."""
    silent: Share
    """Greatest probability, of any signal and of any leaning, at which the model is not asked about a message."""
    shown: Share
    """Combined probability from which a signal is shown."""
    shown_among_many: Share = 0.0
    """The same for a message among others: the more messages a history has, the more of its signals are false."""
    second: FiniteFloat
    """Weight of the second reader's log-odds."""
    model: FiniteFloat
    """Weight of the model's log-odds of yes, less those for neutral words."""
    bias: FiniteFloat
    biases: Mapping[str, FiniteFloat] = {}
    """Signal id -> what is added to the bias."""
    leaning_second: FiniteFloat
    """Weight of the second reader's log-odds of leaving."""
    leaning_model: FiniteFloat
    """Weight of the model's leaning."""
    leaning_bias: FiniteFloat

    def signal(self, id_: str, second: float, model: float) -> float:
        """Combined log-odds of a signal, from those of the second reader and of the model."""
        return self.bias + self.biases.get(id_, 0.0) + self.second * second + self.model * model

    def leaning(self, second: float, model: float) -> float:
        """Combined log-odds of leaving, from those of the second reader and the model's leaning."""
        return self.leaning_bias + self.leaning_second * second + self.leaning_model * model


class Thresholds(_Data):
    """The numbers that turn a model's answers to a prompt into signals and a leaning."""

    proposed: Share
    """Least probability of a word, among all words, at which a sentence proposes its signal."""
    most_a_sentence: Annotated[int, Field(ge=1)]
    """Most signals that one sentence proposes."""
    silent: Share
    """Least probability of the word for "nothing" at which a sentence shows no signal; no more questions are asked
    about a message with only such sentences."""
    hinting: Share
    """Least total probability of all words about leaving at which a sentence hints at leaving."""
    confirmed: Share
    """Probability of yes, less that for neutral words, below which a proposed signal is dropped."""
    closes: FiniteFloat
    """Least log-odds of yes at which a message asks to end the contract."""
    less_sure: FiniteFloat
    """Log-odds subtracted from that answer as a leaning to leave, because models say yes to it too easily."""
    rival_share: Share
    """How much of the leaning to leave a rival is subtracted from the leaning to leave the company: words about leaving
    and joining lean to leaving any company that they name."""
    neutral_leaning: FiniteFloat
    """Leaning, in log-odds of leaving against staying, of a message about something else."""
    leaving_leaning: FiniteFloat
    """Least leaning at which messages as a whole read like leaving."""
    staying_leaning: FiniteFloat
    """Greatest leaning at which messages as a whole read like staying."""
    combiner: Combiner | None = None
    """For prompts with the second reader."""

    @model_validator(mode="after")
    def _are_in_order(self) -> "Thresholds":
        if not self.staying_leaning <= self.neutral_leaning <= self.leaving_leaning:
            raise ValueError("staying_leaning, neutral_leaning and leaving_leaning must not decrease in this order")
        return self

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over all values, first 16 hexadecimal digits."""
        return hashlib.sha256(self.model_dump_json(exclude_none=True).encode()).hexdigest()[:16]


class SetUsed(_Data):
    """A labelled set that thresholds were measured on."""

    name: str
    """Name of the set, as in `churn-agent eval sets`."""
    n: Annotated[int, Field(ge=1)]
    """Number of its messages."""


class MeasuredOn(_Data):
    """The data, version, date and command of a measurement of thresholds."""

    sets: Annotated[tuple[SetUsed, ...], Field(min_length=1)]
    """The labelled sets."""
    version: str
    """Version of churn-agent."""
    date: datetime.date
    """Day of the measurement."""
    command: str
    """Command that reproduces the figures."""


class Figures(_Data):
    """Accuracy of a model's readings with its thresholds."""

    precision: Share
    """Share of the signals read in messages that people found too."""
    recall: Share
    """Share of the signals found by people that the model read too."""
    f1: Share
    """Harmonic mean of precision and recall."""
    auroc_of_leaving: Share
    """Probability that a message of a customer who leaves leans more to leaving than one of a customer who stays."""


class Fit(_Data):
    """Thresholds for one prompt and one model."""

    model: str
    """Name of the model, as in the catalogue or the settings."""
    sha256: Sha256 | None = None
    """SHA-256 of the model's weights; models with the same weights share thresholds."""
    fingerprint: str | None = None
    """Fingerprint of the model, if the thresholds hold only for this one."""
    prompt_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """`content_hash` of the prompt; a changed prompt needs other thresholds."""
    measured_on: MeasuredOn | None = None
    """None if the thresholds come from another prompt."""
    taken_from: str | None = None
    """The prompt that the thresholds were measured for, if it is not this one."""
    figures: Figures | None = None
    """Accuracy on the fixed sample of `churn-agent models fit`."""
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
    """One for each model. Other models use the values of the first."""
