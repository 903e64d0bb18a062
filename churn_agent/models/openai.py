"""An OpenAI-compatible API as a `ChatModel`. Tenacity owns the retries.

`to_arguments` and `to_output` translate; `_call` is the only line that touches the network.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import openai
import tenacity

from churn_agent.errors import InvalidAnswer, ModelCallError, ModelTimeout
from churn_agent.models.base import (
    Capabilities,
    FinishReason,
    GenerateRequest,
    LabelScores,
    Message,
    ModelInfo,
    ModelOutput,
    Question,
    ScoreRequest,
    Usage,
)
from churn_agent.models.parallel import in_parallel

_TOP_LOGPROBS = 20
_BELOW_TOP = -20.0
"""Log-probability of a label that is not among the returned ones: e^-20 at most."""


class OpenAIModel:
    """Asks a server through the openai package, several requests at a time."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        attempts: int = 4,
        max_concurrency: int = 4,
        longest_pause_s: float = 20.0,
    ) -> None:
        """Args: attempts: tries of one request in all; only errors that can pass are tried again."""
        self._name = name
        self._client = openai.OpenAI(base_url=base_url, api_key=api_key or "none", timeout=timeout_s, max_retries=0)
        self._again = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(attempts),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=longest_pause_s),
            retry=tenacity.retry_if_exception(lambda error: getattr(error, "retryable", False)),
            reraise=True,
        )
        host = self._client.base_url.host
        self._info = ModelInfo(
            id=f"openai:{name}",
            sha256=None,
            fingerprint=f"openai {host} {name}",
            capabilities=Capabilities(context_tokens=32768, max_concurrency=max_concurrency),
        )

    @property
    def info(self) -> ModelInfo:
        return self._info

    def count_tokens(self, text: str) -> int:
        """An upper estimate: the server's vocabulary is not known."""
        return len(text.encode()) // 3 + 1

    def close(self) -> None:
        self._client.close()

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        return in_parallel(self._generate, requests, at_once=self._info.capabilities.max_concurrency)

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        return in_parallel(self._score, requests, at_once=self._info.capabilities.max_concurrency)

    def _generate(self, request: GenerateRequest) -> ModelOutput:
        try:
            return self._again(lambda: to_output(request.id, self._call(to_arguments(self._name, request))))
        except ModelCallError as error:
            return ModelOutput(request.id, finish_reason="error", error=error)

    def _score(self, request: ScoreRequest) -> LabelScores:
        scores: dict[str, Mapping[str, float]] = {}
        tokens = 0
        try:
            for question in request.questions:
                answer = self._again(lambda q=question: self._call(to_score_arguments(self._name, request, q)))
                scores[question.id] = to_label_scores(question, answer)
                tokens += _usage(answer).prompt_tokens
        except ModelCallError as error:
            return LabelScores(request.id, error=error)
        return LabelScores(request.id, scores, Usage(tokens, len(scores)))

    def _call(self, arguments: Mapping[str, Any]) -> Any:
        try:
            return self._client.chat.completions.create(**arguments)
        except (openai.APITimeoutError, openai.APIConnectionError, openai.RateLimitError) as error:
            raise ModelTimeout(f"the API did not answer: {_first_line(error)}") from error
        except openai.InternalServerError as error:
            raise ModelTimeout(f"the API failed: {_first_line(error)}") from error
        except openai.OpenAIError as error:
            raise ModelCallError(f"the API refused the request: {_first_line(error)}") from error
        except (TypeError, AttributeError, ValueError) as error:  # what the SDK raises on a server that is none
            raise InvalidAnswer(
                f"the API answered something else than a chat completion: {_first_line(error)}"
            ) from error


def to_arguments(name: str, request: GenerateRequest) -> dict[str, Any]:
    """A request as the arguments of `chat.completions.create`."""
    schema = {"name": "answer", "schema": dict(request.schema), "strict": False}
    return {
        "model": name,
        "messages": _messages([*request.shared, *request.messages]),
        "response_format": {"type": "json_schema", "json_schema": schema},
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }


def to_score_arguments(name: str, request: ScoreRequest, question: Question) -> dict[str, Any]:
    """One question as arguments that ask for one token and its alternatives."""
    return {
        "model": name,
        "messages": _messages([*request.shared, Message("user", request.context + question.text)]),
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": _TOP_LOGPROBS,
    }


def to_output(request_id: str, answer: Any) -> ModelOutput:
    """Raises `InvalidAnswer` if the answer holds no JSON text."""
    try:
        choice = answer.choices[0]
        text = choice.message.content
        finish: FinishReason = "length" if choice.finish_reason == "length" else "stop"
    except (AttributeError, IndexError, TypeError) as error:
        raise InvalidAnswer("the API's answer holds no message") from error
    if finish == "stop":
        try:
            json.loads(text)
        except (TypeError, ValueError) as error:
            raise InvalidAnswer("the API's answer is no JSON, although a schema was asked for") from error
    return ModelOutput(request_id, text or "", finish, _usage(answer))


def to_label_scores(question: Question, answer: Any) -> dict[str, float]:
    """Log-probability of each label, from the alternatives of the first token.

    Raises:
        InvalidAnswer: the server gives no log-probabilities, or none of any label.
    """
    try:
        alternatives = answer.choices[0].logprobs.content[0].top_logprobs
        found = [(each.token.strip(), float(each.logprob)) for each in alternatives]
    except (AttributeError, IndexError, TypeError) as error:
        raise InvalidAnswer("the API gives no log-probabilities; use mode 'explain', or another server") from error
    scores = dict.fromkeys(question.labels, _BELOW_TOP)
    for label in question.labels:
        mass = [value for token, value in found if token and label.startswith(token)]
        if mass:
            scores[label] = math.log(sum(math.exp(value) for value in mass))
    if all(value == _BELOW_TOP for value in scores.values()):
        raise InvalidAnswer(f"the model did not answer with one of {', '.join(question.labels)}")
    return scores


def _messages(messages: Iterable[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _usage(answer: Any) -> Usage:
    usage = getattr(answer, "usage", None)
    return Usage(getattr(usage, "prompt_tokens", 0) or 0, getattr(usage, "completion_tokens", 0) or 0)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
