"""A `ChatModel` around another one that requests and pays for every answer only once.

The key is a hash of everything that can change the answer: the request without its id, and the model's fingerprint.
Failed, truncated and invalid answers are never stored.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from more_itertools import chunked
from sqlalchemy import Engine

from churn_agent.errors import StoreUnavailable
from churn_agent.files import strict_json
from churn_agent.history import answers
from churn_agent.models.base import (
    ChatModel,
    GenerateRequest,
    LabelScores,
    ModelOutput,
    ScoreRequest,
    Usage,
    request_key,
)
from churn_agent.models.wrapping import WrappedModel

_LOOK_UP = 200
Request = TypeVar("Request", ScoreRequest, GenerateRequest)
Result = TypeVar("Result", LabelScores, ModelOutput)


class CachedModel(WrappedModel):
    """Returns answers from the store if they are there, and requests the others from `model`."""

    def __init__(self, model: ChatModel, database: Engine, *, most_answers: int = 1_000_000) -> None:
        """Args: most_answers: the most answers to keep; older ones are deleted."""
        super().__init__(model)
        self._database = database
        self._most_answers = most_answers

    def prune(self) -> None:
        """Deletes the oldest answers beyond the limit."""
        with suppress(StoreUnavailable):  # another process is writing, and prunes when it closes
            answers.prune(self._database, self._most_answers)

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """As `ChatModel.score_labels`; cached answers come first."""
        return self._through(
            requests,
            self._model.score_labels,
            to_answer=lambda result: result.log_probabilities if result.error is None else None,
            from_answer=lambda id_, answer: LabelScores(id_, answer),
        )

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        """As `ChatModel.generate`; cached answers come first."""
        return self._through(
            requests,
            self._model.generate,
            to_answer=lambda result: result.text if result.error is None and _is_valid(result) else None,
            from_answer=lambda id_, answer: ModelOutput(id_, answer),
        )

    def _through(
        self,
        requests: Iterable[Request],
        ask: Callable[[Iterable[Request]], Iterator[Result]],
        *,
        to_answer: Callable[[Result], Any],
        from_answer: Callable[[str, Any], Result],
    ) -> Iterator[Result]:
        for batch in chunked(requests, _LOOK_UP):
            keys = {request.id: request_key(request, self.info) for request in batch}
            known = answers.find(self._database, list(keys.values()))
            for request in batch:
                if keys[request.id] in known:
                    yield replace(from_answer(request.id, known[keys[request.id]]), usage=Usage(cached=True))
            for result in ask([request for request in batch if keys[request.id] not in known]):
                answer = to_answer(result)
                if answer is not None and not result.usage.cached:  # cached answers are stored elsewhere
                    answers.keep(self._database, keys[result.id], answer)
                yield result


def _is_valid(output: ModelOutput) -> bool:
    if output.finish_reason != "stop":
        return False
    try:
        strict_json.parse(output.text)
    except ValueError:
        return False
    return True
