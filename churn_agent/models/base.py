"""The interface to every language model: requests go in as batches, results stream out as they finish.

A request splits its messages into a `shared` prefix and the rest. The prefix is the same for every customer of a run,
so that a back-end can evaluate it once. A failed request yields a result with `error` set, and the stream continues.
SDK and native exceptions never leave a back-end.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from churn_agent.errors import ModelCallError

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "error"]


class Message(NamedTuple):
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True)
class Question:
    """One question about a context, answered by one of `labels`."""

    id: str
    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class ScoreRequest:
    """One context and the questions about it, each in its own fork."""

    id: str
    shared: tuple[Message, ...]
    context: str
    """The start of the user's turn; each question's text completes it."""
    questions: tuple[Question, ...]
    common: bool = False
    """The request is the same for every customer and book and contains no text of either. All stores may share its
    answer."""


@dataclass(frozen=True)
class GenerateRequest:
    """A chat to be completed with JSON under `schema`."""

    id: str
    shared: tuple[Message, ...]
    messages: tuple[Message, ...]
    schema: Mapping[str, Any]
    max_tokens: int
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Usage:
    """Tokens that a request cost. `cached` is true if it was answered from the store."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    cached: bool = False


@dataclass(frozen=True)
class LabelScores:
    """Log-probabilities (natural log, over the whole vocabulary) of each question's labels."""

    id: str
    log_probabilities: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    """Question id -> label -> log-probability."""
    usage: Usage = Usage()
    error: ModelCallError | None = None


@dataclass(frozen=True)
class ModelOutput:
    """A completion. `finish_reason` other than "stop" means that `text` must not be used."""

    id: str
    text: str = ""
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    error: ModelCallError | None = None


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of a model, as data."""

    context_tokens: int
    json_schema: bool = True
    """Output is constrained to a schema during decoding; otherwise the answer is checked afterwards."""
    logprobs: bool = True
    max_concurrency: int = 1


@dataclass(frozen=True)
class ModelInfo:
    """The identity of a model."""

    id: str
    sha256: str | None
    """Hash of the weights, if known."""
    fingerprint: str
    """Changes whenever the same request may get another answer (weights, runtime version, settings)."""
    capabilities: Capabilities
    stand_in: bool = False
    """Not a language model: it returns invented answers for tests and documentation."""
    grammar: str = ""
    """The library that constrains written answers to a schema. Scores do not depend on it."""


def request_key(request: ScoreRequest | GenerateRequest, info: ModelInfo) -> str:
    """Hash of everything that can change the answer: the request without its id, and the model."""
    content = asdict(request)
    del content["id"]
    content.pop("common", None)  # it affects only where the answer is stored
    model = info.fingerprint
    if info.grammar and isinstance(request, GenerateRequest):
        model = f"{model}|{info.grammar}"
    text = json.dumps([type(request).__name__, model, content], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class ChatModel(Protocol):
    """A language model. Results may arrive in any order and carry their request's id."""

    @property
    def info(self) -> ModelInfo:
        """Which model this is. Raises `ModelUnavailable` if it has to be asked and does not answer."""
        ...

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """Log-probabilities of the labels of each question."""
        ...

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        """Answers in JSON, each under its request's schema."""
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of a text in the model's vocabulary, or an upper estimate if the vocabulary is unknown."""
        ...

    def close(self) -> None:
        """Frees what the model holds."""
        ...
