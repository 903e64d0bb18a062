"""Trains the second reader on messages with gold signals."""
# torch and safetensors have incomplete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from churn_agent.elicitation.second_reader.messages import LEANINGS, TONES, GoldMessage
from churn_agent.elicitation.second_reader.network import Network, Outputs, padded

_RATE, _RATE_OF_HEADS = 1e-4, 1e-3
_WARM_UP = 0.08
"""Share of the steps in which the learning rate rises; then it falls to 0."""
_DROPOUT = 0.1
_SIGNALS, _PIECES, _LEANING, _TONE = 0.5, 0.5, 0.5, 0.3
"""Weights of the parts of the loss."""
_UNKNOWN = -1
"""Number of a leaning or tone that nobody was asked about."""
_PIECES_A_STEP = 1536
_LENGTHS = 16, 24, 32, 48, 64, 96, 128, 192, 256
"""Texts are padded to these lengths, so that the processor's kernels are built once."""

Report = Callable[[int, float], None]
"""Called with the epoch, from 1, and its mean loss."""


@dataclass(frozen=True)
class _Example:
    ids: list[int]
    signals: Tensor
    judged: Tensor
    """1 for signals that count in the loss, 0 for those that nobody was asked about."""
    pieces: Tensor
    leaning: int
    tone: int
    hidden: Tensor | None = None
    """Its hidden states before the tuned layers, which never change."""

    @property
    def length(self) -> int:
        return next(length for length in _LENGTHS if len(self.ids) <= length)


