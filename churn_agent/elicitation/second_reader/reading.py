"""Reads messages with the trained network."""
# torch and safetensors have incomplete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch

from churn_agent.elicitation.second_reader import adapter
from churn_agent.elicitation.second_reader.messages import LEANINGS, TONES, Leaning, Tone
from churn_agent.elicitation.second_reader.network import PIECES, Network, padded
from churn_agent.index.embedder import bfloat16_pays, limit_threads
from churn_agent.models import weights

SHIPPED = Path(__file__).with_name("shipped.safetensors")
"""The file of the shipped second reader; how it was trained is stated in it."""
_PIECES_A_BATCH = 2048
_OVERLAP = 32
"""Word pieces that neighbouring parts of a long text share."""

_Part = tuple[int, list[int], list[tuple[int, int]]]
"""Number of the text, ids of the pieces, and their places in the text."""


@dataclass(frozen=True)
class SecondReading:
    """The probabilities of one text."""

    signals: Mapping[str, float]
    """Signal id -> probability that the text shows it."""
    places: Mapping[str, int]
    """Signal id -> position in the text of the last character of the word piece that shows it most."""
    leaning: Mapping[Leaning, float]
    tone: Mapping[Tone, float]


class SecondReader:
    """A trained network; it is loaded when it is first used."""

    def __init__(self, models_dir: Path, path: Path = SHIPPED) -> None:
        """Raises `ModelUnavailable` for another kind of file, `WeightsMissing` without the base."""
        self.about = adapter.describe(path)
        self.id = adapter.fingerprint(path)
        self._path = path
        self._base = weights.find(self.about.base, models_dir)

    @cached_property
    def _network(self) -> Network:
        limit_threads()
        network = Network(self._base, len(self.about.signals))
        adapter.apply(self._path, network)
        if bfloat16_pays():
            network.encoder.bfloat16()
        return network.eval()

    def read(self, texts: Sequence[str]) -> list[SecondReading]:
        """Reads texts in which companies have invented names; of a long text, each signal where it is clearest."""
        parts = [(i, *part) for i, text in enumerate(texts) for part in self._parts(text)]
        parts.sort(key=lambda part: len(part[1]))
        readings_by_text: list[list[SecondReading]] = [[] for _ in texts]
        for batch in _batches(parts):
            ids, mask = padded([ids for _, ids, _ in batch], self._network.tokenizer.pad_token_id, len(batch[-1][1]))
            with torch.inference_mode():
                outputs = self._network(ids, mask)
            signals = outputs.signals.sigmoid().numpy()
            words, _ = padded([[end for _, end in places] for _, _, places in batch], 0, ids.shape[1])  # 0 for marks
            clearest = outputs.pieces.masked_fill((words == 0)[..., None], -np.inf).argmax(1).numpy()
            leaning, tone = outputs.leaning.softmax(1).numpy(), outputs.tone.softmax(1).numpy()
            for row, (i, _, places) in enumerate(batch):
                readings_by_text[i].append(
                    SecondReading(
                        signals=dict(zip(self.about.signals, map(float, signals[row]), strict=True)),
                        places={
                            id_: max(0, places[piece][1] - 1)
                            for id_, piece in zip(self.about.signals, clearest[row], strict=True)
                        },
                        leaning=dict(zip(LEANINGS, map(float, leaning[row]), strict=True)),
                        tone=dict(zip(TONES, map(float, tone[row]), strict=True)),
                    )
                )
        return [_merged(readings) for readings in readings_by_text]

    def _parts(self, text: str) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Ids and places of the pieces of each part of a text."""
        parts = self._network.tokenize([text])
        start = 0
        while len(parts[-1][0]) == PIECES:
            _, places = parts[-1]
            following = places[-_OVERLAP][0]
            if following <= start:
                break
            start = following
            [(ids, places)] = self._network.tokenize([text[start:]])
            parts.append((ids, [(start + begin, start + end) for begin, end in places]))
        return parts


@cache
def opened(models_dir: Path) -> SecondReader:
    """The shipped second reader, loaded once a process. Raises like `SecondReader`."""
    return SecondReader(models_dir)


def _batches(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Parts of similar lengths together, the longest of a batch last."""
    batches: list[list[_Part]] = []
    for part in parts:
        if batches and (len(batches[-1]) + 1) * len(part[1]) <= _PIECES_A_BATCH:
            batches[-1].append(part)
        else:
            batches.append([part])
    return batches


def _merged(parts: Sequence[SecondReading]) -> SecondReading:
    """Each signal from the part that shows it most; leaning and tone from the part with the clearest leaning."""
    if len(parts) == 1:
        return parts[0]
    best = {id_: max(parts, key=lambda part, id_=id_: part.signals[id_]) for id_ in parts[0].signals}
    clearest = min(parts, key=lambda part: part.leaning["none"])
    return SecondReading(
        {id_: part.signals[id_] for id_, part in best.items()},
        {id_: part.places[id_] for id_, part in best.items()},
        clearest.leaning,
        min(parts, key=lambda part: part.tone["neutral"]).tone,
    )
