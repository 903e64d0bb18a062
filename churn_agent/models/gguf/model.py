"""A GGUF file as a `ChatModel`: the parent's side of the engine."""

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
    """Runs one GGUF file on this machine, in a process of its own that starts with the first request."""

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
        """Loads the vocabulary alone.

        Args:
            context_tokens: most tokens of one request.
            prefix_folder: where evaluated prefixes are kept between runs; None keeps none.
            prefix_bytes: how large that folder may grow.

        Raises:
            WeightsMissing: there is no such file.
            BadWeights: it is not a GGUF, or llama.cpp cannot load it.
            ModelUnavailable: layers on a GPU are asked of a build without one.
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
        self._count = lru_cache(maxsize=_COUNTED)(lambda text: len(self._vocabulary.tokenize(text)))
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
        """What the engine's process has done, as of the last call that ran to its end."""
        return self._running.counters if self._running else Counters()

    @property
    def process_id(self) -> int | None:
        """Of the engine, once it has started."""
        return self._running.pid if self._running else None

    def count_tokens(self, text: str) -> int:
        return self._count(text)

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        return self._ask("score", requests, lambda id_, error: LabelScores(id_, error=error))

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        return self._ask("generate", requests, lambda id_, error: ModelOutput(id_, finish_reason="error", error=error))

    def close(self) -> None:
        """Ends the engine's process."""
        if self._running:
            self._running.kill()
            self._running = None
        if self._vocabulary_model:
            llama_cpp.llama_model_free(self._vocabulary_model)
            self._vocabulary_model = None

    def _ask(self, kind: str, requests: Iterable[Request], fail: Callable[[str, ModelCallError], Any]) -> Iterator[Any]:
        """Streams results. After a crash, requests that were being worked on are tried again alone."""
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
                        yield fail(id_, ModelCallError("the engine crashed on this request, twice"))
                if not begun:  # it died before it did anything: trying the same again leads nowhere
                    for id_ in waiting:
                        yield fail(id_, ModelCallError("the engine crashed"))
                    return

    def _stream(self, kind: str, waiting: dict[str, Any], begun: set[str]) -> Iterator[Any]:
        """Yields results and takes their requests out of `waiting`; notes in `begun` which were worked on."""
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
            if not finished:  # a crash, an interrupt, or nobody wants the rest: what it does now is of no use
                worker.kill()
                self._running = None
