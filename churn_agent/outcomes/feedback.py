"""Account managers' judgements of assessments, from the file that a report saves."""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from churn_agent.errors import FileFormatError
from churn_agent.history import corrections, feedback
from churn_agent.history.feedback import Feedback
from churn_agent.outcomes.correcting import stored_message
from churn_agent.store.store import Store


class MessageJudgement(BaseModel):
    """Whether a message shows a signal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interaction_id: str
    signal: str
    shown: bool = False


class FeedbackLine(Feedback):
    """A line of the file."""

    corrections: tuple[MessageJudgement, ...] = ()

    @property
    def judgement(self) -> Feedback | None:
        """The judgement of the assessment; None for a line of corrections alone."""
        judgement = Feedback(**{name: getattr(self, name) for name in Feedback.model_fields})
        return judgement if judgement.verdict or judgement.decision or judgement.note or not self.corrections else None


@dataclass(frozen=True)
class FeedbackImport:
    """Counts of one import."""

    read: int
    """Judgements of assessments in the file."""
    added: int
    """Judgements that were not known before."""
    corrections: int = 0
    """Corrections of messages that were not known before; they act at once."""
    not_stored: int = 0
    """Corrections of messages that the store does not have."""


def import_feedback(store: Store, file: Path, *, by: str | None = None) -> FeedbackImport:
    """Imports a JSON Lines file of judgements; all or nothing.

    Args:
        store: with the customers.
        file: as a report saves it.
        by: who judged, for corrections.

    Raises:
        FileFormatError: a line is not a judgement, or corrects a signal that does not exist.
    """
    lines = _read(file, store.taxonomy.by_id)
    judgements = [line.judgement for line in lines if line.judgement]
    new = missing = 0
    with store.history.begin() as connection:
        for line in lines:
            for correction in line.corrections:
                if stored_message(store, correction.interaction_id, line.customer_id) is None:
                    missing += 1
                else:
                    new += corrections.put(
                        connection, correction.interaction_id, correction.signal, shown=correction.shown, by=by
                    )
    return FeedbackImport(len(judgements), feedback.add(store.history, judgements), new, missing)


def _read(file: Path, signals: Container[str]) -> list[FeedbackLine]:
    lines: list[FeedbackLine] = []
    # Lines end where bytes say so, not where Unicode has a line separator.
    for number, raw in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            line = FeedbackLine.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise FileFormatError(f"{file}:{number}: {where}: {first['msg']}; nothing was imported") from error
        unknown = next((correction.signal for correction in line.corrections if correction.signal not in signals), None)
        if unknown:
            raise FileFormatError(f"{file}:{number}: there is no signal {unknown!r}; nothing was imported")
        lines.append(line)
    return lines
