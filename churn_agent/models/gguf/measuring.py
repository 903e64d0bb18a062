"""Measures the engine's fastest settings on this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churn_agent.models.cores import physical_cores, usable_cores
from churn_agent.models.gguf.context import Context, Entry
from churn_agent.models.gguf.engine import load
from churn_agent.models.gguf.file import probe
from churn_agent.models.gguf.native import llama_cpp
from churn_agent.models.gguf.scheduler import SEQUENCES
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.gguf.vocabulary import Vocabulary

_PARALLEL = (1, 2, 4, 6, 8, 12, 16, 24, 32)
_PROMPT, _MICRO_BATCHES = 512, (128, 256, 512)
_PROMPT_ON_GPU, _MICRO_BATCHES_ON_GPU = 2048, (512, 1024, 2048)
"""A GPU needs more than a few hundred tokens to reach full speed."""
_BEHIND = 64
_ENOUGH = 0.9
"""Sufficient share of the best decode rate: more parallel answers than it needs only cost memory."""
_WORTH = 1.05
"""A setting other than the default must be faster by this factor."""


@dataclass(frozen=True)
class Measurement:
    """A rate under some settings."""

    what: str
    """`prefill` or `decode`."""
    tuning: Tuning
    tokens_a_second: float


def tune(path: Path, *, gpu_layers: int = 0, seen: Callable[[Measurement], None] = lambda m: None) -> Tuning:
    """The fastest settings on this machine. Takes under two minutes for a model of 1.5 billion weights on two cores.

    Args:
        path: the GGUF file.
        gpu_layers: layers that run on a GPU.
        seen: called with each measurement.

    Raises:
        BadWeights, ModelUnavailable: the model cannot be loaded.
    """
    probe(path)
    model = load(path, gpu_layers=gpu_layers)
    try:
        return _tune(model, gpu_layers != 0, report=seen)
    finally:
        llama_cpp.llama_model_free(model)


def rate(path: Path, tuning: Tuning, what: str, tokens: int) -> float:
    """Tokens per second of plain `llama_decode`: `prefill` of a prompt, or `decode` of one token for each answer."""
    model = load(path)
    try:
        return _rate(model, tuning, what, tokens, report=lambda measurement: None)
    finally:
        llama_cpp.llama_model_free(model)


def _tune(model: Any, gpu: bool, *, report: Callable[[Measurement], None]) -> Tuning:
    """Tries one setting after the other and keeps each that is clearly faster than the best so far."""
    best = Tuning()
    prompt, micro_batches = (_PROMPT_ON_GPU, _MICRO_BATCHES_ON_GPU) if gpu else (_PROMPT, _MICRO_BATCHES)

    def measure(tuning: Tuning, what: str, tokens: int) -> float:
        return _rate(model, tuning, what, tokens, report=report, gpu=gpu)

    fastest = measure(best, "prefill", prompt)
    for changes in (
        [{"threads": n} for n in _other_thread_counts()],
        [{"micro_batch": n} for n in micro_batches if n != best.micro_batch],
        [] if gpu else [{"flash_attention": False}, {"kv_type": "q8_0"}],
    ):
        others = [best.model_copy(update=change) for change in changes]
        rates = {other: measure(other, "prefill", prompt) for other in others}
        quickest = max(rates, key=lambda other: rates[other], default=best)
        if rates.get(quickest, 0.0) > _WORTH * fastest:
            best, fastest = quickest, rates[quickest]
    decode: dict[int, float] = {}
    for parallel in _PARALLEL:
        decode[parallel] = measure(best.model_copy(update={"parallel": parallel}), "decode", parallel)
    enough = _ENOUGH * max(decode.values())
    return best.model_copy(update={"parallel": min(n for n, rate in decode.items() if rate >= enough)})


def _other_thread_counts() -> list[int]:
    return [] if usable_cores() == physical_cores() else [usable_cores()]


def _rate(
    model: Any, tuning: Tuning, what: str, tokens: int, *, report: Callable[[Measurement], None], gpu: bool = False
) -> float:
    """Tokens per second after a short prompt: of a longer prompt, or of one token for each of several answers."""
    vocabulary = Vocabulary(model).size
    context = Context(
        model, cells=2 * _PROMPT_ON_GPU, sequences=SEQUENCES, tuning=tuning, vocabulary_size=vocabulary, gpu=gpu
    )
    list(context.decode([Entry(100 + i, i, (0,)) for i in range(_BEHIND)]))
    fastest = 0.0
    for _ in range(2 if what == "prefill" else 3):
        for sequence in range(1, SEQUENCES):
            context.cut(sequence)
            context.fork(0, sequence)
        if what == "prefill":
            entries = [Entry(200 + i % 1000, _BEHIND + i, (1,), i == tokens - 1) for i in range(tokens)]
        else:
            entries = [Entry(200 + i, _BEHIND, (1 + i,), logits=True) for i in range(tokens)]
        began = time.perf_counter()
        for start in range(0, tokens, tuning.micro_batch):
            list(context.decode(entries[start : start + tuning.micro_batch]))
        fastest = max(fastest, tokens / (time.perf_counter() - began))
    context.close()
    report(Measurement(what, tuning, fastest))
    return fastest
