"""Runs a GGUF file through xllamacpp, llama.cpp's own server in this process, for machines without a compiler.

The server takes single requests over the loopback interface, without our batches, forks and masks, so it is slower than
`gguf/`. Chats are sent as tokens: only the template may write control tokens, and people's words stay text.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from churn_agent.errors import BadWeights, ModelCallError, ModelTimeout, ModelUnavailable
from churn_agent.files import strict_json
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
from churn_agent.models.cores import physical_cores
from churn_agent.models.gguf.file import check_header, identity
from churn_agent.models.parallel import in_parallel

_SLOTS = 4
_LIKELIEST = 200
"""Tokens whose probabilities are requested at first; the full vocabulary follows if a label is not among them."""
_COUNTED = 10_000


class XllamacppModel:
    """Runs one GGUF file in this process, four requests at a time."""

    def __init__(
        self,
        path: Path,
        *,
        model_id: str,
        sha256: str | None,
        context_tokens: int = 4096,
        threads: int = 0,
        gpu_layers: int = 0,
        timeout_s: float = 3600.0,
    ) -> None:
        """Loads the model.

        Args:
            path: the GGUF file.
            model_id: the name in records.
            sha256: hash of the file, if known.
            context_tokens: the most tokens in one request.
            threads: 0 uses the physical cores that this process may use.
            gpu_layers: layers that run on a GPU.
            timeout_s: seconds to wait for an answer.

        Raises:
            WeightsMissing, BadWeights: the file is missing, or llama.cpp cannot load it.
            ModelUnavailable: xllamacpp is not installed.
        """
        check_header(path)
        try:
            import xllamacpp  # pyright: ignore[reportMissingTypeStubs]
        except ModuleNotFoundError as error:
            raise ModelUnavailable("xllamacpp is not installed; run: pip install 'churn-agent[xllamacpp]'") from error
        key = secrets.token_urlsafe()  # other processes on this machine can connect to the port
        try:
            self._server = _serve(xllamacpp, path, context_tokens, threads, gpu_layers, key)
        except (RuntimeError, ValueError) as error:
            raise BadWeights(f"{str(path)!r} cannot be loaded by xllamacpp: {error}") from error
        self._client = httpx.Client(
            base_url=self._server.listening_address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout_s,
            trust_env=False,
        )
        self._count = lru_cache(maxsize=_COUNTED)(self._count_uncached)
        where = f"|gpu {gpu_layers}" if gpu_layers else ""
        self.info = ModelInfo(
            id=model_id,
            sha256=sha256,
            fingerprint=f"{identity(path, sha256)}|xllamacpp {version('xllamacpp')}{where}",
            capabilities=Capabilities(context_tokens=context_tokens, max_concurrency=_SLOTS),
        )

    def count_tokens(self, text: str) -> int:
        """As `ChatModel.count_tokens`."""
        return self._count(text)

    def _count_uncached(self, text: str) -> int:
        return len(self._tokenize(text))

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """As `ChatModel.score_labels`."""

        def score(request: ScoreRequest) -> LabelScores:
            try:
                return self._score(request)
            except ModelCallError as error:
                return LabelScores(request.id, error=error)

        return in_parallel(score, requests, at_once=_SLOTS)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        """As `ChatModel.generate`."""

        def write(request: GenerateRequest) -> ModelOutput:
            try:
                prompt = self._chat_tokens([*request.shared, *request.messages])
                return to_output(request.id, self._complete(to_arguments(request, prompt)))
            except ModelCallError as error:
                return ModelOutput(request.id, finish_reason="error", error=error)

        return in_parallel(write, requests, at_once=_SLOTS)

    def close(self) -> None:
        """Stops the server."""
        self._client.close()
        self._server = None

    def _score(self, request: ScoreRequest) -> LabelScores:
        scores: dict[str, dict[str, float]] = {}
        tokens = 0
        for question in request.questions:
            turn = Message("user", request.context + question.text)
            prompt = self._chat_tokens([*request.shared, turn])
            tokens += len(prompt)
            scores[question.id] = self._label_scores(question, prompt)
        return LabelScores(request.id, scores, Usage(tokens))

    def _label_scores(self, question: Question, prompt: list[int]) -> dict[str, float]:
        """Log-probabilities of labels: the sum over each label's tokens, each given the tokens before it."""
        labels = {label: self._tokenize(label) for label in question.labels}
        first = self._next_token(prompt, {tokens[0] for tokens in labels.values()})
        scores = {label: first[tokens[0]] for label, tokens in labels.items()}
        for label, tokens in labels.items():
            for n in range(1, len(tokens)):
                scores[label] += self._next_token(prompt + tokens[:n], {tokens[n]})[tokens[n]]
        return scores

    def _next_token(self, prompt: list[int], tokens: set[int]) -> dict[int, float]:
        """Log-probabilities, over the whole vocabulary, of the given tokens after a prompt."""
        for most in (_LIKELIEST, self._vocabulary_size):
            log_probabilities = to_log_probabilities(
                self._complete({"prompt": prompt, "n_predict": 1, "temperature": 0.0, "n_probs": most})
            )
            if tokens <= log_probabilities.keys():
                return {token: log_probabilities[token] for token in tokens}
        raise ModelCallError("xllamacpp did not return the probability of a label")

    @property
    def _vocabulary_size(self) -> int:
        return int(self._call("GET", "/v1/models")["data"][0]["meta"]["n_vocab"])

    def _tokenize(self, text: str, *, special: bool = False) -> list[int]:
        body = {"content": text, "parse_special": special, "add_special": False}
        return self._call("POST", "/tokenize", body)["tokens"]

    def _chat_tokens(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a chat up to the assistant's answer; the template is rendered around placeholders."""
        marks = [f"@{secrets.token_hex(12)}@" for _ in messages]
        body = {"messages": [{"role": m.role, "content": mark} for m, mark in zip(messages, marks, strict=True)]}
        rest: str = self._call("POST", "/apply-template", body)["prompt"]
        tokens: list[int] = []
        for mark, message in zip(marks, messages, strict=True):
            before, _, rest = rest.partition(mark)
            tokens += self._tokenize(before, special=True) + self._tokenize(message.content)
        return tokens + self._tokenize(rest, special=True)

    def _complete(self, arguments: Mapping[str, Any]) -> Any:
        return self._call("POST", "/completion", arguments)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            answer = self._client.request(method, path, json=body)
            if answer.is_error:
                raise ModelCallError(to_reason(answer.text))
            return strict_json.parse(answer.content)
        except httpx.TimeoutException as error:
            raise ModelTimeout("xllamacpp did not answer in time") from error
        except (httpx.HTTPError, ValueError) as error:
            raise ModelCallError(f"xllamacpp failed: {error}") from error


def to_arguments(request: GenerateRequest, prompt: list[int]) -> dict[str, Any]:
    """Arguments of the completion endpoint."""
    return {
        "prompt": prompt,
        "json_schema": dict(request.schema),
        "n_predict": request.max_tokens,
        "temperature": request.temperature,
        "samplers": ["temperature"],
        "seed": request.seed,
        "cache_prompt": True,
    }


def to_output(id_: str, answer: Mapping[str, Any]) -> ModelOutput:
    """An answer of the completion endpoint as an output."""
    finish: FinishReason = "length" if answer.get("stop_type") == "limit" or answer.get("truncated") else "stop"
    usage = Usage(int(answer["tokens_evaluated"]), int(answer["tokens_predicted"]))
    return ModelOutput(id_, answer["content"], finish, usage)


def to_log_probabilities(answer: Mapping[str, Any]) -> dict[int, float]:
    """Token -> natural logarithm of its probability, for the likeliest first tokens of an answer."""
    first = answer["completion_probabilities"][0]
    return {alternative["id"]: float(alternative["logprob"]) for alternative in (first, *first["top_logprobs"])}


def to_reason(text: str) -> str:
    """The message to the user for an error of the server."""
    if "exceed" in text and "context" in text:
        return (
            "the request has more tokens than the context; reduce the evidence "
            "(CHURN_AGENT_EVIDENCE_TOKENS) or raise CHURN_AGENT_CONTEXT_TOKENS"
        )
    return f"xllamacpp refused the request: {text[:200]}"


def threads_of(setting: int) -> int:
    """Returns the number of threads of a setting, in which 0 stands for the physical cores."""
    return setting or physical_cores()


def _serve(xllamacpp: Any, path: Path, context_tokens: int, threads: int, gpu_layers: int, key: str) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = _SLOTS
    params.n_ctx = _SLOTS * context_tokens
    params.n_gpu_layers = gpu_layers
    params.fit_params = False  # otherwise it may shrink the context to fit memory
    params.use_jinja = False  # templates are recognised by name and never executed
    params.prefill_assistant = False
    params.cache_ram_mib = 0
    params.warmup = False
    params.verbosity = 0
    params.ui = False
    params.api_keys = [key]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads_of(threads)
    return xllamacpp.Server(params)
