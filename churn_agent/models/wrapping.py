"""The base of models around another model."""

from collections.abc import Iterable, Iterator

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
