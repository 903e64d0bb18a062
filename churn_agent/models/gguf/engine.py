"""Requests to jobs of the scheduler, on one loaded GGUF. Lives in the worker process."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import llguidance
import llguidance.llamacpp
import numpy as np
from numpy.typing import NDArray

from churn_agent.errors import BadWeights, ModelCallError
from churn_agent.models.base import GenerateRequest, LabelScores, ModelOutput, Question, ScoreRequest, Usage
from churn_agent.models.gguf.context import Context, Logits
from churn_agent.models.gguf.native import llama_cpp
from churn_agent.models.gguf.prefixes import PrefixFiles
from churn_agent.models.gguf.scheduler import SEQUENCES, Feed, Job, Scheduler, Work
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.gguf.vocabulary import Vocabulary

# One way to write each answer: no white space to choose, so every structural token is forced and costs no decision.
_COMPACT_JSON = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}


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
            context_tokens: most tokens of one request.
            prefix_folder: where evaluated prefixes are kept; None keeps none.
            build: what the cells of a prefix depend on beside its tokens.

        Raises:
            BadWeights: llama.cpp cannot load it.
            ModelUnavailable: there is not enough memory.
        """
        self._model = load(path, gpu_layers=gpu_layers)
        self._vocabulary = Vocabulary(self._model)
        trained = int(llama_cpp.llama_model_n_ctx_train(self._model))
        self.context_tokens = min(context_tokens, trained) if trained else context_tokens
        context = Context(
            self._model,
            cells=2 * self.context_tokens,
            sequences=SEQUENCES,
            tuning=tuning,
            vocabulary_size=self._vocabulary.size,
        )
        files = PrefixFiles(prefix_folder, build=build, most_bytes=prefix_bytes)
        self.scheduler = Scheduler(context, files, parallel=tuning.parallel, most_cells=self.context_tokens)

    def score_labels(
        self, requests: Iterable[ScoreRequest], begun: Callable[[str], None] = lambda id_: None
    ) -> Iterator[LabelScores]:
        """Yields scores as they come."""
        return self.scheduler.run((self._score_job(request) for request in requests), begun=begun)

    def generate(
        self, requests: Iterable[GenerateRequest], begun: Callable[[str], None] = lambda id_: None
    ) -> Iterator[ModelOutput]:
        """Yields answers as they come."""
        return self.scheduler.run((self._generate_job(request) for request in requests), begun=begun)

    def close(self) -> None:
        self.scheduler.close()
        llama_cpp.llama_model_free(self._model)

    @cached_property
    def _grammar_tokenizer(self) -> llguidance.LLTokenizer:
        return llguidance.llamacpp.lltokenizer_from_vocab(self._vocabulary.pointer)

    # --- scoring

    def _score_job(self, request: ScoreRequest) -> Job:
        first, *others = (
            self._vocabulary.chat_tokens([*request.shared, ("user", request.context, question.text)])
            for question in request.questions
        )
        prefix = tuple(_joined(first[: len(request.shared)]))
        context = first[len(request.shared)]
        asked = [
            [token for piece in pieces[len(request.shared) + 1 :] for token in piece] for pieces in (first, *others)
        ]
        labels = max(len(self._vocabulary.tokenize(label)) for each in request.questions for label in each.labels)
        return Job(
            id=request.id,
            prefix=prefix,
            writes=False,
            sequences=len(request.questions),
            cells=len(context) + sum(map(len, asked)) + labels,
            begin=lambda sequences, start: self._score(request, context, asked, sequences, start),
            fail=lambda error: LabelScores(request.id, error=error),
        )

    def _score(
        self, request: ScoreRequest, context: list[int], asked: list[list[int]], sequences: tuple[int, ...], start: int
    ) -> Work:
        """The context belongs to the sequences of all questions, so one pass answers them."""
        after = start + len(context)
        feeds = [Feed(context, start, sequences)]
        feeds += [
            Feed(tokens, after, (sequence,), read=self._reader(question))
            for question, tokens, sequence in zip(request.questions, asked, sequences, strict=True)
        ]
        found: list[dict[str, float]] = yield feeds
        for question, tokens, sequence, scores in zip(request.questions, asked, sequences, found, strict=True):
            for label in question.labels:
                yield from self._rest_of_label(label, after + len(tokens), sequence, scores)
        scored = {question.id: scores for question, scores in zip(request.questions, found, strict=True)}
        return LabelScores(request.id, scored, Usage(after + sum(map(len, asked))))

    def _reader(self, question: Question) -> Callable[[Logits], dict[str, float]]:
        first = {label: self._vocabulary.tokenize(label)[0] for label in question.labels}

        def read(logits: Logits) -> dict[str, float]:
            log_probabilities = _log_softmax(logits)
            return {label: float(log_probabilities[token]) for label, token in first.items()}

        return read

    def _rest_of_label(self, label: str, position: int, sequence: int, scores: dict[str, float]) -> Work:
        """Adds the tokens of a label after its first one: the exact log-probability of the whole."""
        tokens = self._vocabulary.tokenize(label)
        for n, token in enumerate(tokens[1:]):
            feed = Feed([tokens[n]], position + n, (sequence,), read=lambda row, t=token: float(_log_softmax(row)[t]))
            [more] = yield [feed]
            scores[label] += more
        if len(tokens) > 1:
            self.scheduler.cut(sequence, position)

    # --- writing

    def _generate_job(self, request: GenerateRequest) -> Job:
        pieces = self._vocabulary.chat_tokens([*request.shared, *request.messages])
        rest = _joined(pieces[len(request.shared) :])
        return Job(
            id=request.id,
            prefix=tuple(_joined(pieces[: len(request.shared)])),
            writes=True,
            sequences=1,
            cells=len(rest) + request.max_tokens + 1,
            begin=lambda sequences, start: self._write(request, rest, sequences, start),
            fail=lambda error: ModelOutput(request.id, finish_reason="error", error=error),
        )

    def _write(self, request: GenerateRequest, rest: list[int], sequences: tuple[int, ...], start: int) -> Work:
        """Decides where the schema leaves a choice; what it forces is evaluated with the next decision."""
        matcher = self._matcher(request.schema)
        random = np.random.default_rng(request.seed)

        def choose(logits: Logits) -> int:
            return _choose(logits, matcher.compute_bitmask(), request.temperature, random)

        output = _forced(matcher)
        position, pending = start, rest + output
        finish = "length"
        while len(output) < request.max_tokens:
            if matcher.is_stopped():
                break
            [token] = yield [Feed(pending, position, sequences, read=choose)]
            if self._vocabulary.is_end(token):
                finish = "stop"
                break
            matcher.consume_token(token)
            position += len(pending)
            pending = [token, *_forced(matcher)]
            output = output + pending
        if matcher.is_error():
            raise ModelCallError(f"constrained decoding failed: {matcher.get_error()}")
        if matcher.is_stopped():
            finish = "stop"
        usage = Usage(start + len(rest), len(output))
        return ModelOutput(request.id, self._grammar_tokenizer.decode_str(output), finish, usage)  # type: ignore[arg-type]

    def _matcher(self, schema: Any) -> llguidance.LLMatcher:
        matcher = llguidance.LLMatcher(self._grammar_tokenizer, _grammar(json.dumps(schema)))
        if matcher.is_error():
            raise ModelCallError(f"the answer's schema cannot be decoded: {matcher.get_error()}")
        return matcher


