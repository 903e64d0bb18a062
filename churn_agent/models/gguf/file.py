"""Checks whether a file is a GGUF that is safe to pass to the native library.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
import subprocess
import sys
from pathlib import Path

from churn_agent.errors import BadWeights, WeightsMissing

_HEADER = struct.Struct("<4sIQQ")  # magic, version, tensor count, metadata count
_SMALLEST_TENSOR_ENTRY = 32
_SMALLEST_METADATA_ENTRY = 13
_PROBE = """
import sys, llama_cpp
llama_cpp.llama_backend_init()
params = llama_cpp.llama_model_default_params()
model = llama_cpp.llama_model_load_from_file(sys.argv[1].encode(), params)
sys.exit(0 if model else 3)
"""


def check_header(path: Path) -> None:
    """Raises `WeightsMissing` or `BadWeights` unless the file has the header of a GGUF and a plausible size."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
    except OSError as error:
        raise WeightsMissing(f"cannot read the model file {str(path)!r}: {error.strerror}") from error
    if head.startswith(b"version https://git-lfs"):
        raise BadWeights(f"{str(path)!r} is a Git LFS pointer, not a model; fetch the file itself (git lfs pull)")
    if len(head) < _HEADER.size:
        raise BadWeights(f"{str(path)!r} is not a GGUF model: it has {size} bytes")
    magic, version, tensors, metadata = _HEADER.unpack(head)
    if magic == b"FUGG":
        raise BadWeights(f"{str(path)!r} is a big-endian GGUF; use the little-endian file")
    if magic != b"GGUF":
        raise BadWeights(f"{str(path)!r} is not a GGUF model: it starts with {magic!r}")
    if version not in (2, 3):
        raise BadWeights(f"{str(path)!r} has GGUF version {version}; use a file with version 2 or 3")
    if tensors == 0 or tensors * _SMALLEST_TENSOR_ENTRY + metadata * _SMALLEST_METADATA_ENTRY > size:
        raise BadWeights(f"{str(path)!r} is damaged: {tensors} tensors do not fit in {size} bytes")


def identity(path: Path, sha256: str | None) -> str:
    """The identity of a file: its hash, or its path and modification time."""
    return sha256 or f"{path.resolve()} {path.stat().st_mtime_ns}"


def probe(path: Path) -> None:
    """Loads the file in a child process first, so that a crash of native code becomes an error here.

    Raises:
        BadWeights: the child could not load the file, or died.
    """
    check_header(path)
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PROBE, str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line.casefold()]
        detail = f" ({errors[0].strip()[:200]})" if errors else ""
        raise BadWeights(f"{str(path)!r} cannot be loaded as a model{detail}")
