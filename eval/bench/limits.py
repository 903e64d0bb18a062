"""What the machine allows, and whether scores are those of the plain way."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from llama_cpp import Llama
from plain import open_plain

from churn_agent.models.base import LabelScores, ScoreRequest
from churn_agent.models.gguf.engine import load
from churn_agent.models.gguf.native import llama_cpp
from churn_agent.models.gguf.scoring import log_softmax
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.gguf.vocabulary import Vocabulary, joined

_F16, _BF16 = 1, 30
PLAIN_WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "plain, batches of 64": {"n_batch": 64, "n_ubatch": 64},
    "plain, keys and values as ours": {"flash_attn": True, "type_k": _F16, "type_v": _BF16},
}


def bandwidth_gb_s(megabytes: int = 512) -> float:
    """Gigabytes a second that one core reads from memory (the best of five sums over a large array)."""
    array = np.ones(megabytes * 2**20 // 8)
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        array.sum()
        best = min(best, time.perf_counter() - began)
    return array.nbytes / best / 1e9


def score_differences(
    path: Path, tuning: Tuning, context_tokens: int, packs: Sequence[ScoreRequest], ours: Sequence[LabelScores]
) -> dict[str, dict[str, float]]:
    """Way of llama-cpp-python -> mean and largest difference of a label's probability to ours, on the same packs.

    The plain way in two batch sizes shows how far it differs from itself.
    """
    vocabulary_model = load(path, vocabulary_only=True)
    vocabulary = Vocabulary(vocabulary_model)
    found: dict[str, dict[str, float]] = {}
    for name, options in PLAIN_WAYS.items():
        llama = open_plain(path, context_tokens=context_tokens, threads=tuning.threads, **options)
        off = [
            abs(math.exp(value) - math.exp(theirs))
            for pack, scores in zip(packs, ours, strict=True)
            for value, theirs in zip(
                scores.log_probabilities[pack.questions[0].id].values(),
                _plain_scores(llama, vocabulary, pack),
                strict=True,
            )
        ]
        found[name] = {"mean": round(sum(off) / len(off), 4), "max": round(max(off), 4)}
        llama.close()
    llama_cpp.llama_model_free(vocabulary_model)
    return found


def _plain_scores(llama: Llama, vocabulary: Vocabulary, pack: ScoreRequest) -> list[float]:
    """Log-probabilities of the labels (of one token) of a pack's first question, off the last row of one evaluation."""
    [question, *_] = pack.questions
    tokens = joined(vocabulary.chat_tokens([*pack.shared, ("user", pack.context, question.text)]))
    llama.reset()
    llama.eval(tokens)
    row = llama_cpp.llama_get_logits_ith(llama.ctx, -1)
    scores = log_softmax(np.ctypeslib.as_array(row, shape=(vocabulary.size,)))
    return [float(scores[vocabulary.tokenize(label)[0]]) for label in question.labels]
