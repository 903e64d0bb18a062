"""Refuses model folders that would run code or unpickle objects, before they are loaded. They may contain only data.

sentence-transformers imports the classes named in `modules.json`, and transformers those named in `auto_map`. Both do
so only if told to trust the model. This check does not rely on that, and it names the file. Pickled weights can contain
instructions for the reader; safetensors files cannot.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from churn_agent.errors import BadWeights
from churn_agent.files import strict_json

_MODULES = "modules.json"
_MODULE = re.compile(
    r"sentence_transformers\.(models|base\.modules|sentence_transformer\.modules)(\.\w+)?"
    r"\.(Transformer|Pooling|Normalize|Dense|LayerNorm)"
)
"""Modules of a text embedder, by their names in all versions of sentence-transformers."""
_ACTIVATION = "torch.nn.modules.activation."
_CODE = {".py", ".pyc", ".so", ".pyd"}
_PICKLED = {".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"}
_FORBIDDEN = {"auto_map", "custom_pipelines", "trust_remote_code"}
"""Configuration keys that name code or request that it is trusted."""


def check_folder(folder: Path) -> None:
    """Checks everything that loading the model in a folder would read.

    Raises:
        BadWeights: the folder contains, names or pickles code, or its configuration cannot be read.
    """
    modules = folder / _MODULES
    for part in dict.fromkeys([folder, *(_modules(modules) if modules.exists() else ())]):
        if part.is_dir():
            _check_files(part)


def _modules(path: Path) -> Iterable[Path]:
    """The folders of a model's modules. The types of the modules are checked."""
    modules = _load(path)
    if not isinstance(modules, list):
        raise _refused(path, "it is not a list of modules")
    for module in cast("list[Any]", modules):
        entry = cast("dict[Any, Any]", module) if isinstance(module, dict) else {}
        kind = entry.get("type")
        if not isinstance(kind, str) or not _MODULE.fullmatch(kind):
            raise _refused(path, f"the module {kind!r} is not one of sentence-transformers' text embedding modules")
        part = path.parent / str(entry.get("path", ""))
        if not part.resolve().is_relative_to(path.parent.resolve()):
            raise _refused(path, f"the module in {str(part)!r} is outside the folder")
        yield part


def _check_files(folder: Path) -> None:
    try:
        files = sorted(path for path in folder.iterdir() if not path.is_dir())
    except OSError as error:
        raise _refused(folder, error.strerror or str(error)) from error
    safe = any(path.suffix == ".safetensors" for path in files)
    for path in files:
        if path.suffix in _CODE:
            raise _refused(path, "it is code; remove it if the model works without it")
        if path.suffix in _PICKLED and not safe:
            raise _refused(path, "pickled weights can run code; use the model's safetensors file")
        if path.name == "adapter_config.json":
            raise _refused(path, "an adapter loads another model; merge the two and save them as safetensors")
        if path.suffix == ".json" and "config" in path.name:
            _check_configuration(path)


def _check_configuration(path: Path) -> None:
    for key, value in _items(_load(path)):
        if key in _FORBIDDEN:
            raise _refused(path, f"{key!r} requests that code is run")
        if key == "activation_function" and not str(value).startswith(_ACTIVATION) and "." in str(value):
            raise _refused(path, f"the activation function {value!r} is not part of torch")


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    """All keys of a JSON document, at any depth, with their values."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield key, inner
            yield from _items(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _items(inner)


def _load(path: Path) -> Any:
    try:
        return strict_json.parse(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _refused(path, f"it cannot be read ({error})") from error


def _refused(path: Path, reason: str) -> BadWeights:
    return BadWeights(f"the model folder is not loaded because of {str(path)!r}: {reason}")
