"""The plain llama-cpp-python object that benchmarks compare with."""

from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as native
from llama_cpp import Llama

_defaults = native.llama_model_default_params


def _unpacked():  # type: ignore[no-untyped-def]
    params = _defaults()
    params.use_extra_bufts = False
    return params


def open_plain(
    path: Path | str, *, context_tokens: int, threads: int, repacked: bool | None = None, **options: Any
) -> Llama:
    """Opens a model as the documentation of llama-cpp-python does.

    Args:
        repacked: whether weights are repacked for the processor, which `Llama` has no option for. None takes what
            `Llama` does, but on processors with AMX, where it crashes (llama.cpp issue 20824).
        options: more arguments of `Llama`.
    """
    if repacked is None:
        repacked = b"AMX_INT8 = 1" not in native.llama_print_system_info()
    if not repacked:
        native.llama_model_default_params = _unpacked
    try:
        return Llama(
            str(path), n_ctx=context_tokens, n_threads=threads, n_threads_batch=threads, verbose=False, **options
        )
    finally:
        native.llama_model_default_params = _defaults
