"""Messages with gold signals, to train and to measure readers."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from churn_agent.errors import DataError
from churn_agent.evidence.naming import Renaming

Leaning = Literal["none", "leaves", "considers", "stays", "joins"]
"""The intention of the writer towards the company."""
Tone = Literal["neutral", "negative", "positive"]
LEANINGS: tuple[Leaning, ...] = get_args(Leaning)
TONES: tuple[Tone, ...] = get_args(Tone)
_GRAM = 5
"""Words of the sequences by which near-duplicates are recognised."""
_SHARED = 0.5
"""Share of a message's sequences that another message has, above which the two are near-duplicates."""


class GoldSignal(BaseModel):
    """A signal and the words that show it."""

    model_config = ConfigDict(frozen=True)
    id: str
    quote: str


class GoldMessage(BaseModel):
    """One message, as people marked it."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    text: Annotated[str, Field(min_length=1)]
    company: str = ""
    others: tuple[str, ...] = ()
    """Other companies that the text names."""
    signals: tuple[GoldSignal, ...] = ()
    judged: tuple[str, ...] | None = None
    """Signals that somebody was asked about; None for all. Leaning and tone may then be unknown."""
    leaning: Leaning | None = None
    tone: Tone | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> "GoldMessage":
        if self.judged is None and (self.leaning is None or self.tone is None):
            raise ValueError("needs 'leaning' and 'tone', or 'judged'")
        return self

    @property
    def leaves(self) -> bool:
        """Whether the writer leaves the company, or considers it."""
        return self.leaning in ("leaves", "considers")

    @property
    def renaming(self) -> Renaming:
        """The text with invented names."""
        return Renaming(self.text, self.company, self.others)


def load(*files: Path) -> Iterator[GoldMessage]:
    """The messages of JSON Lines files.

    Raises:
        DataError: a line is not a message; named with its file and number.
    """
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield GoldMessage.model_validate_json(line)
                except ValidationError as invalid:
                    raise DataError(f"{file}, line {number}: {invalid.errors()[0]['msg']}") from invalid


def without_near_duplicates(messages: Iterable[GoldMessage], of: Iterable[str]) -> Iterator[GoldMessage]:
    """The messages that share less than half of their five-word sequences with each of some texts (test sets)."""
    known = {gram for text in of for gram in _grams(text)}
    for message in messages:
        grams = _grams(message.text)
        if sum(gram in known for gram in grams) < _SHARED * len(grams):
            yield message


def _grams(text: str) -> set[tuple[str, ...]]:
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    return {tuple(words[i : i + _GRAM]) for i in range(max(1, len(words) - _GRAM + 1))}
