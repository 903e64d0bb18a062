"""The record: the result of an assessment and its provenance.

Fields are added, never renamed; a change of meaning raises `SCHEMA_VERSION`.
"""

import json
from datetime import date, datetime
from datetime import date as date_
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2

Status = Literal["assessed", "abstained", "failed"]
Polarity = Literal["risk", "protective"]
Band = Literal["low", "medium", "high"]
EXPLAINED = "explained"
"""Concept of reasons in a model's own words, which belong to no signal."""
Urgency = Literal["today", "this_week", "this_month"]
Probability = Annotated[float, Field(ge=0, le=1)]
Whose = Literal["message", "customer", "book"]
"""Where a correction was made: in the same message, in one like it of the customer, or of any customer."""
CareKind = Literal["death", "illness", "insolvency", "self_harm", "legal", "data_protection", "minor"]
"""Kinds of messages that call for care rather than selling."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Citation(_Part):
    """A quote and the interaction that the model attributes it to."""

    interaction_id: str
    label: str
    """Label of the interaction in the evidence, E1 to En."""
    quote: str
    occurred_at: datetime
    """In the book's time zone, with its offset at that time."""
    verified: bool
    """Whether the quote was found in that interaction."""
    author: str | None = None
    """Author of the interaction, if the source has one: a contact of the account."""
    start: int | None = None
    end: int | None = None
    """End of the quote in the interaction's text, in characters; `start` is its start."""
    question: str | None = None
    """The company's question that the quote answers, if it is a bare answer."""


class Signal(_Part):
    """A signal of the taxonomy in a customer's messages."""

    concept: str
    polarity: Polarity
    strength: Probability
    citations: tuple[Citation, ...]


class Reason(_Part):
    """A reason for or against churn, based on verified quotes or on a computed fact."""

    statement: str
    polarity: Polarity
    concept: str
    """A signal of the taxonomy or the name of a fact."""
    contribution: float | None = None
    """Contribution to the score, in log-odds; None if the mode has none."""
    citations: tuple[Citation, ...] = ()


class CareFlag(_Part):
    """A message that calls for care. While the flag stands, no action is suggested; it counts for nothing else."""

    kind: CareKind
    citation: Citation
    date: date_
    """Day of the message."""
    expires_on: date_
    """Last day on which the flag stands."""


class Announced(_Part):
    """An announcement that the customer leaves."""

    date: date_
    """Day of the message."""
    citation: Citation | None = None
    """The quote and its message; None if notice is known from outcomes or attributes."""
    ends_on: date_ | None = None
    """Last day of the contract, where the message says one."""
    strength: Probability = 1.0
    """How sure the reading is."""
    leaning: float | None = None
    """Leaning of the message, in log-odds of leaving against staying."""
    ended_on: date_ | None = None
    """Day on which the announcement ceased to stand; None while it stands."""
    ended_by: str | None = None
    """Why it ceased to stand, in a few words."""

    @property
    def stands(self) -> bool:
        """Whether the customer has not taken it back."""
        return self.ended_on is None


class Promised(_Part):
    """What the company has promised to do for a customer, and has not done yet."""

    due: date_
    """Day by which it is to be done."""
    made_on: date_ | None = None
    """Day of the promise; None if an attribute says it."""
    by: str | None = None
    """Author of the promise, where the source has one."""
    citation: Citation | None = None
    """The sentence of staff; None for a task or an attribute."""


class Former(_Part):
    """What shows that somebody has ceased to be a customer."""

    since: date_ | None
    """Day from which they are no customer any more; None if the source says none."""
    source: str
    """Where that is known from, as `outcome` or `attribute status`."""


class Corrected(_Part):
    """A signal that a person's correction adds to a message or removes from it."""

    concept: str
    shown: bool
    """Whether the message shows the signal, by the correction."""
    statement: str
    """The signal in words for readers."""
    interaction_id: str
    number: int
    """Number of the correction in `churn-agent corrections list`."""
    whose: Whose
    by: str | None = None
    """Who made it, if known."""
    on: date_
    """Day on which it was made."""


class RetentionAction(_Part):
    """An action of the playbook."""

    playbook_id: str
    title: str
    rationale: str
    addresses: tuple[str, ...]
    urgency: Urgency
    owner: str | None = None
    """The role responsible for it."""
    channel: str | None = None
    what: str | None = None
    """What to do."""
    talk_track: tuple[str, ...] = ()
    """What to say, in sentences."""
    never_say: tuple[str, ...] = ()
    """What not to say or promise."""


FACT_NAMES = frozenset(
    """active_days activity_trend amount_total amount_trend complaints contacts days_to_renewal interactions
    kind_of_book last_rating last_score longest_gap main_contact_silence measured_per_seat measured_score
    measured_season measured_stop measured_trend missed monthly_contract notice_deadline overdue paused paused_long
    payments_failed payments_overdue payments_overdue_days rating_age recency recent_active_days returns score_age
    seats_change tenure term_ended typical_gap unanswered usage_stop usage_trend""".split()
)
"""Names of all facts."""


class Fact(_Part):
    """A number computed from the snapshot."""

    name: str
    value: float
    unit: str
    text: str


class ChurnProbability(_Part):
    """A score, or a calibrated probability."""

    value: Probability
    """The calibrated probability, else the score. (In schema version 1, uncalibrated records have the score shrunk to
    the base rate.)"""
    low: Probability | None
    high: Probability | None
    """Upper bound of an interval with known coverage, like `low`; None without calibration."""
    raw: Probability
    """The score before calibration."""
    method: str
    calibrated: bool
    base_rate: Probability | None
    horizon_days: int

    @property
    def shown(self) -> float:
        """The number to print, draw and compare: the calibrated probability, else the score."""
        return self.value if self.calibrated else self.raw


class LeftOut(_Part):
    """The amount of evidence that the model was not shown."""

    interactions: int = 0
    tokens: int = 0
    unattributed: int = 0
    """Number of texts of unknown authors, which are not read."""


class Provenance(_Part):
    """Everything needed to repeat an assessment."""

    churn_agent: str
    model_id: str
    model_sha256: str | None
    model_fingerprint: str | None = None
    """Changes whenever the model may answer differently (weights, runtime, settings; or server and name)."""
    mode: str
    prompt: str
    prompt_hash: str
    """Of all that reaches the model."""
    thresholds_hash: str | None = None
    """Of the thresholds that its answers were read with; None where there are none."""
    embedder: str | None
    evidence_ids: tuple[str, ...]
    prompt_tokens: int
    output_tokens: int
    cached_answers: int
    """Number of requests to the model answered from the store."""
    rejected_quotes: int = 0
    """Number of quotes not found in the interaction cited; their reasons are dropped."""
    seconds: float
    seed: int
    method: str | None = None
    """Name and version of the trained method for the number; None if the mode gave it."""
    on_withdrawn_data: bool = False
    """Whether data that the record rests on (messages, attributes, measurements) were withdrawn later (`imports undo`),
    and with them its words and facts."""


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
    """Band of the latest assessment at an earlier date; near a boundary, the band does not change."""
    band_reason: str | None = None
    """The reason for the band in a few words: the boundary, the band before, or a standing announcement."""
    reasons: tuple[Reason, ...]
    actions: tuple[RetentionAction, ...]
    facts: tuple[Fact, ...]
    signals: tuple[Signal, ...] = ()
    """All signals read, including those without verified quotes."""
    leaning: float | None = None
    """Log-odds of leaving against staying over the messages read, with most weight on the latest; None if the model was
    not asked about any."""
    care: tuple[CareFlag, ...] = ()
    """What calls for a human's attention, and for no sales action."""
    announced: Announced | None = None
    """The latest announcement that the customer leaves, standing or not."""
    promised: Promised | None = None
    """The promise of the company that is due next, or overdue; until its day, somebody is on the case."""
    former: Former | None = None
    """Set for somebody who is no customer any more."""
    corrected: tuple[Corrected, ...] = ()
    """What people's corrections changed in the signals read."""
    rest: float | None = None
    """Log-odds of the number shown that no reason accounts for: the starting point, and facts too small to name. With
    the contributions of the reasons it adds up to the log-odds of the number. None without contributions."""
    left_out: LeftOut
    screening: Probability | None = None
    """Score of a customer who was only screened; it only ranks customers for assessment."""
    provenance: Provenance

    @property
    def fitted(self) -> bool:
        """Whether the score has a band: without thresholds measured for prompt and model, it only ranks."""
        return self.band is not None or self.churn_probability is None


def record_schema() -> str:
    """Returns the JSON Schema of an assessment, the content of `record.schema.json` in this package."""
    return json.dumps(Assessment.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
