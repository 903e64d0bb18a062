"""One llama.cpp context: cells of keys and values, and the sequences that mark them.

A cell holds one evaluated token and belongs to any number of sequences. Forking a sequence marks its cells for another
sequence and copies nothing. Removing a sequence frees the cells that no other sequence marks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn_agent.errors import ModelCallError, ModelUnavailable
from churn_agent.models.gguf.native import llama_cpp
from churn_agent.models.gguf.tuning import KVType, Tuning

_BF16 = 30
"""GGML_TYPE_BF16, which llama-cpp-python does not name."""
_KV_TYPES: dict[KVType, tuple[int, int]] = {
    "f16": (llama_cpp.GGML_TYPE_F16, llama_cpp.GGML_TYPE_F16),
    "bf16_f16": (_BF16, llama_cpp.GGML_TYPE_F16),
    "q8_0": (llama_cpp.GGML_TYPE_Q8_0, llama_cpp.GGML_TYPE_Q8_0),
}
MOST_OUTPUTS = 64
"""The most rows of logits in one batch."""
_LEAST_ROWS = 8
"""The fewest rows of a matrix product. For fewer, llama.cpp uses another kernel, which sums in another order."""

Logits = NDArray[np.float32]
"""Shape (vocabulary,); a view that the next batch overwrites."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A token of a batch."""

    token: int
    position: int
    sequences: tuple[int, ...]
    """All sequences that the token belongs to."""
    logits: bool = False
    """Whether the logits after this token are needed."""


class Context:
    """Evaluates batches of tokens over several sequences."""

    def __init__(
        self,
        model: Any,
        *,
        cells: int,
        sequences: int,
        tuning: Tuning,
        vocabulary_size: int,
        exact: bool = False,
        gpu: bool = False,
    ) -> None:
        """Sets a context up.

        Args:
            model: llama.cpp's loaded model.
            cells: tokens that all sequences can hold together.
            sequences: number of sequences.
            tuning: threads, batch size and number formats.
            vocabulary_size: number of tokens in the vocabulary.
            exact: the logits after a token depend, to the last bit, only on the tokens before it and not on others in
                the batch, provided that cells are in the order of their tokens. Attention over long prompts is slower.
                No setting is that exact on a GPU.
            gpu: layers of the model are on a GPU.

        Raises:
            ModelUnavailable: there is not enough memory.
        """
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = cells
        params.n_batch = params.n_ubatch = tuning.micro_batch
        params.n_seq_max = sequences + 1
        params.n_outputs_max = MOST_OUTPUTS + _LEAST_ROWS
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = tuning.threads
        # If keys and values have different types, llama.cpp visits the cells one by one and skips those of other
        # sequences. The kernel for equal types works on tiles, so that sums depend on a cell's place in its tile.
        self.kv_type: KVType = "bf16_f16" if exact else tuning.kv_type
        params.flash_attn_type = int(tuning.flash_attention or exact)
        if gpu:  # plain types and the default attention kernel; nothing else has been tested on a GPU
            self.kv_type = "f16"
            params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO
        params.type_k, params.type_v = _KV_TYPES[self.kv_type]
        params.no_perf = True
        self._context = llama_cpp.llama_init_from_model(model, params)
        if not self._context:
            raise ModelUnavailable(f"llama.cpp could not set up a context of {cells} tokens (out of memory?)")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(tuning.micro_batch, 0, sequences + 1)
        self._vocabulary_size = vocabulary_size
        self._least_rows = _LEAST_ROWS if exact else 0
        self._spare = sequences
        self.micro_batch = tuning.micro_batch
        self.cells = int(llama_cpp.llama_n_ctx(self._context))

    def decode(self, entries: Sequence[Entry]) -> Iterator[tuple[int, Logits]]:
        """Evaluates at most a micro-batch of tokens; yields (index, logits) of each entry with `logits` set.

        Raises:
            ModelCallError: llama.cpp refused the batch; none of its tokens were kept.
        """
        padding = [Entry(0, n, (self._spare,)) for n in range(self._least_rows - len(entries))]
        batch = self._batch
        batch.n_tokens = len(entries) + len(padding)
        for i, entry in enumerate((*entries, *padding)):
            batch.token[i] = entry.token
            batch.pos[i] = entry.position
            batch.n_seq_id[i] = len(entry.sequences)
            for n, sequence in enumerate(entry.sequences):
                batch.seq_id[i][n] = sequence
            batch.logits[i] = entry.logits
        if any(entry.logits for entry in entries):  # the last layers see these rows only
            for i in range(batch.n_tokens - self._least_rows, batch.n_tokens):
                batch.logits[i] = True
        status = llama_cpp.llama_decode(self._context, batch)
        if padding:
            self.cut(self._spare)
        if status != 0:
            raise ModelCallError(f"llama.cpp could not evaluate the prompt (llama_decode returned {status})")
        for i, entry in enumerate(entries):
            if entry.logits:
                row = llama_cpp.llama_get_logits_ith(self._context, i)
                yield i, np.ctypeslib.as_array(row, shape=(self._vocabulary_size,))

    def fork(self, source: int, target: int) -> None:
        """Marks all cells of a sequence for another sequence, which must be empty."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def cut(self, sequence: int, length: int = 0) -> None:
        """Shortens a sequence to its first tokens."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def save(self, sequence: int, tokens: Sequence[int], path: Path) -> bool:
        """Writes the cells of a sequence to a file. Returns whether that succeeded."""
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        return llama_cpp.llama_state_seq_save_file(self._context, str(path).encode(), sequence, array, len(tokens)) > 0

    def load(self, sequence: int, tokens: Sequence[int], path: Path) -> bool:
        """Reads the cells of a sequence from a file. Returns whether they are exactly those of these tokens."""
        import ctypes

        array = (llama_cpp.llama_token * len(tokens))()
        n = ctypes.c_size_t()
        read = llama_cpp.llama_state_seq_load_file(
            self._context, str(path).encode(), sequence, array, len(tokens), ctypes.byref(n)
        )
        if read > 0 and n.value == len(tokens) and list(array) == list(tokens):
            return True
        self.cut(sequence)
        return False

    def close(self) -> None:
        """Frees the batch and the context."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)
