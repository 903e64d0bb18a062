"""What the machine allows, and whether scores are those of the plain way."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from llama_cpp import Llama
from numpy.typing import NDArray
from plain import open_plain

from churn_agent.models.base import LabelScores, ScoreRequest
from churn_agent.models.gguf.engine import load
from churn_agent.models.gguf.native import llama_cpp
from churn_agent.models.gguf.scoring import log_softmax
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.gguf.vocabulary import Vocabulary, joined

_F16, _BF16 = 1, 30
Probabilities = NDArray[np.float64]
"""Shape (packs, labels)."""
_AS_OURS = {"flash_attn": True, "type_k": _BF16, "type_v": _F16}


def bandwidth_gb_s(threads: int, megabytes: int = 512) -> float:
    """Gigabytes a second that so many threads read from memory (the best of five sums over large arrays)."""
    arrays = [np.ones(megabytes * 2**20 // 8) for _ in range(threads)]
    best = math.inf
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            began = time.perf_counter()
            list(pool.map(np.sum, arrays))
            best = min(best, time.perf_counter() - began)
    return sum(array.nbytes for array in arrays) / best / 1e9


def score_differences(
    path: Path, tuning: Tuning, context_tokens: int, packs: Sequence[ScoreRequest], ours: Sequence[LabelScores]
) -> dict[str, dict[str, float]]:
    """Mean and largest difference of a label's probability on the same packs: of ours to the plain way, and of the
    plain way to itself in other batches, which is the noise to hold it against."""
    vocabulary_model = load(path, vocabulary_only=True)
    vocabulary = Vocabulary(vocabulary_model)

    def plain(*, repacked: bool | None = False, **options: Any) -> Probabilities:
        llama = open_plain(path, context_tokens=context_tokens, threads=tuning.threads, repacked=repacked, **options)
        try:
            return np.exp([_plain_scores(llama, vocabulary, pack) for pack in packs])
        finally:
            llama.close()

    our = np.exp(
        [
            list(scores.log_probabilities[pack.questions[0].id].values())
            for pack, scores in zip(packs, ours, strict=True)
        ]
    )
    as_usual = plain()
    pairs = {
        "ours, plain": (our, as_usual),
        "ours, plain with our cache types": (our, plain(**_AS_OURS)),
        "plain, plain in batches of 64": (as_usual, plain(n_batch=64, n_ubatch=64)),
        "plain, plain with repacked weights": (as_usual, plain(repacked=None)),
        "plain, plain with flash attention": (as_usual, plain(flash_attn=True)),
    }
    llama_cpp.llama_model_free(vocabulary_model)
    off = {name: np.abs(one - other) for name, (one, other) in pairs.items()}
    return {name: {"mean": round(float(d.mean()), 4), "max": round(float(d.max()), 4)} for name, d in off.items()}


def _plain_scores(llama: Llama, vocabulary: Vocabulary, pack: ScoreRequest) -> list[float]:
    """Log-probabilities of the labels (of one token) of a pack's first question, off the last row of one evaluation."""
    [question, *_] = pack.questions
    tokens = joined(vocabulary.chat_tokens([*pack.shared, ("user", pack.context, question.text)]))
    llama.reset()
    llama.eval(tokens)
    row = llama_cpp.llama_get_logits_ith(llama.ctx, -1)
    scores = log_softmax(np.ctypeslib.as_array(row, shape=(vocabulary.size,)))
    return [float(scores[vocabulary.tokenize(label)[0]]) for label in question.labels]
