"""Turns generate requests into jobs: constrained decoding that decides only where the schema leaves a choice."""

import json
import time
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import llguidance
import llguidance.llamacpp
import numpy as np

from churn_agent.errors import ModelCallError
from churn_agent.models.base import FinishReason, GenerateRequest, ModelOutput, Usage
from churn_agent.models.gguf.context import Logits
from churn_agent.models.gguf.scheduler import Counters, Feed, Job, Work
from churn_agent.models.gguf.scoring import log_softmax
from churn_agent.models.gguf.vocabulary import Vocabulary, first_own_piece, joined

# Each answer has only one spelling: white space is fixed, so every structural token is forced and costs no decision.
_COMPACT_JSON = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}

_LIKELY = 0.5
"""Expected length of an answer, as a share of the most tokens it may have."""


class Writer:
    """Makes jobs that write answers under a schema."""

    def __init__(self, vocabulary: Vocabulary, counters: Counters) -> None:
        self._vocabulary = vocabulary
        self._counters = counters

    def job(self, request: GenerateRequest) -> Job:
        """The job that writes the answer to a request."""
        pieces = self._vocabulary.chat_tokens([*request.shared, *request.messages])
        own = first_own_piece(request.shared)
        rest = joined(pieces[own:])
        return Job(
            id=request.id,
            prefix=tuple(joined(pieces[:own])),
            sequences=1,
            cells=len(rest) + request.max_tokens + 1,
            likely_cells=len(rest) + round(_LIKELY * request.max_tokens) + 1,
            begin=lambda sequences, start: self._write(request, rest, sequences, start),
            fail=lambda error: ModelOutput(request.id, finish_reason="error", error=error),
        )

    def _write(self, request: GenerateRequest, rest: list[int], sequences: tuple[int, ...], start: int) -> Work:
        """Decides where the schema leaves a choice; forced tokens are evaluated with the next decision."""
        matcher = self._matcher(request.schema)
        random = np.random.default_rng(request.seed)

        def choose(logits: Logits) -> int:
            began = time.perf_counter()
            token = _choose(logits, matcher, request.temperature, random)
            self._counters.mask_s += time.perf_counter() - began
            return token

        output = _forced(matcher)
        position, pending = start, rest + output
        finish: FinishReason = "length"
        while len(output) < request.max_tokens:
            if matcher.is_stopped():
                break
            [token] = yield [Feed(pending, position, sequences, read=choose)]
            if self._vocabulary.is_end(token):
                finish = "stop"
                break
            matcher.consume_token(token)
            position += len(pending)
            pending = [token, *_forced(matcher)]
            output = output + pending
        if matcher.is_error():
            raise ModelCallError(f"constrained decoding failed: {matcher.get_error()}")
        if matcher.is_stopped():
            finish = "stop"
        usage = Usage(start + len(rest), len(output))
        return ModelOutput(request.id, self._grammar_tokenizer.decode_str(output), finish, usage)

    def _matcher(self, schema: Any) -> llguidance.LLMatcher:
        matcher = llguidance.LLMatcher(self._grammar_tokenizer, _grammar(json.dumps(schema)))
        if matcher.is_error():
            raise ModelCallError(f"the answer's schema cannot be used for decoding: {matcher.get_error()}")
        return matcher

    @cached_property
    def _grammar_tokenizer(self) -> llguidance.LLTokenizer:
        return llguidance.llamacpp.lltokenizer_from_vocab(self._vocabulary.pointer)


@lru_cache(maxsize=64)
def _grammar(schema: str) -> str:
    return llguidance.LLMatcher.grammar_from_json_schema(schema, overrides=_COMPACT_JSON)  # type: ignore[arg-type]


def _forced(matcher: llguidance.LLMatcher) -> list[int]:
    """Consumes and returns the next tokens that the schema forces."""
    if matcher.is_stopped():
        return []
    tokens: Sequence[int] = matcher.compute_ff_tokens()
    if tokens:
        matcher.consume_tokens(list(tokens))
    return list(tokens)


def _choose(logits: Logits, matcher: llguidance.LLMatcher, temperature: float, random: np.random.Generator) -> int:
    """The likeliest allowed token, or a sampled one. The likeliest of all is usually allowed and cheap to check."""
    if temperature <= 0:
        likeliest = int(logits.argmax())
        if matcher.validate_tokens([likeliest]):
            return likeliest
    bitmask = np.frombuffer(matcher.compute_bitmask(), np.uint8)
    allowed = np.unpackbits(bitmask, count=len(logits), bitorder="little").view(bool)
    if temperature <= 0:
        candidates = np.flatnonzero(allowed)
        return int(candidates[logits[candidates].argmax()])
    probabilities = np.exp(log_softmax(np.where(allowed, logits, -np.inf) / temperature))
    return int(random.choice(len(probabilities), p=probabilities / probabilities.sum()))
