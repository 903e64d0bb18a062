"""Turns requests into results on one loaded GGUF. Runs in the worker process."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from churn_agent.errors import BadWeights, ModelUnavailable
from churn_agent.models.base import GenerateRequest, LabelScores, ModelOutput, ScoreRequest
from churn_agent.models.gguf.context import Context
from churn_agent.models.gguf.native import llama_cpp
from churn_agent.models.gguf.prefixes import PrefixFiles
from churn_agent.models.gguf.scheduler import SEQUENCES, Counters, Scheduler
from churn_agent.models.gguf.scoring import score_job
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.gguf.vocabulary import Vocabulary
from churn_agent.models.gguf.writing import Writer


class Engine:
    """One GGUF file, loaded and ready."""

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int,
        tuning: Tuning,
        gpu_layers: int = 0,
        prefix_folder: Path | None = None,
        prefix_bytes: int = 0,
        build: str = "",
    ) -> None:
        """Loads the weights (memory-mapped).

        Args:
            path: the GGUF file.
            context_tokens: the most tokens in one request.
            tuning: threads, batch size and number formats.
            gpu_layers: layers that run on a GPU.
            prefix_folder: the folder for evaluated prefixes; None keeps none.
            prefix_bytes: the largest size of the folder of prefixes.
            build: everything besides the tokens that the cells of a prefix depend on.

        Raises:
            BadWeights: llama.cpp cannot load the file.
            ModelUnavailable: there is not enough memory, or GPU layers are set for a build without GPU support.
        """
        self._model, self._gpu = load(path, gpu_layers=gpu_layers), gpu_layers != 0
        self._vocabulary = Vocabulary(self._model)
        trained = int(llama_cpp.llama_model_n_ctx_train(self._model))
        self.context_tokens = min(context_tokens, trained) if trained else context_tokens
        self._tuning = tuning
        self._prefix_folder, self._prefix_bytes, self._build = prefix_folder, prefix_bytes, build
        self.counters = Counters()
        self._writer = Writer(self._vocabulary, self.counters)
        self._open: tuple[bool, Scheduler] | None = None
        """The scheduler in use, and whether its context is exact."""

    def score_labels(
        self, requests: Iterable[ScoreRequest], begun: Callable[[str], None] = lambda id_: None
    ) -> Iterator[LabelScores]:
        """Yields scores as they are ready."""
        scheduler = self._scheduler(cells=self.context_tokens, exact=True, parallel=None)
        return scheduler.run((score_job(self._vocabulary, request) for request in requests), begun=begun)

    def generate(
        self, requests: Iterable[GenerateRequest], begun: Callable[[str], None] = lambda id_: None
    ) -> Iterator[ModelOutput]:
        """Yields answers as they are ready."""
        scheduler = self._scheduler(cells=2 * self.context_tokens, exact=False, parallel=self._tuning.parallel)
        return scheduler.run((self._writer.job(request) for request in requests), begun=begun)

    def close(self) -> None:
        """Frees the context and the weights."""
        if self._open:
            self._open[1].close()
        llama_cpp.llama_model_free(self._model)

    def _scheduler(self, *, cells: int, exact: bool, parallel: int | None) -> Scheduler:
        """A scheduler with a context for scores or for answers. Only one is open: two would need too much memory."""
        if self._open and self._open[0] == exact:
            return self._open[1]
        if self._open:
            self._open[1].close()
        self._open = None
        context = Context(
            self._model,
            cells=cells,
            sequences=SEQUENCES,
            tuning=self._tuning,
            vocabulary_size=self._vocabulary.size,
            exact=exact,
            gpu=self._gpu,
        )
        files = PrefixFiles(
            self._prefix_folder, build=f"{self._build}|{context.kv_type}", most_bytes=self._prefix_bytes
        )
        scheduler = Scheduler(context, files, self.counters, parallel=parallel, most_cells=self.context_tokens)
        self._open = exact, scheduler
        return scheduler


def load(path: Path, *, gpu_layers: int = 0, vocabulary_only: bool = False) -> Any:
    """Loads a GGUF.

    Raises:
        BadWeights: llama.cpp cannot load the file.
        ModelUnavailable: GPU layers are set, but this build does not support GPUs.
    """
    if gpu_layers and not llama_cpp.llama_supports_gpu_offload():
        raise ModelUnavailable(
            f"CHURN_AGENT_GPU_LAYERS is {gpu_layers}, but this llama-cpp-python has no GPU support; rebuild it "
            '(CMAKE_ARGS="-DGGML_CUDA=ON" pip install --force-reinstall --no-cache-dir '
            f"llama-cpp-python=={llama_cpp.__version__}), or set CHURN_AGENT_GPU_LAYERS to 0"
        )
    llama_cpp.llama_log_set(_ignore_log, None)
    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    params.vocab_only = vocabulary_only
    # Weights repacked for AMX crash on some processors (llama.cpp issue 20824). Weights repacked for AVX-512 read
    # prompts more slowly than plain ones.
    params.use_extra_bufts = False
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise BadWeights(f"{str(path)!r} cannot be loaded by llama.cpp {llama_cpp.__version__}")
    return model


@llama_cpp.llama_log_callback
def _ignore_log(level: int, text: bytes, user_data: Any) -> None:
    """Drops llama.cpp's log of every file that it loads; failures are return values."""
