"""A GGUF file as a `ChatModel`."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import llguidance
import llguidance.llamacpp
import numpy as np
from numpy.typing import NDArray

from churn_agent.errors import BadWeights, ModelCallError
from churn_agent.models.base import (
    Capabilities,
    GenerateRequest,
    LabelScores,
    ModelInfo,
    ModelOutput,
    Question,
    ScoreRequest,
    Usage,
)
from churn_agent.models.gguf.context import Context
from churn_agent.models.gguf.file import check_header
from churn_agent.models.gguf.native import llama_cpp
from churn_agent.models.gguf.vocabulary import Vocabulary

# One way to write each answer: no white space to choose, so every structural token is forced and costs no decision.
_COMPACT_JSON = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
_AMX_FLAG = re.compile(rb"AMX_INT8 = 1")
"""Builds with AMX crash in `ggml_backend_amx_mul_mat` on some processors (llama.cpp issue 20824); weights that are not
repacked never get there."""


class GGUFModel:
    """Runs one GGUF file on this machine."""

    def __init__(
        self,
        path: Path,
        *,
        model_id: str,
        sha256: str | None,
        context_tokens: int = 4096,
        n_threads: int | None = None,
        gpu_layers: int = 0,
    ) -> None:
        """Loads the weights (memory-mapped).

        Raises:
            WeightsMissing: there is no such file.
            BadWeights: it is not a GGUF, or llama.cpp cannot load it.
        """
        check_header(path)
        llama_cpp.llama_log_set(_ignore_log, None)
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.use_extra_bufts = not _AMX_FLAG.search(llama_cpp.llama_print_system_info())
        self._model: Any = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise BadWeights(f"{str(path)!r} cannot be loaded by llama.cpp {llama_cpp.__version__}")
        template = llama_cpp.llama_model_chat_template(self._model, None)
        self._vocabulary = Vocabulary(self._model, template.decode() if template else None)
        trained = llama_cpp.llama_model_n_ctx_train(self._model)
        context_tokens = min(context_tokens, trained) if trained else context_tokens
        self._context = Context(
            self._model,
            context_tokens=context_tokens,
            n_threads=n_threads or os.cpu_count() or 1,
            vocabulary_size=self._vocabulary.size,
        )
        self._info = ModelInfo(
            id=model_id,
            sha256=sha256,
            fingerprint=f"{sha256 or path.resolve()}|llama-cpp-python {llama_cpp.__version__}",
            capabilities=Capabilities(context_tokens=context_tokens),
        )

    @property
    def info(self) -> ModelInfo:
        return self._info

    @cached_property
    def _grammar_tokenizer(self) -> llguidance.LLTokenizer:
        return llguidance.llamacpp.lltokenizer_from_vocab(self._vocabulary.pointer)

    def count_tokens(self, text: str) -> int:
        return len(self._vocabulary.tokenize(text))

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        for request in requests:
            try:
                yield self._score(request)
            except ModelCallError as error:
                yield LabelScores(request.id, error=error)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        for request in requests:
            try:
                yield self._generate(request)
            except ModelCallError as error:
                yield ModelOutput(request.id, finish_reason="error", error=error)

    def close(self) -> None:
        self._context.close()
        llama_cpp.llama_model_free(self._model)

    def _score(self, request: ScoreRequest) -> LabelScores:
        scores: dict[str, dict[str, float]] = {}
        prompt_tokens = 0
        forked_at = 0
        for question in request.questions:
            *shared, context, asked, answer = self._vocabulary.chat_tokens(
                [*request.shared, ("user", request.context, question.text)]
            )
            if not scores:
                prefix = [token for piece in shared for token in piece]
                self._context.start(prefix)
                self._context.feed(context)
                forked_at = self._context.length
                prompt_tokens += forked_at
            self._context.cut(forked_at)
            logits = self._context.feed(asked + answer)
            prompt_tokens += len(asked) + len(answer)
            scores[question.id] = self._label_scores(question, logits)
        return LabelScores(request.id, scores, Usage(prompt_tokens))

    def _label_scores(self, question: Question, logits: NDArray[np.float32]) -> dict[str, float]:
        first = _log_softmax(logits)
        asked_at = self._context.length
        scores: dict[str, float] = {}
        for label in question.labels:
            head, *rest = self._vocabulary.tokenize(label)
            total = float(first[head])
            for token, following in zip([head, *rest], rest, strict=False):
                total += float(_log_softmax(self._context.feed([token]))[following])
            if rest:
                self._context.cut(asked_at)
            scores[label] = total
        return scores

    def _generate(self, request: GenerateRequest) -> ModelOutput:
        pieces = self._vocabulary.chat_tokens([*request.shared, *request.messages])
        prefix = [token for piece in pieces[: len(request.shared)] for token in piece]
        rest = [token for piece in pieces[len(request.shared) :] for token in piece]
        self._context.start(prefix)
        logits = self._context.feed(rest)
        prompt_tokens = self._context.length

        matcher = self._matcher(request.schema)
        random = np.random.default_rng(request.seed)
        output: list[int] = []
        finish = "length"
        while len(output) < request.max_tokens:
            forced = matcher.compute_ff_tokens()
            if not forced:
                if matcher.is_stopped():
                    finish = "stop"
                    break
                forced = [self._choose(logits, matcher.compute_bitmask(), request.temperature, random)]
                if self._vocabulary.is_end(forced[0]):
                    finish = "stop"
                    break
            matcher.consume_tokens(forced)
            output += forced
            if not matcher.is_stopped():
                logits = self._context.feed(forced)
        if matcher.is_error():
            raise ModelCallError(f"constrained decoding failed: {matcher.get_error()}")
        if matcher.is_stopped():
            finish = "stop"
        usage = Usage(prompt_tokens, len(output))
        return ModelOutput(request.id, self._grammar_tokenizer.decode_str(output), finish, usage)  # type: ignore[arg-type]

    def _matcher(self, schema: Any) -> llguidance.LLMatcher:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=_COMPACT_JSON)  # type: ignore[arg-type]
        matcher = llguidance.LLMatcher(self._grammar_tokenizer, grammar)
        if matcher.is_error():
            raise ModelCallError(f"the answer's schema cannot be decoded: {matcher.get_error()}")
        return matcher

    def _choose(
        self, logits: NDArray[np.float32], bitmask: bytes, temperature: float, random: np.random.Generator
    ) -> int:
        allowed = np.unpackbits(np.frombuffer(bitmask, np.uint8), bitorder="little")[: len(logits)].astype(bool)
        masked = np.where(allowed, logits, -np.inf)
        if temperature <= 0:
            return int(masked.argmax())
        probabilities = np.exp(_log_softmax(masked / temperature))
        return int(random.choice(len(probabilities), p=probabilities / probabilities.sum()))


@llama_cpp.llama_log_callback
def _ignore_log(level: int, text: bytes, user_data: Any) -> None:
    """llama.cpp talks to standard error about every file that it loads; failures come back as return values."""


def _log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    wide -= wide.max()
    return wide - np.log(np.exp(wide).sum())
