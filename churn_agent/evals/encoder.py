"""A BERT encoder fine-tuned to tell churners by their words, as the field's courses teach it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from churn_agent.errors import ModelUnavailable
from churn_agent.evals.metrics import Labels, Scores, log_loss

_EPOCHS = 6
_PATIENCE = 2
"""Epochs without a better loss on what was held out, after which it ends."""
_HELD_OUT = 0.15
_RATE = 5e-5
_BATCH = 16
_PIECES = 128
"""Word pieces of a history that are read: the last ones, where the latest words stand."""


def fine_tune(folder: Path, texts: Sequence[str], labels: Labels, seed: int) -> Callable[[Sequence[str]], Scores]:
    """Fine-tunes `BertForSequenceClassification` (Devlin et al. 2019) on the weights in a folder.

    Learns with AdamW and a rate that falls to 0, and keeps the epoch of the least loss on a held-out part of the texts.

    Returns:
        What gives the probability of churn of other texts, shape (texts,).

    Raises:
        ModelUnavailable: the folder holds no such weights.
    """
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(seed)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, truncation_side="left")
        model: Any = BertForSequenceClassification.from_pretrained(folder, local_files_only=True, num_labels=2)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"cannot load an encoder from {str(folder)!r}: {error}") from error

    def score(some: Sequence[str]) -> Scores:
        model.eval()
        rows: list[Any] = []
        with torch.inference_mode():
            for begin in range(0, len(some), _BATCH):
                logits = model(**_pieces(tokenizer, some[begin : begin + _BATCH])).logits
                rows.append(torch.softmax(logits.float(), dim=1)[:, 1].numpy())
        return np.concatenate(rows).astype(float)

    splitter = StratifiedShuffleSplit(1, test_size=_HELD_OUT, random_state=seed)
    [(train, held_out)] = splitter.split(np.zeros(len(labels)), labels)
    kept_out = [texts[int(i)] for i in held_out]
    steps = _EPOCHS * -(-len(train) // _BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    random = np.random.default_rng(seed)
    best, best_weights, since = np.inf, None, 0
    for _ in range(_EPOCHS):
        model.train()
        order = random.permutation(train)
        for begin in range(0, len(order), _BATCH):
            rows = order[begin : begin + _BATCH]
            target = torch.tensor(labels[rows].astype(int))
            loss = model(**_pieces(tokenizer, [texts[int(i)] for i in rows]), labels=target).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        now = log_loss(labels[held_out], score(kept_out))
        if now < best:
            best, since = now, 0
            best_weights = {name: value.clone() for name, value in model.state_dict().items()}
        else:
            since += 1
            if since == _PATIENCE:
                break
    model.load_state_dict(best_weights)
    return score


def _pieces(tokenizer: Any, texts: Sequence[str]) -> Any:
    return tokenizer(list(texts), truncation=True, max_length=_PIECES, padding=True, return_tensors="pt")