def load(path: Path, *, gpu_layers: int = 0, vocabulary_only: bool = False) -> Any:
    """Loads a GGUF. Raises `BadWeights`."""
    llama_cpp.llama_log_set(_ignore_log, None)
    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    params.vocab_only = vocabulary_only
    # Weights repacked for AMX crash on some processors (llama.cpp issue 20824); those repacked for AVX-512 read prompts
    # more slowly than the plain ones.
    params.use_extra_bufts = False
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise BadWeights(f"{str(path)!r} cannot be loaded by llama.cpp {llama_cpp.__version__}")
    return model


@lru_cache(maxsize=64)
def _grammar(schema: str) -> str:
    return llguidance.LLMatcher.grammar_from_json_schema(schema, overrides=_COMPACT_JSON)  # type: ignore[arg-type]


def _joined(pieces: Sequence[Sequence[int]]) -> list[int]:
    return [token for piece in pieces for token in piece]


def _forced(matcher: llguidance.LLMatcher) -> list[int]:
    """The tokens that the schema leaves no choice about; they are consumed."""
    if matcher.is_stopped():
        return []
    tokens: Sequence[int] = matcher.compute_ff_tokens()
    if tokens:
        matcher.consume_tokens(list(tokens))
    return list(tokens)


def _choose(logits: Logits, bitmask: bytes, temperature: float, random: np.random.Generator) -> int:
    allowed = np.unpackbits(np.frombuffer(bitmask, np.uint8), count=len(logits), bitorder="little").view(bool)
    if temperature <= 0:
        candidates = np.flatnonzero(allowed)
        return int(candidates[logits[candidates].argmax()])
    masked = np.where(allowed, logits, -np.inf)
    probabilities = np.exp(_log_softmax(masked / temperature))
    return int(random.choice(len(probabilities), p=probabilities / probabilities.sum()))


@llama_cpp.llama_log_callback
def _ignore_log(level: int, text: bytes, user_data: Any) -> None:
    """llama.cpp talks to standard error about every file that it loads; failures come back as return values."""


def _log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    wide -= wide.max()
    return wide - np.log(np.exp(wide).sum())
