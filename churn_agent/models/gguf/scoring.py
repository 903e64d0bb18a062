"""Turns score requests into jobs: one pass over a context, forks for its questions, and forks for long labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from churn_agent.models.base import LabelScores, Question, ScoreRequest, Usage
from churn_agent.models.gguf.context import Logits
from churn_agent.models.gguf.scheduler import Feed, Job, Work
from churn_agent.models.gguf.vocabulary import Vocabulary, first_own_piece, joined


@dataclass(frozen=True)
class _TokenizedQuestion:
    """A question in tokens."""

    question: Question
    tokens: list[int]
    labels: Mapping[str, list[int]]

    @property
    def long_labels(self) -> dict[str, list[int]]:
        """Labels of several tokens. Each needs its own fork after the question."""
        return {label: tokens for label, tokens in self.labels.items() if len(tokens) > 1}

    @property
    def sequences(self) -> int:
        return 1 + len(self.long_labels)

    @property
    def cells(self) -> int:
        return len(self.tokens) + sum(len(tokens) - 1 for tokens in self.long_labels.values())


def score_job(vocabulary: Vocabulary, request: ScoreRequest) -> Job:
    """The job that scores all labels of all questions of a request."""
    own = first_own_piece(request.shared)
    chats = [
        vocabulary.chat_tokens([*request.shared, ("user", request.context, question.text)])
        for question in request.questions
    ]
    prefix, context = tuple(joined(chats[0][:own])), chats[0][own]
    questions = [
        _TokenizedQuestion(
            question, joined(pieces[own + 1 :]), {label: vocabulary.tokenize(label) for label in question.labels}
        )
        for question, pieces in zip(request.questions, chats, strict=True)
    ]
    cells = len(context) + sum(question.cells for question in questions)
    return Job(
        id=request.id,
        prefix=prefix,
        sequences=sum(question.sequences for question in questions),
        cells=cells,
        likely_cells=cells,
        begin=lambda sequences, start: _score(request.id, context, questions, sequences, start),
        fail=lambda error: LabelScores(request.id, error=error),
    )


def _score(
    id_: str, context: list[int], questions: list[_TokenizedQuestion], sequences: tuple[int, ...], start: int
) -> Work:
    """The context is part of the sequences of all questions and labels, so one pass answers everything."""
    after = start + len(context)
    feeds = [Feed(context, start, sequences)]
    free = iter(sequences)
    for question in questions:
        own = tuple(next(free) for _ in range(question.sequences))
        first_tokens = {label: tokens[0] for label, tokens in question.labels.items()}
        feeds.append(Feed(question.tokens, after, own, read=_scores_of(first_tokens)))
        for (label, tokens), fork in zip(question.long_labels.items(), own[1:], strict=True):
            position = after + len(question.tokens)
            feeds += [
                Feed([token], position + n, (fork,), read=_scores_of({label: tokens[n + 1]}))
                for n, token in enumerate(tokens[:-1])
            ]
    results = iter((yield feeds))
    by_question: dict[str, dict[str, float]] = {}
    for question in questions:
        scores = by_question[question.question.id] = next(results)
        for label, tokens in question.long_labels.items():
            scores[label] += sum(next(results)[label] for _ in tokens[1:])
    return LabelScores(id_, by_question, Usage(after + sum(question.cells for question in questions)))


def _scores_of(tokens: Mapping[str, int]) -> Callable[[Logits], dict[str, float]]:
    def read(logits: Logits) -> dict[str, float]:
        log_probabilities = log_softmax(logits)
        return {label: float(log_probabilities[token]) for label, token in tokens.items()}

    return read


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits to log-probabilities (natural log)."""
    wide = logits.astype(np.float64)
    wide -= wide.max()
    return wide - np.log(np.exp(wide).sum())
