"""A deterministic stand-in without weights, for tests, load tests and documentation. Every record names it.

A script is JSON: `{"generate": [...], "score": [...]}`, each a list of `{"contains": TEXT, "answer": ANSWER}`. The
first entry whose text is in the request answers it; `score` answers map question id -> label -> log-probability.
A `{"contains": TEXT, "error": MESSAGE}` makes the request fail. A request without an entry gets the simplest answer
that its schema allows, or even odds.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from churn_agent.errors import FileFormatError, ModelCallError
from churn_agent.files import strict_json
from churn_agent.models.base import (
    Capabilities,
    GenerateRequest,
    LabelScores,
    ModelInfo,
    ModelOutput,
    ScoreRequest,
    Usage,
)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    contains: str = ""
    answer: Any = None
    error: str | None = None


class _Script(BaseModel):
    model_config = ConfigDict(extra="forbid")
    generate: list[_Entry] = []
    score: list[_Entry] = []


class ScriptedModel:
    """Answers from a script instead of a language model."""

    def __init__(self, script: Mapping[str, Any] | None = None) -> None:
        self._script = _Script.model_validate(script or {})
        digest = hashlib.sha256(self._script.model_dump_json().encode()).hexdigest()
        self._info = ModelInfo(
            id="scripted (no language model)",
            sha256=None,
            fingerprint=f"scripted {digest}",
            capabilities=Capabilities(context_tokens=32768, max_concurrency=64),
            stand_in=True,
        )

    @classmethod
    def open(cls, path: Path) -> "ScriptedModel":
        """Raises `FileFormatError` if the file is not a script."""
        try:
            return cls(strict_json.parse(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise FileFormatError(f"cannot read the script {str(path)!r}: {error.strerror}") from error
        except ValidationError as error:
            raise FileFormatError(f"{path}: not a valid script: {error.errors()[0]['msg']}") from error
        except ValueError as error:
            raise FileFormatError(f"{path}: not valid JSON: {error}") from error

    @property
    def info(self) -> ModelInfo:
        """As `ChatModel.info`."""
        return self._info

    def count_tokens(self, text: str) -> int:
        """As `ChatModel.count_tokens`."""
        return len(text) // 4 + 1

    def close(self) -> None:
        """Does nothing: there is nothing to free."""

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """As `ChatModel.score_labels`."""
        for request in requests:
            entry = _find(self._script.score, request.context)
            if entry and entry.error:
                yield LabelScores(request.id, error=ModelCallError(entry.error))
                continue
            answers: dict[str, Any] = entry.answer if entry else {}
            scores: dict[str, dict[str, float]] = {
                question.id: answers.get(question.id) or dict.fromkeys(question.labels, -math.log(len(question.labels)))
                for question in request.questions
            }
            yield LabelScores(request.id, scores, Usage(self.count_tokens(request.context)))

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        """As `ChatModel.generate`."""
        for request in requests:
            text = "\n".join(message.content for message in request.messages)
            entry = _find(self._script.generate, text)
            if entry and entry.error:
                yield ModelOutput(request.id, finish_reason="error", error=ModelCallError(entry.error))
                continue
            answer = entry.answer if entry else _simplest(request.schema)
            written = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
            yield ModelOutput(request.id, written, usage=Usage(self.count_tokens(text), self.count_tokens(written)))


def _find(entries: Iterable[_Entry], text: str) -> _Entry | None:
    return next((entry for entry in entries if entry.contains in text), None)


def _simplest(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: _simplest(part) for name, part in schema["properties"].items()}
        case "array":
            return []
        case "number" | "integer":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case _:
            return ""
