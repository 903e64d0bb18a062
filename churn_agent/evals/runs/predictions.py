"""What was said about samples, and what they are like: the files of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from churn_agent.domain.assessment import Status
from churn_agent.errors import InputError
from churn_agent.files import atomic, strict_json
from churn_agent.outcomes.samples import Sample

Split = Literal["train", "development", "test"]
"""Choices are made on the first two. `train` is a set of its own, which nothing is judged on."""
Kind = TypeVar("Kind", bound=BaseModel)
PREDICTIONS, SAMPLES, ABOUT = "predictions.jsonl", "samples.jsonl", "run.json"


class _OfSample(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    set: str
    customer_id: str
    as_of: str

    @property
    def sample_id(self) -> str:
        """As `Sample.id`."""
        return f"{self.customer_id}@{self.as_of}"


class Prediction(_OfSample):
    """What one method said about one sample."""

    churned: bool
    split: Split
    method: str
    """`mode/prompt model`, or the name of a classic method."""
    repeat: int = 0
    """0 is the first time; others are for stability alone."""
    prompt: str | None = None
    model: str | None = None
    churn_probability: float | None
    """Raw score, 0 to 1; None unless assessed."""
    status: Status = "assessed"
    status_reason: str | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    quotes: int = 0
    verified_quotes: int = 0
    found: Mapping[str, tuple[str, ...]] = {}
    """Signal -> local times of the interactions that verified quotes show it in."""
    cited: tuple[str, ...] = ()
    """Reasons with their verified quotes, the weightiest first."""


class SampleNote(_OfSample):
    """What a sample is like, for those who read a report."""

    segments: dict[str, str]
    """Kind -> which: `language`, `channel`, `history`, and attributes that few values share."""
    evidence: list[str]
    """Their latest words."""
    gold: Mapping[str, tuple[str, ...]] | None = None
    """What a reader should find, as `Prediction.found`; None if the set does not say."""


class Writer:
    """The predictions of a run, on disk as soon as they are made."""

    def __init__(self, folder: Path) -> None:
        """Reads what an earlier call left; a last line that was cut off is dropped.

        Raises:
            InputError: the folder holds something else.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / PREDICTIONS
        self.made = [p for p in _read_all(folder) if p.status != "failed"] if self._path.exists() else []
        atomic.write(self._path, "".join(p.model_dump_json() + "\n" for p in self.made))

    def lacks(self, name: str, method: str, samples: Sequence[Sample], *, repeat: int = 0) -> list[Sample]:
        """The samples that a method has not judged yet."""
        done = {p.sample_id for p in self.made if (p.set, p.method, p.repeat) == (name, method, repeat)}
        return [sample for sample in samples if sample.id not in done]

    def add(self, predictions: Sequence[Prediction]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(prediction.model_dump_json() + "\n" for prediction in predictions)
        self.made += predictions


def read_predictions(folder: Path) -> list[Prediction]:
    """The predictions of a run, but for those of sets and methods that its suite has ceased to name.

    Raises:
        InputError: the folder holds no predictions or something else.
    """
    made = _read_all(folder)
    try:
        judged = strict_json.parse((folder / ABOUT).read_text(encoding="utf-8"))["judged"]
        return [p for p in made if p.method in judged.get(p.set, ())]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # made by hand, or by an earlier version
        return made


def _read_all(folder: Path) -> list[Prediction]:
    path = folder / PREDICTIONS
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last line end was cut off
    except OSError as error:
        raise InputError(f"{str(folder)!r} is no run of an eval: {error.strerror}: {path.name}") from error
    return [_read(Prediction, line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]


def read_notes(folder: Path) -> list[SampleNote]:
    """What the samples of a run are like; nothing if the run was made by hand."""
    path = folder / SAMPLES
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [_read(SampleNote, line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]


def _read(kind: type[Kind], line: bytes, where: str) -> Kind:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        raise InputError(f"{where} is no line of a run; give another folder") from error
