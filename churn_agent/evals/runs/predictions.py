"""Predictions about samples, and notes on the samples: the files of a run."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field, model_validator

from churn_agent.content.prompts import Mode
from churn_agent.domain.assessment import Status
from churn_agent.errors import InputError
from churn_agent.evals.runs.log import find_log
from churn_agent.evals.runs.suite import Varied, label_of
from churn_agent.files import atomic
from churn_agent.learning.ladder import LEARNED
from churn_agent.outcomes.samples import Sample

PREDICTIONS, SAMPLES = "predictions.jsonl", "samples.jsonl"
Split = Literal["train", "development", "test"]
"""Choices are made on the first two. `train` is a separate set, on which nothing is evaluated."""
Kind = Literal["way", "classic", "hybrid"]
"""A way of asking a language model; a method that learns without one; a method that learns from what one read."""
Line = TypeVar("Line", bound=BaseModel)
_WAY = re.compile(
    r"(?P<mode>ask|read|explain)/(?P<prompt>\S+) (?P<model>.+?)"
    r"(?P<settings>(?: (?:evidence_limit|evidence_tokens)=\d+)*)"
)
"""`label_of` as `churn-agent` 0.1.0 wrote it, where a label was all that a prediction said about a way."""
_PROMPT = re.compile(r"(?P<mode>ask|read|explain)/(?P<prompt>.+)@(?P<version>\d+)")


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
    """The score of one sample by one method.

    Of predictions made by other tools or by `churn-agent` 0.1.0 a line holds `method` without `kind`; the fields that
    describe the method are filled in from it.
    """

    churned: bool
    split: Split
    kind: Kind
    name: str | None = None
    """Of a method that learns, or of one that is not ours; None for a way of asking."""
    mode: Mode | None = None
    prompt: str | None = None
    """Name of the prompt variant."""
    prompt_version: int | None = None
    model: str | None = None
    """The language model as the suite or the settings name it."""
    model_id: str | None = None
    """The language model as it names itself."""
    settings: Mapping[Varied, int] = {}
    """Settings that the suite varies."""
    repeat: int = 0
    """0 is the first time; others measure stability alone."""
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

    @computed_field
    @property
    def method(self) -> str:
        """The label of the method in tables and on the command line."""
        if self.name is None and self.mode and self.prompt:
            return label_of(self.mode, self.prompt, self.model, self.settings)
        return self.name or ""

    @property
    def prompt_label(self) -> str | None:
        """As `PromptTemplate.label`; None for a method that asks no model."""
        return f"{self.mode}/{self.prompt}@{self.prompt_version}" if self.prompt else None

    @property
    def short_method(self) -> str:
        """The label without model and settings."""
        return self.name or f"{self.mode}/{self.prompt}"

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "method" not in data:
            return cast("Any", data)
        fields = dict(cast("Mapping[str, Any]", data))
        method = str(fields.pop("method"))
        return fields if "kind" in fields else fields | _described(fields, method)

    @model_validator(mode="after")
    def _has_a_label(self) -> "Prediction":
        if not self.method:
            raise ValueError("a prediction needs a name, or a mode and a prompt")
        return self


def _described(fields: Mapping[str, Any], method: str) -> dict[str, Any]:
    """The fields of a prediction of which the label of the method is known alone."""
    if method in LEARNED:
        return {"kind": kind_of(method), "name": method}
    prompt = _PROMPT.fullmatch(str(fields.get("prompt")))
    described: dict[str, Any] = {"kind": "way", "name": method, "prompt": None, "model_id": fields.get("model")}
    if prompt:
        described |= {"mode": prompt["mode"], "prompt": prompt["prompt"], "prompt_version": int(prompt["version"])}
    if way := _WAY.fullmatch(method):
        settings = (pair.split("=") for pair in way["settings"].split())
        described |= {"name": None, "mode": way["mode"], "prompt": way["prompt"], "model": way["model"]}
        described |= {"settings": {name: int(value) for name, value in settings}}
    return described


def kind_of(name: str) -> Kind:
    """Of a method that learns, by its name."""
    return "classic" if LEARNED[name].classic else "hybrid"


class SampleNote(_OfSample):
    """What a sample is like, for readers of a report."""

    segments: dict[str, str]
    """Kind -> which: `language`, `channel`, `history`, and attributes that few values share."""
    evidence: list[str]
    """Their latest words."""
    gold: Mapping[str, tuple[str, ...]] | None = None
    """What a reader should find, as `Prediction.found`; None if the set does not say."""
    judged: Mapping[str, tuple[str, ...]] | None = None
    """The signals and times that somebody has judged; None if all are."""


class Writer:
    """The predictions of a run, on disk as soon as they are made."""

    def __init__(self, folder: Path) -> None:
        """Reads the predictions of an earlier call; a last line that was cut off is dropped.

        Raises:
            InputError: the folder holds something else.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / PREDICTIONS
        self.predictions = [p for p in _read_all(folder) if p.status != "failed"] if self._path.exists() else []
        atomic.write(self._path, "".join(p.model_dump_json() + "\n" for p in self.predictions))

    def lacks(self, name: str, method: str, samples: Sequence[Sample], *, repeat: int = 0) -> list[Sample]:
        """The samples of a set that a method has not judged yet."""
        done = {p.sample_id for p in self.predictions if (p.set, p.method, p.repeat) == (name, method, repeat)}
        return [sample for sample in samples if sample.id not in done]

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Appends predictions to the file."""
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(prediction.model_dump_json() + "\n" for prediction in predictions)
        self.predictions += predictions


def read_predictions(folder: Path) -> list[Prediction]:
    """The predictions of a run, but for those of sets and methods that its suite has ceased to name.

    Raises:
        InputError: the folder holds no predictions or something else, or its log cannot be used.
    """
    predictions, log = _read_all(folder), find_log(folder)
    if log is None or log.judged is None:
        return predictions
    return [p for p in predictions if p.method in log.judged.get(p.set, ())]


def _read_all(folder: Path) -> list[Prediction]:
    path = folder / PREDICTIONS
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # a line without an end was cut off
    except OSError as error:
        raise InputError(f"{str(folder)!r} is not the folder of a run: {error.strerror}: {path.name}") from error
    return [_read(Prediction, line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]


def read_notes(folder: Path) -> list[SampleNote]:
    """Notes on the samples of a run; none if other tools made its predictions."""
    path = folder / SAMPLES
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [_read(SampleNote, line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]


def _read(kind: type[Line], line: bytes, where: str) -> Line:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        raise InputError(f"{where} is not a line of a run; choose another folder") from error
