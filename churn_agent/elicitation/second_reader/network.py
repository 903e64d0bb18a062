"""The network: an encoder whose last layers are fine-tuned, and small heads over its hidden states.

Each signal has its own attention over the word pieces (label-wise attention: Mullenbach et al. 2018,
"Explainable Prediction of Medical Codes from Clinical Text"), so that long messages do not wash out a clause. A second
head marks the pieces that show each signal.
"""
# transformers has incomplete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from churn_agent.elicitation.second_reader.messages import LEANINGS, TONES
from churn_agent.errors import ModelUnavailable
from churn_agent.models.folder_safety import check_folder

TUNED_LAYERS = 5
"""The last layers, whose weights are trained; those of the others are the base model's."""
PIECES = 256
"""Most word pieces of a part of a text."""
_PREFIX = "query: "
_MASKED = -1e4
_RARE = -3.0, -4.0
"""Biases that make signals, and pieces that show one, rare before training."""


class Outputs(NamedTuple):
    """Log-odds, or logits of classes, for a batch of texts."""

    signals: Tensor
    """Shape (texts, signals)."""
    pieces: Tensor
    """Shape (texts, pieces, signals)."""
    leaning: Tensor
    """Shape (texts, leanings)."""
    tone: Tensor
    """Shape (texts, tones)."""


class Heads(nn.Module):
    """Signals, the pieces that show them, leaning and tone, from hidden states of shape (texts, pieces, width)."""

    def __init__(self, width: int, signals: int) -> None:
        super().__init__()
        rare, rare_piece = _RARE
        self.attention = nn.Linear(width, signals)
        self.value = nn.Parameter(torch.randn(signals, width) * 0.02)
        self.bias = nn.Parameter(torch.full((signals,), rare))
        self.pieces = nn.Linear(width, signals)
        nn.init.constant_(self.pieces.bias, rare_piece)
        self.pooling = nn.Linear(width, 2)
        self.leaning = nn.Linear(width, len(LEANINGS))
        self.tone = nn.Linear(width, len(TONES))

    def forward(self, hidden: Tensor, mask: Tensor) -> Outputs:
        """`mask` has shape (texts, pieces): 1 for pieces of the text, 0 for padding."""
        padding = (mask == 0)[..., None]
        weights = self.attention(hidden).masked_fill(padding, _MASKED).softmax(1)
        pooled = torch.einsum("tps,tpw->tsw", weights, hidden)
        whole = torch.einsum("tpk,tpw->tkw", self.pooling(hidden).masked_fill(padding, _MASKED).softmax(1), hidden)
        return Outputs(
            (pooled * self.value).sum(-1) + self.bias,
            self.pieces(hidden),
            self.leaning(whole[:, 0]),
            self.tone(whole[:, 1]),
        )


class Network(nn.Module):
    """The encoder and the heads."""

    def __init__(self, base: Path, signals: int) -> None:
        """Loads the base model.

        Raises:
            BadWeights: the folder would run code.
            ModelUnavailable: it cannot be loaded.
        """
        super().__init__()
        check_folder(base)
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        logging.set_verbosity_error()  # the pooler, which is not used, is missing from the weights
        plain: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            # `eager`: with short texts the fused attention is several times slower in training.
            self.encoder: Any = AutoModel.from_pretrained(
                str(base), dtype=torch.float32, attn_implementation="eager", add_pooling_layer=False, **plain
            )
            self.tokenizer: Any = AutoTokenizer.from_pretrained(str(base), **plain)
        except Exception as error:  # several libraries raise their own errors for damaged files
            raise ModelUnavailable(f"cannot load the second reader's base in {str(base)!r}: {error}") from error
        self.heads = Heads(int(self.encoder.config.hidden_size), signals)

    @property
    def tuned_layers(self) -> nn.ModuleList:
        """The layers that are trained."""
        return self.encoder.encoder.layer[-TUNED_LAYERS:]

    def tokenize(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """For each text the ids of its first pieces, and their places in it: (start, end), (0, 0) for marks."""
        encoded = self.tokenizer(
            [_PREFIX + text for text in texts], truncation=True, max_length=PIECES, return_offsets_mapping=True
        )
        at = len(_PREFIX)
        return [
            (ids, [(max(0, start - at), max(0, end - at)) for start, end in places])
            for ids, places in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        ]

    def forward(self, ids: Tensor, mask: Tensor) -> Outputs:
        """`ids` and `mask` have shape (texts, pieces)."""
        return self.heads(self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.float(), mask)


def padded(rows: Sequence[Sequence[int]], padding: int, length: int) -> tuple[Tensor, Tensor]:
    """Ids and mask of shape (texts, length)."""
    ids = torch.full((len(rows), length), padding)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask
