"""A GGUF file as a `ChatModel`: the engine as seen from the parent process."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from churn_agent.errors import ModelCallError
from churn_agent.models.base import (
    Capabilities,
    GenerateRequest,
    LabelScores,
    ModelInfo,
    ModelOutput,
    ScoreRequest,
)
from churn_agent.models.gguf.engine import load
from churn_agent.models.gguf.file import check_header, identity
from churn_agent.models.gguf.native import llama_cpp
from churn_agent.models.gguf.scheduler import Counters
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.gguf.vocabulary import Vocabulary
from churn_agent.models.gguf.worker import Worker, WorkerDied

_COUNTED = 10_000
Request = TypeVar("Request", ScoreRequest, GenerateRequest)


class GGUFModel:
    """Runs one GGUF file on this machine, in a separate process that starts with the first request."""

    def __init__(
        self,
        path: Path,
        *,
        model_id: str,
        sha256: str | None,
        context_tokens: int = 4096,
        tuning: Tuning | None = None,
        gpu_layers: int = 0,
        prefix_folder: Path | None = None,
        prefix_bytes: int = 1 << 30,
    ) -> None:
        """Loads only the vocabulary.

        Args:
            path: the GGUF file.
            model_id: the name in records.
            sha256: hash of the file, if known.
            context_tokens: the most tokens in one request.
            tuning: threads, batch size and number formats; defaults if None.
            gpu_layers: layers that run on a GPU.
            prefix_folder: the folder for evaluated prefixes between runs; None keeps none.
            prefix_bytes: the largest size of that folder.

        Raises:
            WeightsMissing: there is no such file.
            BadWeights: the file is not a GGUF, or llama.cpp cannot load it.
            ModelUnavailable: GPU layers are set, but this build does not support GPUs.
        """
        check_header(path)
        self._vocabulary_model = load(path, gpu_layers=gpu_layers, vocabulary_only=True)
        self._vocabulary = Vocabulary(self._vocabulary_model)
        tuning = tuning or Tuning()
        where = f"|gpu {gpu_layers}" if gpu_layers else ""
        build = f"{identity(path, sha256)}|llama-cpp-python {llama_cpp.__version__}|{tuning.affects_answers}{where}"
        self._options = {
            "path": path,
            "context_tokens": context_tokens,
            "tuning": tuning,
            "gpu_layers": gpu_layers,
            "prefix_folder": prefix_folder,
            "prefix_bytes": prefix_bytes,
            "build": build,
        }
        self._running: Worker | None = None
        self._count = lru_cache(maxsize=_COUNTED)(self._count_uncached)
        trained = int(llama_cpp.llama_model_n_ctx_train(self._vocabulary_model))
        self.info = ModelInfo(
            id=model_id,
            sha256=sha256,
            fingerprint=build,
            grammar=f"llguidance {version('llguidance')}",
            capabilities=Capabilities(
                context_tokens=min(context_tokens, trained or context_tokens), max_concurrency=tuning.parallel
            ),
        )

    @property
    def counters(self) -> Counters:
        """Counters of the engine's process, as of the last completed call."""
        return self._running.counters if self._running else Counters()

    @property
    def process_id(self) -> int | None:
        """The engine's process id, once it has started."""
        return self._running.pid if self._running else None

    def count_tokens(self, text: str) -> int:
        """As `ChatModel.count_tokens`."""
        return self._count(text)

    def _count_uncached(self, text: str) -> int:
        return len(self._vocabulary.tokenize(text))

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """As `ChatModel.score_labels`."""
        return self._ask("score", requests, lambda id_, error: LabelScores(id_, error=error))

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        """As `ChatModel.generate`."""
        return self._ask("generate", requests, lambda id_, error: ModelOutput(id_, finish_reason="error", error=error))

    def close(self) -> None:
        """Stops the engine's process."""
        if self._running:
            self._running.kill()
            self._running = None
        if self._vocabulary_model:
            llama_cpp.llama_model_free(self._vocabulary_model)
            self._vocabulary_model = None

    def _ask(self, kind: str, requests: Iterable[Request], fail: Callable[[str, ModelCallError], Any]) -> Iterator[Any]:
        """Streams results. After a crash, the requests in progress are retried one by one."""
        waiting = {request.id: request for request in requests}
        while waiting:
            begun: set[str] = set()
            try:
                yield from self._stream(kind, waiting, begun)
            except WorkerDied:
                for id_ in begun & waiting.keys():
                    alone = {id_: waiting.pop(id_)}
                    try:
                        yield from self._stream(kind, alone, set())
                    except WorkerDied:
                        yield fail(id_, ModelCallError("the engine crashed twice on this request"))
                if not begun:  # it crashed before it began a request: a retry would not help
                    for id_ in waiting:
                        yield fail(id_, ModelCallError("the engine crashed"))
                    return

    def _stream(self, kind: str, waiting: dict[str, Any], begun: set[str]) -> Iterator[Any]:
        """Yields results, removes their requests from `waiting`, and adds the requests in progress to `begun`."""
        worker = self._running = self._running or Worker(self._options)
        finished = False
        try:
            for name, value in worker.stream(kind, list(waiting.values())):
                if name == "begun":
                    begun.add(value)
                else:
                    del waiting[value.id]
                    yield value
            finished = True
        finally:
            if not finished:  # a crash, an interrupt, or the caller stopped: its remaining work is not needed
                worker.kill()
                self._running = None
