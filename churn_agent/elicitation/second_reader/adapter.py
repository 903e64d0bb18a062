"""The trained part of the network in a file of some megabytes: differences to the base in 8 bits, and the heads."""
# torch and safetensors have incomplete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from churn_agent.elicitation.second_reader.network import Network
from churn_agent.errors import ModelUnavailable

_SCALE = ".scale"
_LEVELS = 127


@dataclass(frozen=True)
class Adapter:
    """What the file says of itself."""

    base: str
    """Name of the base model in the catalogue."""
    signals: tuple[str, ...]
    """Ids, in the order of the outputs."""
    command: str
    """The command that trained it."""
    data: Mapping[str, str]
    """File of messages -> its SHA-256."""


def save(path: Path, network: Network, before: Mapping[str, Tensor], about: Adapter) -> None:
    """Writes the differences of the tuned layers to their weights before training, and the heads."""
    tensors: dict[str, Tensor] = {}
    for name, weights in network.tuned_layers.state_dict().items():
        difference = (weights - before[name]).float()
        rows = difference if difference.dim() == 2 else difference[None]
        scale = rows.abs().amax(1).clamp(min=1e-12) / _LEVELS
        tensors[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(difference.shape)
        tensors[name + _SCALE] = scale
    for name, weights in network.heads.state_dict().items():
        tensors[f"heads.{name}"] = weights.half()
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, path, {"about": json.dumps(asdict(about))}
    )


def describe(path: Path) -> Adapter:
    """What the file says of itself. Raises `ModelUnavailable` if it is not such a file."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
        return Adapter(**about | {"signals": tuple(about["signals"])})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelUnavailable(f"{str(path)!r} does not hold a second reader ({error})") from error


def apply(path: Path, network: Network) -> None:
    """Adds the differences to the base's weights and sets the heads. Raises `ModelUnavailable`."""
    try:
        with safe_open(path, "pt") as file, torch.no_grad():
            for name, weights in network.tuned_layers.named_parameters():
                stored = file.get_tensor(name).float()
                scale = file.get_tensor(name + _SCALE)
                weights += (stored if stored.dim() == 2 else stored[None]).mul(scale[:, None]).reshape(weights.shape)
            for name, weights in network.heads.named_parameters():
                weights.copy_(file.get_tensor(f"heads.{name}"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelUnavailable(f"{str(path)!r} does not fit the second reader ({error})") from error


def fingerprint(path: Path) -> str:
    """The first 16 hex digits of the file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
