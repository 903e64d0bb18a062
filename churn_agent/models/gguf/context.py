"""The key-value cache of one llama.cpp context.

Sequence 0 is the working one. Shared prefixes live in sequences of their own and are forked into it without
copying (`llama_memory_seq_cp` only marks cells), so alternating prompts do not evaluate their prefixes again.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn_agent.errors import ModelCallError, ModelUnavailable
from churn_agent.models.gguf.native import llama_cpp

MICRO_BATCH = 512
KEPT_PREFIXES = 3


class Context:
    """Evaluates tokens at the end of the working sequence."""

    def __init__(self, model: Any, *, context_tokens: int, n_threads: int, vocabulary_size: int) -> None:
        """Args: context_tokens: room for one request; prefixes kept beside it come on top."""
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = context_tokens * 2
        params.n_batch = params.n_ubatch = MICRO_BATCH
        params.n_seq_max = 1 + KEPT_PREFIXES
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = n_threads
        params.no_perf = True
        self._context = llama_cpp.llama_init_from_model(model, params)
        if not self._context:
            raise ModelUnavailable(f"llama.cpp could not set up a context of {context_tokens} tokens (out of memory?)")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(MICRO_BATCH, 0, 1)
        self._vocabulary_size = vocabulary_size
        self._context_tokens = context_tokens
        self._prefixes: OrderedDict[tuple[int, ...], int] = OrderedDict()
        self.length = 0
        """Tokens in the working sequence."""

    def start(self, prefix: Sequence[int]) -> bool:
        """Makes `prefix` the whole working sequence. Returns whether it was still at hand."""
        key = tuple(prefix)
        self.cut(0)
        known = key in self._prefixes
        if known:
            self._prefixes.move_to_end(key)
            llama_cpp.llama_memory_seq_cp(self._memory, self._prefixes[key], 0, -1, -1)
            self.length = len(key)
            return True
        kept = sum(map(len, self._prefixes))
        while self._prefixes and (len(self._prefixes) == KEPT_PREFIXES or kept + len(key) > self._context_tokens):
            old, sequence = self._prefixes.popitem(last=False)
            kept -= len(old)
            llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self.feed(prefix)
        if key and len(key) <= self._context_tokens:
            sequence = min(set(range(1, KEPT_PREFIXES + 1)) - set(self._prefixes.values()))
            llama_cpp.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)
            self._prefixes[key] = sequence
        return False

    def cut(self, length: int) -> None:
        """Shortens the working sequence to its first `length` tokens."""
        llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1)
        self.length = length

    def feed(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Evaluates `tokens` after the working sequence; returns the logits (vocabulary,) after the last one.

        The array is a view that the next call overwrites.
        """
        if self.length + len(tokens) > self._context_tokens:
            raise ModelCallError(
                f"the request needs more than the {self._context_tokens} tokens of context; "
                "show the model less evidence (CHURN_AGENT_EVIDENCE_TOKENS) or raise CHURN_AGENT_CONTEXT_TOKENS"
            )
        batch = self._batch
        for begin in range(0, len(tokens), MICRO_BATCH):
            part = tokens[begin : begin + MICRO_BATCH]
            batch.n_tokens = len(part)
            for i, token in enumerate(part):
                batch.token[i] = token
                batch.pos[i] = self.length + i
                batch.n_seq_id[i] = 1
                batch.seq_id[i][0] = 0
                batch.logits[i] = begin + i == len(tokens) - 1
            status = llama_cpp.llama_decode(self._context, batch)
            if status != 0:
                self.cut(0)
                raise ModelCallError(f"llama.cpp could not evaluate the prompt (llama_decode returned {status})")
            self.length += len(part)
        row = llama_cpp.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(row, shape=(self._vocabulary_size,))

    def close(self) -> None:
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)
