"""Account managers' judgements of assessments, from the file that a report saves."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from churn_agent.errors import FileFormatError
from churn_agent.history import feedback
from churn_agent.history.feedback import Feedback
from churn_agent.store.store import Store


@dataclass(frozen=True)
class FeedbackImport:
    """Counts of one import."""

    read: int
    added: int
    """Judgements that were not known before."""


def import_feedback(store: Store, file: Path) -> FeedbackImport:
    """Imports a JSON Lines file of judgements; all or nothing.

    Raises:
        FileFormatError: a line is not a judgement.
    """
    judgements = _read(file)
    return FeedbackImport(len(judgements), feedback.add(store.history, judgements))


def _read(file: Path) -> list[Feedback]:
    judgements: list[Feedback] = []
    # Lines end where bytes say so, not where Unicode has a line separator.
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            judgements.append(Feedback.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise FileFormatError(f"{file}:{number}: {where}: {first['msg']}; nothing was imported") from error
    return judgements
