"""A BERT encoder fine-tuned to recognise churners by their words: the standard recipe for text classification."""
# scikit-learn has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold

from churn_agent.errors import DataError, ModelUnavailable
from churn_agent.index.embedder import limit_threads
from churn_agent.learning.examples import Examples, Labels
from churn_agent.learning.states import State
from churn_agent.models.folder_safety import check_folder

_EPOCHS = 6
_PATIENCE = 2
"""Training ends after this many epochs without a better loss on the held-out part."""
_PARTS = 7
"""One of these parts is held out."""
_RATE = 5e-5
_BATCH = 16
_PIECES = 128
"""Word pieces of a history that are read: the last ones, which contain the latest words."""


_NOT_LEARNED = "bert.embeddings."
"""Prefix of the names of the weights that stay as they are."""
_PLAIN: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Code in the folder is not run, and the user is not prompted to allow it."""


class FineTunedEncoder(ClassifierMixin, BaseEstimator):
    """`BertForSequenceClassification` (Devlin et al. 2019), fine-tuned from the weights named in the examples.

    Uses AdamW with a learning rate that falls to 0, and keeps the epoch with the least loss on a held-out part of the
    texts.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, examples: Examples, labels: Labels) -> "FineTunedEncoder":
        """Fine-tunes the encoder on the texts of the examples.

        Raises:
            ModelUnavailable: the folder in the examples contains no encoder weights.
            DataError: there are too few examples.
        """
        import torch

        torch.manual_seed(self.seed)
        self.classes_ = np.array([False, True])
        self.tokenizer_, self.model_ = _load(examples.encoder)
        train, held_out = self._held_out(examples, labels)
        held_out_texts = [examples.texts[int(i)] for i in held_out]
        steps = _EPOCHS * -(-len(train) // _BATCH)
        self.model_.bert.embeddings.requires_grad_(False)  # most of the weights, of words that few texts contain
        learning = [weights for weights in self.model_.parameters() if weights.requires_grad]
        optimizer = torch.optim.AdamW(learning, lr=_RATE, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        random = np.random.default_rng(self.seed)
        best, best_weights, since = np.inf, None, 0
        for _ in range(_EPOCHS):
            self.model_.train()
            order = random.permutation(train)
            for begin in range(0, len(order), _BATCH):
                rows = order[begin : begin + _BATCH]
                target = torch.tensor(labels[rows].astype(int))
                loss = self.model_(**self._pieces([examples.texts[int(i)] for i in rows]), labels=target).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model_.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            now = log_loss(labels[held_out], self._probabilities(held_out_texts)[:, 1], labels=[False, True])
            if now < best:
                best, since = now, 0
                best_weights = {name: value.clone() for name, value in self.model_.state_dict().items()}
            else:
                since += 1
                if since == _PATIENCE:
                    break
        self.model_.load_state_dict(best_weights)
        return self

    def _held_out(self, examples: Examples, labels: Labels) -> Any:
        """Rows to learn from, and rows for early stopping: about a seventh, with other customers and other words."""
        parts = min(_PARTS, int(labels.sum()), int((~labels).sum()), len(np.unique(examples.groups)))
        if parts < 2:
            raise DataError(
                f"an encoder cannot be fine-tuned on {len(labels)} samples, {labels.sum()} churned; add labels"
            )
        splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=self.seed)
        return next(splitter.split(np.zeros(len(labels)), labels, examples.groups))

    def state(self) -> State:
        """The weights that were learned. The others and the tokenizer are in the folder of the initial weights."""
        return {
            name: value.detach().numpy()
            for name, value in self.model_.state_dict().items()
            if not name.startswith(_NOT_LEARNED)
        }

    def restore(self, state: State) -> None:
        """Sets the state from the result of `state`."""
        self.restored_ = state
        self.classes_ = np.array([False, True])

    def predict_proba(self, examples: Examples) -> Any:
        """Shape (samples, 2). Raises `ModelUnavailable` if the stored weights are of another encoder."""
        if not hasattr(self, "model_"):
            self.tokenizer_, self.model_ = _load(examples.encoder)
            _fill(self.model_, self.restored_)
        return self._probabilities(examples.texts)

    def _probabilities(self, texts: Sequence[str]) -> Any:
        import torch

        self.model_.eval()
        rows: list[Any] = []
        with torch.inference_mode():
            for begin in range(0, len(texts), _BATCH):
                logits = self.model_(**self._pieces(texts[begin : begin + _BATCH])).logits
                rows.append(torch.softmax(logits.float(), dim=1).numpy())
        return np.concatenate(rows).astype(float)

    def _pieces(self, texts: Sequence[str]) -> Any:
        return self.tokenizer_(list(texts), truncation=True, max_length=_PIECES, padding=True, return_tensors="pt")


def _load(folder: Path | None) -> tuple[Any, Any]:
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification
    from transformers.utils import logging

    if folder is None:
        raise ValueError("the examples name no encoder weights")
    check_folder(folder)
    limit_threads()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return (
            AutoTokenizer.from_pretrained(folder, truncation_side="left", **_PLAIN),
            BertForSequenceClassification.from_pretrained(
                folder, num_labels=2, dtype=torch.float32, use_safetensors=True, **_PLAIN
            ),
        )
    except Exception as error:  # for a truncated or wrong file, several libraries raise their own errors
        raise ModelUnavailable(f"cannot load an encoder from {str(folder)!r}: {error}") from error


def _fill(model: Any, weights: State) -> None:
    import torch

    kept = {name: value for name, value in model.state_dict().items() if name.startswith(_NOT_LEARNED)}
    try:
        model.load_state_dict(kept | {name: torch.from_numpy(value) for name, value in weights.items()})
    except (RuntimeError, TypeError) as error:
        raise ModelUnavailable("the stored weights are not of this encoder; run: churn-agent train encoder") from error
