"""The record: what an assessment says, and how it came about.

Fields are added, never renamed; a change of meaning raises `SCHEMA_VERSION`.
"""

import json
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2

Status = Literal["assessed", "abstained", "failed"]
Polarity = Literal["risk", "protective"]
Band = Literal["low", "medium", "high"]
EXPLAINED = "explained"
"""Concept of reasons that a model worded: they belong to no signal of the taxonomy."""
Urgency = Literal["today", "this_week", "this_month"]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Citation(_Part):
    """A quote and the interaction it is said to come from."""

    interaction_id: str
    label: str
    """E1..En within the evidence."""
    quote: str
    occurred_at: datetime
    """On the book's clock: aware, with the offset that its time zone had then."""
    verified: bool
    """The quote was found in that interaction."""
    author: str | None = None
    """Who wrote it, where the source says so: a contact of the account."""
    start: int | None = None
    end: int | None = None
    """Character range of the quote in the interaction's text."""


class Signal(_Part):
    """A concept of the taxonomy that a customer's words show."""

    concept: str
    polarity: Polarity
    strength: Probability
    citations: tuple[Citation, ...]


class Reason(_Part):
    """One argument for or against churn. It stands on verified quotes or on a computed fact."""

    statement: str
    polarity: Polarity
    concept: str
    """A signal of the taxonomy or the name of a fact."""
    contribution: float | None = None
    """What it adds to the score, in log-odds; None where the mode cannot say."""
    citations: tuple[Citation, ...] = ()


class RetentionAction(_Part):
    """An action of the playbook."""

    playbook_id: str
    title: str
    rationale: str
    addresses: tuple[str, ...]
    urgency: Urgency
    owner: str | None = None
    """The role that does it."""
    channel: str | None = None
    never_say: tuple[str, ...] = ()
    """What must not be said or promised."""


FACT_NAMES = frozenset(
    """active_days activity_trend amount_total amount_trend complaints contacts interactions last_rating last_score
    main_contact_silence missed monthly_contract overdue recency recent_active_days returns tenure typical_gap
    unanswered""".split()
)
"""Of all facts that are computed."""


class Fact(_Part):
    """A number computed from the snapshot."""

    name: str
    value: float
    unit: str
    text: str


class ChurnProbability(_Part):
    """A score, and how far it may be called a probability."""

    value: Probability
    """The calibrated probability, else the score. (Where nothing was calibrated, records of schema version 1 hold the
    score pulled to the base rate.)"""
    low: Probability | None
    high: Probability | None
    """An interval with known coverage; None until a calibrator has been fitted."""
    raw: Probability
    """The score before calibration."""
    method: str
    calibrated: bool
    base_rate: Probability | None
    horizon_days: int

    @property
    def shown(self) -> float:
        """The one number that is printed, drawn and compared: the calibrated probability, else the score."""
        return self.value if self.calibrated else self.raw


class LeftOut(_Part):
    """What the model was not shown."""

    interactions: int = 0
    tokens: int = 0


class Provenance(_Part):
    """Enough to do it again."""

    churn_agent: str
    model_id: str
    model_sha256: str | None
    model_fingerprint: str | None = None
    """Changes whenever the model may answer otherwise (weights, runtime, settings; or server and name)."""
    mode: str
    prompt: str
    prompt_hash: str
    embedder: str | None
    evidence_ids: tuple[str, ...]
    prompt_tokens: int
    output_tokens: int
    cached_answers: int
    """Requests to the model that were answered from the store."""
    rejected_quotes: int = 0
    """Quotes that are not in what they were said to be from; the reasons that they were given for are dropped."""
    seconds: float
    seed: int
    method: str | None = None
    """The trained method that gave the number, with its version; None if the mode did."""


class Assessment(_Part):
    """The record of one customer at one date (`assess --json`, a line of a batch, a row of a run)."""

    schema_version: int = SCHEMA_VERSION
    status: Status
    status_reason: str | None
    customer_id: str
    as_of: date
    churn_probability: ChurnProbability | None
    band: Band | None
    band_before: Band | None = None
    """Of the customer's latest assessment at an earlier date; near a boundary it is kept."""
    reasons: tuple[Reason, ...]
    actions: tuple[RetentionAction, ...]
    facts: tuple[Fact, ...]
    signals: tuple[Signal, ...] = ()
    """Every signal read, also those whose quotes could not be verified."""
    leaning: float | None = None
    """Log-odds of leaving against staying over the messages read, the latest weighing most; None if none was asked
    about."""
    left_out: LeftOut
    screening: Probability | None = None
    """Score of a customer who was looked at briefly and not assessed; it says whom to assess first, and no more."""
    provenance: Provenance


def record_schema() -> str:
    """The JSON Schema of an assessment, as `record.schema.json` in this package holds it."""
    return json.dumps(Assessment.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
