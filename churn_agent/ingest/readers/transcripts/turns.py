"""Calls and their turns, as all readers of transcripts return them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from churn_agent.domain.interactions import Direction


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said without a break."""

    start_s: float
    """Seconds from the start of the call."""
    speaker: str
    """Name or label as in the file; empty if the file names no speaker here."""
    text: str


@dataclass
class Call:
    """One call of a file."""

    turns: list[Turn]
    sides: dict[str, Direction] = field(default_factory=dict[str, Direction])
    """Speaker -> `outbound` for the company's people, `inbound` for the customer's, where the file says so."""
    customer: str = ""
    started: datetime | None = None
    key: str = ""
    """Key of the call in its source."""
    channel: str = "call"
    by_clock: bool = False
    """Whether the seconds of the turns count from midnight, not from the start of the call."""


def joined(turns: Iterable[Turn]) -> list[Turn]:
    """Joins turns that follow each other, where a named speaker goes on."""
    result: list[Turn] = []
    for turn in turns:
        last = result[-1] if result else None
        if last and last.speaker and last.speaker == turn.speaker:
            result[-1] = Turn(last.start_s, last.speaker, f"{last.text} {turn.text}")
        elif last and not last.speaker and not turn.speaker and _goes_on(turn.text):
            result[-1] = Turn(last.start_s, "", f"{last.text} {turn.text}")
        else:
            result.append(turn)
    return result


def _goes_on(text: str) -> bool:
    """Whether a text begins within a sentence, so that its nameless speaker is still the one before."""
    return text[:1].islower()
