"""Validates chat completions of an OpenAI-compatible server; the SDK's own types accept any content."""

import math
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from churn_agent.errors import InvalidAnswer
from churn_agent.files import strict_json
from churn_agent.models.base import FinishReason, ModelOutput, Question, Usage

_BELOW_TOP = -20.0
"""Upper bound of the log-probability of a label that was not returned: e^-20."""


class _Alternative(BaseModel):
    token: str
    logprob: Annotated[float, Field(le=1, allow_inf_nan=False)]  # rounding may give slightly more than 0


class _Token(BaseModel):
    top_logprobs: list[_Alternative] = []


class _LogProbabilities(BaseModel):
    content: list[_Token] | None = None


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    finish_reason: str | None = None
    message: _Message
    logprobs: _LogProbabilities | None = None


class _Tokens(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Completion(BaseModel):
    """An answer; only the fields in use."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    tokens: Annotated[_Tokens | None, Field(alias="usage")] = None

    @property
    def usage(self) -> Usage:
        """Tokens that the request cost, if the server reports them."""
        tokens = self.tokens or _Tokens()
        return Usage(tokens.prompt_tokens or 0, tokens.completion_tokens or 0)


def to_completion(content: bytes) -> Completion:
    """Raises `InvalidAnswer` for anything but a chat completion."""
    try:
        return Completion.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole answer"
        raise InvalidAnswer(f"the API's answer is not a chat completion: {where}: {first['msg']}") from error


def to_output(request_id: str, answer: Completion) -> ModelOutput:
    """Raises `InvalidAnswer` if the answer does not contain JSON."""
    choice = answer.choices[0]
    text = choice.message.content or ""
    finish: FinishReason = "length" if choice.finish_reason == "length" else "stop"
    if finish == "stop":
        try:
            strict_json.parse(text)
        except ValueError as error:
            raise InvalidAnswer(f"the API's answer is not JSON, although a schema was requested: {error}") from error
    return ModelOutput(request_id, text, finish, answer.usage)


def to_label_scores(question: Question, answer: Completion) -> dict[str, float]:
    """Log-probability of each label, from the alternatives of the first token.

    Raises:
        InvalidAnswer: the server returns no log-probabilities, or none for any of the labels.
    """
    first = answer.choices[0].logprobs
    if first is None or not first.content:
        raise InvalidAnswer("the API does not return log-probabilities; use mode 'explain' or another server")
    alternatives = [
        (alternative.token.strip(), max(alternative.logprob, _BELOW_TOP))
        for alternative in first.content[0].top_logprobs
    ]
    scores = dict.fromkeys(question.labels, _BELOW_TOP)
    for label in question.labels:
        mass = [value for token, value in alternatives if token and label.startswith(token)]
        if mass:
            scores[label] = math.log(sum(math.exp(value) for value in mass))
    if all(value == _BELOW_TOP for value in scores.values()):
        raise InvalidAnswer(f"the model did not answer with one of {', '.join(question.labels)}")
    return scores
