"""An OpenAI-compatible API as a `ChatModel`. Tenacity does the retries.

`to_arguments` and `completion.py` translate; only `_send` uses the network.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any, TypeVar

import httpx
import openai
import tenacity

from churn_agent.errors import InputError, ModelCallError, ModelTimeout, ModelUnavailable
from churn_agent.models.base import (
    Capabilities,
    GenerateRequest,
    LabelScores,
    Message,
    ModelInfo,
    ModelOutput,
    Question,
    ScoreRequest,
    Usage,
)
from churn_agent.models.completion import Completion, to_completion, to_label_scores, to_output
from churn_agent.models.parallel import in_parallel
from churn_agent.models.served import OPENAI, address, fingerprint

_TOP_LOGPROBS = 20
_NOT_IMPLEMENTED = 501
Answer = TypeVar("Answer")


class OpenAIModel:
    """Sends requests to a server through the openai package, several at a time."""

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
        """Sends nothing yet.

        Args:
            name: name of the model in requests.
            base_url: address of the API; None for OpenAI's.
            api_key: key of the API, if it needs one.
            timeout_s: seconds to wait for an answer.
            attempts: the most attempts per request; only temporary errors are retried.
            max_concurrency: requests at once.
            longest_pause_s: the longest pause between attempts, in seconds.

        Raises:
            InputError: `base_url` is not an address.
        """
        self._name = name
        self._at_once = max_concurrency
        if base_url is not None:
            _check_address(base_url)
        self._client = openai.OpenAI(
            base_url=base_url or OPENAI, api_key=api_key or "none", timeout=timeout_s, max_retries=0
        )
        self._again = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(attempts),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=longest_pause_s),
            retry=tenacity.retry_if_exception(lambda error: getattr(error, "retryable", False)),
            reraise=True,
        )

    @property
    def address(self) -> str:
        """The address that requests are sent to, without user, password and query."""
        return address(self._client)

    @property
    def info(self) -> ModelInfo:
        """The identity of the model. The first use asks the server which models it serves (see `served.fingerprint`).

        Raises:
            ModelUnavailable: the server does not answer.
        """
        return self._info

    @cached_property
    def _info(self) -> ModelInfo:
        try:
            served = fingerprint(self._client, self._name, lambda request: self._again(lambda: _send(request)))
        except ModelTimeout as error:
            raise ModelUnavailable(
                f"cannot use {self.address}: {error}; start the server or set CHURN_AGENT_BASE_URL"
            ) from error
        return ModelInfo(
            id=f"openai:{self._name}",
            sha256=None,
            fingerprint=served,
            capabilities=Capabilities(context_tokens=32768, max_concurrency=self._at_once),
        )

    def count_tokens(self, text: str) -> int:
        """An upper estimate, because the server's vocabulary is unknown."""
        return len(text.encode()) // 3 + 1

    def close(self) -> None:
        """As `ChatModel.close`."""
        self._client.close()

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        """As `ChatModel.generate`."""
        return in_parallel(self._generate, requests, at_once=self._at_once)

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """As `ChatModel.score_labels`."""
        return in_parallel(self._score, requests, at_once=self._at_once)

    def _generate(self, request: GenerateRequest) -> ModelOutput:
        try:
            return self._again(lambda: to_output(request.id, self._complete(to_arguments(self._name, request))))
        except ModelCallError as error:
            return ModelOutput(request.id, finish_reason="error", error=error)

    def _score(self, request: ScoreRequest) -> LabelScores:
        scores: dict[str, Mapping[str, float]] = {}
        tokens = 0
        try:
            for question in request.questions:
                answer = self._again(partial(self._complete, to_score_arguments(self._name, request, question)))
                scores[question.id] = to_label_scores(question, answer)
                tokens += answer.usage.prompt_tokens
        except ModelCallError as error:
            return LabelScores(request.id, error=error)
        return LabelScores(request.id, scores, Usage(tokens, len(scores)))

    def _complete(self, arguments: Mapping[str, Any]) -> Completion:
        create: Callable[..., Any] = self._client.chat.completions.with_raw_response.create
        answer = _send(partial(create, **arguments))
        return to_completion(answer.content)


def _check_address(url: str) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(f"the API's address is invalid: {error}; set CHURN_AGENT_BASE_URL") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError("the API's address must start with http:// or https://; set CHURN_AGENT_BASE_URL")


def _send(request: Callable[[], Answer]) -> Answer:
    """Raises `ModelTimeout` for temporary errors and `ModelCallError` for permanent ones."""
    try:
        return request()
    except (openai.APITimeoutError, openai.APIConnectionError, openai.RateLimitError) as error:
        raise ModelTimeout(f"the API did not answer: {_first_line(error)}") from error
    except openai.OpenAIError as error:
        if isinstance(error, openai.InternalServerError) and error.status_code != _NOT_IMPLEMENTED:
            raise ModelTimeout(f"the API failed: {_first_line(error)}") from error
        raise ModelCallError(f"the API refused the request: {_first_line(error)}") from error


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
    """One question as arguments that request one token and its alternatives."""
    return {
        "model": name,
        "messages": _messages([*request.shared, Message("user", request.context + question.text)]),
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": _TOP_LOGPROBS,
    }


def _messages(messages: Iterable[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
