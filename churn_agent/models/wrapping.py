"""The base of models around another model."""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Never, Self

from churn_agent.errors import AnswerNotStored
from churn_agent.models.base import ChatModel, GenerateRequest, LabelScores, ModelInfo, ModelOutput, ScoreRequest


class WrappedModel:
    """A `ChatModel` that passes everything to another one. Subclasses change what they need to."""

    def __init__(self, model: ChatModel) -> None:
        """Args: model: the model to pass requests to. It is closed with this one."""
        self._model = model

    @property
    def info(self) -> ModelInfo:
        """The identity of the wrapped model."""
        return self._model.info

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """As `ChatModel.score_labels`."""
        return self._model.score_labels(requests)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        """As `ChatModel.generate`."""
        return self._model.generate(requests)

    def count_tokens(self, text: str) -> int:
        """As `ChatModel.count_tokens`."""
        return self._model.count_tokens(text)

    def close(self) -> None:
        """Closes the wrapped model."""
        self._model.close()

    def without_asking(self) -> Self:
        """This model with stored answers alone: other requests raise `AnswerNotStored`.

        It does not have to be closed.
        """
        twin = copy(self)
        inner = self._model
        twin._model = inner.without_asking() if isinstance(inner, WrappedModel) else _Unasked(inner)
        return twin


class _Unasked(WrappedModel):
    """A model that is not asked."""

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        """Raises `AnswerNotStored` if there is a request."""
        yield from _refused(requests)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        """Raises `AnswerNotStored` if there is a request."""
        yield from _refused(requests)


def _refused(requests: Iterable[object]) -> Iterator[Never]:
    for _ in requests:
        raise AnswerNotStored("the model's answer is not stored")
    return iter(())
