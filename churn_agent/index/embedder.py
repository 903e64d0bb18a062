"""Embeds texts. The only module that uses sentence-transformers."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn_agent.errors import ModelUnavailable
from churn_agent.models import folder_safety, weights
from churn_agent.models.catalogue import catalogue
from churn_agent.models.cores import physical_cores

OVERLAP = 32
"""Number of tokens shared by neighbouring parts of a long text."""
_BATCH = 32
"""Texts per batch of the model; larger batches do not fit the caches of a laptop's processor."""
_CHUNK = 256
"""Texts between two progress reports."""
_WORTH = 1.3
"""Least speed-up for using bfloat16. Its vectors have a cosine above .999 to those of full precision."""


class Embedder:
    """A sentence-transformers model in a local folder; it never uses the network."""

    def __init__(self, folder: Path, *, embedder_id: str, revision: str) -> None:
        """Loads nothing until the first text; then raises `BadWeights` for a folder that would run code.

        Args:
            folder: folder of the model.
            embedder_id: name of the model in records.
            revision: revision of the weights; stored with the index and checked.
        """
        self.id = embedder_id
        self.revision = revision
        self.folder = folder

    @classmethod
    def open(cls, name: str, models_dir: Path) -> "Embedder":
        """Opens an embedder of the catalogue or in a folder.

        Raises:
            WeightsMissing: the weights have not been pulled.
            InputError: the name is neither in the catalogue nor a folder.
        """
        if name not in catalogue() and Path(name).is_dir():
            return cls(Path(name), embedder_id=Path(name).name, revision="local")
        folder = weights.find(name, models_dir)
        hub = weights.entry_of(name).hub
        return cls(folder, embedder_id=name, revision=hub.revision if hub else "catalogue")

    @cached_property
    def _model(self) -> Any:
        folder_safety.check_folder(self.folder)
        limit_threads()
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        logging.set_verbosity_error()  # a pooling layer that is not used may be missing
        getLogger("sentence_transformers").setLevel(ERROR)  # it announces a model's prompt
        try:
            model = SentenceTransformer(
                str(self.folder),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, "dtype": "float32"},  # half precision is slow on processors
            )
            if len(model.tokenizer.get_vocab()) <= len(model.tokenizer.all_special_tokens):
                # The library substitutes an empty tokenizer if the tokenizer's files are missing.
                raise ValueError("its tokenizer has no vocabulary")
        except Exception as error:  # several libraries raise their own errors for damaged files
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelUnavailable(
                f"cannot load the embedder in {str(self.folder)!r}: {reason}; replace its files, or for a model of the "
                "catalogue run: churn-agent models verify"
            ) from error
        return model.bfloat16() if bfloat16_pays() else model

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    @cached_property
    def _window(self) -> int:
        """Tokens of a text that fit: without the start and end tokens, and the model's prompt."""
        prompt: str = self._model.prompts.get(self._model.default_prompt_name) or ""
        of_prompt = len(self._model.tokenizer(prompt, add_special_tokens=False)["input_ids"]) if prompt else 0
        return int(self._model.max_seq_length) - 2 - of_prompt

    def split(self, text: str) -> list[str]:
        """Splits a text into parts that fit the model, by its tokenizer, with `OVERLAP` tokens in common."""
        window = self._window
        if len(text) <= window:  # a token has at least one character
            return [text]
        offsets = self._model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        spans: Sequence[tuple[int, int]] = offsets["offset_mapping"]
        if len(spans) <= window:
            return [text]
        starts = range(0, len(spans) - OVERLAP, window - OVERLAP)
        return [text[spans[i][0] : spans[min(i + window, len(spans)) - 1][1]] for i in starts]

    def _encode_parts(self, parts: list[str]) -> NDArray[np.float32]:
        encoded = self._model.encode(parts, batch_size=_BATCH, show_progress_bar=False, convert_to_tensor=True)
        rows: NDArray[np.float32] = encoded.float().numpy()
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    def encode(self, texts: Iterable[str]) -> list[NDArray[np.float32]]:
        """Returns an array of shape (parts, dimension) for each text, with rows of unit length."""
        return [vectors for _, vectors in sorted(self.stream(list(texts)), key=lambda pair: pair[0])]

    def stream(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda done: None
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yields (position, vectors) as computed, short texts first: batches of equal length need no padding."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for begin in range(0, len(order), _CHUNK):
            batch = order[begin : begin + _CHUNK]
            parts = [self.split(texts[i]) for i in batch]
            flat = [part for of_text in parts for part in of_text]
            rows = self._encode_parts(flat)
            at = 0
            for i, of_text in zip(batch, parts, strict=True):
                yield i, rows[at : at + len(of_text)]
                at += len(of_text)
            progress(begin + len(batch))


def limit_threads() -> None:
    """Keeps torch from using more threads than cores, which it counts without the quota of a container."""
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), physical_cores()))


@cache
def bfloat16_pays() -> bool:
    """Whether this processor multiplies matrices of the model's shape faster in bfloat16 (AMX, AVX512-BF16)."""
    import torch

    if torch.backends.cpu.get_cpu_capability() == "AVX2":
        return False  # no such instructions, and measuring would take seconds

    def seconds(dtype: torch.dtype) -> float:
        left, right = torch.ones(2048, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
        timings: list[float] = []
        for _ in range(4):
            started = time.perf_counter()
            torch.matmul(left, right)
            timings.append(time.perf_counter() - started)
        return min(timings)

    return seconds(torch.float32) > _WORTH * seconds(torch.bfloat16)
