"""Answers that all stores of a machine share, stored beside the weights.

These are the answers to score requests marked `common`, which are the same for every customer and every book and
contain no text of either. Each model has one small JSON file, named by the fingerprint. It is read once and replaced as
a whole. If it cannot be written, it is only read; if it is damaged, it is rewritten.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, FiniteFloat, ValidationError

from churn_agent.files import atomic
from churn_agent.models.base import (
    ChatModel,
    LabelScores,
    ScoreRequest,
    Usage,
    request_key,
)
from churn_agent.models.wrapping import WrappedModel

FOLDER = "answers"


class _Kept(BaseModel):
    fingerprint: str
    answers: dict[str, dict[str, dict[str, FiniteFloat]]]
    """Key of the request -> question id -> label -> log-probability."""


def with_common_answers(model: ChatModel, models_dir: Path) -> ChatModel:
    """The model with shared answers, or the model itself if the hash of its weights is unknown."""
    info = model.info
    return model if info.stand_in or info.sha256 is None else CommonAnswers(model, models_dir / FOLDER)


class CommonAnswers(WrappedModel):
    """A `ChatModel` around another one that answers common score requests from a file if it can."""

    def __init__(self, model: ChatModel, folder: Path) -> None:
        super().__init__(model)
        name = hashlib.sha256(model.info.fingerprint.encode()).hexdigest()[:40]
        self._path = folder / f"{name}.json"

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """As `ChatModel.score_labels`; known answers come first. New common answers are stored."""
        unknown: list[ScoreRequest] = []
        keys: dict[str, str] = {}
        for request in requests:
            key = request_key(request, self.info) if request.common else None
            if key in self._answers:
                yield LabelScores(request.id, self._answers[key], Usage(cached=True))
                continue
            unknown.append(request)
            if key:
                keys[request.id] = key
        new: dict[str, Mapping[str, Mapping[str, float]]] = {}
        try:
            for result in self._model.score_labels(unknown) if unknown else ():
                if result.id in keys and result.error is None:
                    new[keys[result.id]] = result.log_probabilities
                yield result
        finally:
            if new:
                self._keep(new)

    @cached_property
    def _answers(self) -> dict[str, dict[str, dict[str, float]]]:
        return self._read()

    def _read(self) -> dict[str, dict[str, dict[str, float]]]:
        try:
            kept = _Kept.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}
        return kept.answers if kept.fingerprint == self.info.fingerprint else {}

    def _keep(self, new: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
        """Adds answers to those in the file. Another process may have added some in the meantime."""
        added = {key: {name: dict(labels) for name, labels in answer.items()} for key, answer in new.items()}
        self._answers.update(self._read() | added)
        content = _Kept(fingerprint=self.info.fingerprint, answers=self._answers).model_dump_json(indent=1)
        with suppress(OSError):  # a read-only folder: this process has the answers in memory
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic.write(self._path, content)