def train(
    network: Network, messages: Sequence[GoldMessage], signals: Sequence[str], *, epochs: int, seed: int, report: Report
) -> None:
    """Fine-tunes the last layers and the heads (AdamW, one learning rate for each).

    Args:
        network: the network with the base's weights; it is changed.
        messages: signals of theirs that are not among `signals` are ignored.
        signals: ids, in the order of the network's outputs.
        epochs: passes over the messages.
        seed: of the order and of dropout.
        report: called after each epoch.
    """
    shuffling = random.Random(seed)  # noqa: S311
    torch.manual_seed(seed)
    network.requires_grad_(False)
    network.tuned_layers.requires_grad_(True)
    network.heads.requires_grad_(True)
    examples = list(_with_hidden(network, [_example(network, message, signals) for message in messages]))
    steps = epochs * len(list(_batches(examples, shuffling)))
    optimiser = torch.optim.AdamW(
        [
            {"params": list(network.tuned_layers.parameters()), "lr": _RATE},
            {"params": list(network.heads.parameters()), "lr": _RATE_OF_HEADS},
        ],
        weight_decay=0.01,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / (_WARM_UP * steps)) * (1 - step / steps)
    )
    for epoch in range(1, epochs + 1):
        losses: list[float] = []
        for batch in _batches(examples, shuffling):
            loss = _loss(*_forward(network, batch), batch)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([parameter for parameter in network.parameters() if parameter.requires_grad], 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        report(epoch, sum(losses) / len(losses))


def _example(network: Network, message: GoldMessage, signals: Sequence[str]) -> _Example:
    renaming = message.renaming
    [(ids, places)] = network.tokenize([renaming.text])
    shown, pieces = torch.zeros(len(signals)), torch.zeros(len(ids), len(signals))
    for signal in message.signals:
        if signal.id not in signals:
            continue
        at = signals.index(signal.id)
        shown[at] = 1
        start = message.text.find(signal.quote)
        for piece, (begin, end) in enumerate(places):
            # By its last character: a piece begins with the blank before it.
            if begin < end and start <= renaming.original(end - 1) < start + len(signal.quote):
                pieces[piece, at] = 1
    judged = torch.tensor([float(message.judged is None or id_ in message.judged) for id_ in signals])
    leaning = LEANINGS.index(message.leaning) if message.leaning else _UNKNOWN
    return _Example(ids, shown, judged, pieces, leaning, TONES.index(message.tone) if message.tone else _UNKNOWN)


def _with_hidden(network: Network, examples: Sequence[_Example]) -> Iterator[_Example]:
    """The examples with their hidden states before the tuned layers."""
    network.eval()
    layers = network.encoder.encoder.layer
    network.encoder.encoder.layer = layers[: len(layers) - len(network.tuned_layers)]
    for batch in _batches(examples):
        ids, mask = padded([item.ids for item in batch], network.tokenizer.pad_token_id, batch[0].length)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            states = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        for example, hidden in zip(batch, states.bfloat16(), strict=True):
            yield _Example(**vars(example) | {"hidden": hidden[: len(example.ids)].clone()})
    network.encoder.encoder.layer = layers


def _batches(examples: Sequence[_Example], shuffling: random.Random | None = None) -> Iterator[list[_Example]]:
    """Examples of one length together, in random order if asked."""
    by_length: dict[int, list[_Example]] = {}
    for example in examples:
        by_length.setdefault(example.length, []).append(example)
    batches: list[list[_Example]] = []
    for length, group in by_length.items():
        if shuffling:
            shuffling.shuffle(group)
        size = _PIECES_A_STEP // length
        batches += [group[i : i + size] for i in range(0, len(group), size)]
    if shuffling:
        shuffling.shuffle(batches)
    yield from batches


def _forward(network: Network, batch: Sequence[_Example]) -> tuple[Outputs, Tensor]:
    """The outputs, and the mask of the pieces."""
    length = batch[0].length
    _, mask = padded([example.ids for example in batch], 0, length)
    hidden = torch.stack(
        [
            functional.pad(example.hidden, (0, 0, 0, length - len(example.ids)))
            for example in batch
            if example.hidden is not None
        ]
    )
    ignored = torch.where(mask[:, None, None, :] > 0, 0.0, -1e4).bfloat16()
    for layer in network.tuned_layers:
        hidden = _through(layer, hidden, ignored, network.encoder.config.num_attention_heads)
    return network.heads(functional.dropout(hidden.float(), _DROPOUT), mask), mask


def _through(layer: Any, hidden: Tensor, ignored: Tensor, heads: int) -> Tensor:
    """One BERT layer in bfloat16, with weights in full precision; the library's own takes twice as long to train."""

    def linear(module: nn.Linear, x: Tensor) -> Tensor:
        return functional.linear(x, module.weight.bfloat16(), module.bias.bfloat16())

    def norm(module: nn.LayerNorm, x: Tensor) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:], module.weight.bfloat16(), module.bias.bfloat16(), module.eps)

    attention, inner = layer.attention.self, layer.intermediate.dense
    query, key, value = (
        linear(module, hidden).unflatten(-1, (heads, -1)).transpose(1, 2)
        for module in (attention.query, attention.key, attention.value)
    )
    weights = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + ignored).softmax(-1)
    context = linear(layer.attention.output.dense, (weights @ value).transpose(1, 2).flatten(2))
    hidden = norm(layer.attention.output.LayerNorm, hidden + functional.dropout(context, _DROPOUT))
    changed = linear(layer.output.dense, functional.gelu(linear(inner, hidden)))
    return norm(layer.output.LayerNorm, hidden + functional.dropout(changed, _DROPOUT))


def _loss(outputs: Outputs, mask: Tensor, batch: Sequence[_Example]) -> Tensor:
    length = mask.shape[1]
    shown = torch.stack([functional.pad(example.pieces, (0, 0, 0, length - len(example.ids))) for example in batch])
    judged = torch.stack([example.judged for example in batch])
    of_signals = functional.binary_cross_entropy_with_logits(
        outputs.signals, torch.stack([example.signals for example in batch]), judged, reduction="sum"
    )
    # Where not all signals were judged, nobody marked the words that show them.
    marked = mask[..., None] * judged.all(dim=1)[:, None, None]
    of_pieces = functional.binary_cross_entropy_with_logits(outputs.pieces, shown, reduction="none") * marked
    return (
        _SIGNALS * of_signals / len(batch)
        + _PIECES * of_pieces.sum() / mask.sum()
        + _LEANING * _where_known(outputs.leaning, [example.leaning for example in batch])
        + _TONE * _where_known(outputs.tone, [example.tone for example in batch])
    )


def _where_known(outputs: Tensor, wanted: Sequence[int]) -> Tensor:
    """Mean cross-entropy over the messages of which it is known; 0 without any."""
    loss = functional.cross_entropy(outputs, torch.tensor(wanted), ignore_index=_UNKNOWN, reduction="sum")
    return loss / max(1, sum(index != _UNKNOWN for index in wanted))
