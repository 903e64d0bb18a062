"""Expectations of cards: what a fair reader of a history would have an assessment say. A public format.

A file of expectations is YAML (a list) or JSON Lines, one case each. A case is a customer of the store (`id`) or a
single message (`text`).
"""

from collections.abc import Mapping
from datetime import date as date_
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, RootModel, ValidationError, model_validator

from churn_agent.domain.assessment import FACT_NAMES, Band, CareKind
from churn_agent.errors import FileFormatError
from churn_agent.files import strict_json, strict_yaml

FACTS: Mapping[str, frozenset[str]] = {
    "usage_down": frozenset(
        """usage_trend usage_stop measured_trend measured_per_seat activity_trend active_days recency overdue
        missed""".split()
    ),
    "usage_stopped": frozenset(
        "usage_stop usage_trend measured_stop measured_trend recency overdue activity_trend".split()
    ),
    "usage_up": frozenset({"usage_trend", "measured_trend", "activity_trend", "active_days"}),
    "seats_down": frozenset({"seats_change", "measured_trend"}),
    "orders_down": frozenset("activity_trend amount_trend active_days overdue recency returns".split()),
    "orders_stopped": frozenset("activity_trend recency overdue amount_trend".split()),
    "payment_overdue": frozenset({"payments_overdue", "missed"}),
    "payment_failed": frozenset({"payments_failed", "missed"}),
    "renewal_near": frozenset({"days_to_renewal"}),
    "silent": frozenset("recency overdue activity_trend main_contact_silence active_days".split()),
    "term_ended": frozenset({"term_ended", "monthly_contract"}),
    "long_customer": frozenset({"tenure"}),
    "contact_left": frozenset({"main_contact_silence"}),
}
"""Word of an expectation -> facts of a record that say it. Names of facts can be used as they are, too."""


def _groups(value: Any) -> Any:
    """A group of one may be written without its brackets."""
    return [[one] if isinstance(one, str) else one for one in value] if strict_json.is_list(value) else value


def _bands(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Announced(BaseModel):
    """An announcement to leave that stands."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    date: date_
    quote: str
    ends_on: date_ | None = None


class Expectation(BaseModel):
    """What the card of one customer, or of one message, should say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | None = None
    """The customer."""
    text: str | None = None
    """The message, for a case without a history."""
    company: str | None = None
    """The company that `text` was written to; the one on the card of the book if not given."""
    as_of: date_ | None = None
    """Day of the assessment; that of the whole check if not given."""
    must: Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_groups)] = ()
    """Groups of signals and facts; of each group, one must be among the reasons."""
    may: tuple[str, ...] | None = None
    """What else may be among the reasons. If given, everything in neither `must` nor `may` counts as false."""
    never: tuple[str, ...] = ()
    """What must not be among the reasons."""
    band: Annotated[tuple[Band, ...] | None, BeforeValidator(_bands)] = None
    """The band, or several of which one will do."""
    actions: tuple[str, ...] | None = None
    """Ids of playbook actions, of which one must be suggested; none at all may be if empty."""
    call: Literal["yes", "no", "unclear"] | None = None
    """Whether an account manager should call now. It is compared over the whole file, as a ranking."""
    announced: Announced | None = None
    """The standing announcement to leave; the band must then be high."""
    left: bool = False
    """Whether the customer has left already; no action may be suggested then."""
    care: CareKind | None = None
    """What makes care come before selling; no action may be suggested then."""
    why: str = ""
    """The reason for all this, for readers."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Expectation":
        if (self.id is None) == (self.text is None):
            raise ValueError("needs either 'id' (a customer) or 'text' (a message)")
        return self

    @property
    def name(self) -> str:
        """The customer's id, or the beginning of the message."""
        if self.id is not None:
            return self.id
        text = " ".join((self.text or "").split())
        return text if len(text) <= 60 else f"{text[:59]}…"

    @property
    def wanted_bands(self) -> tuple[Band, ...] | None:
        """The bands of which one will do; None if any will."""
        return self.band or (("high",) if self.announced else None)

    @property
    def without_action(self) -> bool:
        """Whether no action may be suggested."""
        return self.left or self.care is not None or self.actions == ()

    def concepts(self) -> set[str]:
        """All signals and facts that the case names."""
        return {*(one for group in self.must for one in group), *(self.may or ()), *self.never}


class _File(RootModel[list[Expectation]]):
    pass


def load_expectations(path: Path, signals: Mapping[str, object]) -> list[Expectation]:
    """Loads a file of expectations.

    Args:
        path: YAML (a list of cases) or, with the suffix `.jsonl`, JSON Lines.
        signals: the signals of the taxonomy.

    Raises:
        FileFormatError: the file cannot be read, a case does not fit the format, or names no signal or fact.
    """
    cases = _lines(path) if path.suffix == ".jsonl" else strict_yaml.load(path, _File).root
    if not cases:
        raise FileFormatError(f"{path}: no cases")
    known = {*signals, *FACTS, *FACT_NAMES}
    for case in cases:
        unknown = sorted(case.concepts() - known)
        if unknown:
            raise FileFormatError(
                f"{path}: case {case.name!r} names {unknown[0]!r}, which is neither a signal nor a fact"
            )
    return cases


def _lines(path: Path) -> list[Expectation]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"cannot read {str(path)!r}: {error}") from error
    cases: list[Expectation] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            cases.append(Expectation.model_validate(strict_json.parse(line)))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"])) or "the case"
            raise FileFormatError(f"{path}:{number}: {key}: {first['msg']}") from error
        except ValueError as error:
            raise FileFormatError(f"{path}:{number}: not JSON: {error}") from error
    return cases
