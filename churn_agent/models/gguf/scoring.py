"""Score requests as jobs: one pass over a context, the forks of its questions, and those of long labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from churn_agent.models.base import LabelScores, Question, ScoreRequest, Usage
from churn_agent.models.gguf.context import Logits
from churn_agent.models.gguf.scheduler import Feed, Job, Work
from churn_agent.models.gguf.vocabulary import Vocabulary, first_own_piece, joined


@dataclass(frozen=True)
class _Asked:
    """A question in tokens."""

    question: Question
    tokens: list[int]
    labels: Mapping[str, list[int]]

    @property
    def long_labels(self) -> dict[str, list[int]]:
        """Labels of several tokens: each needs a fork of its own behind the question."""
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
    asked = [
        _Asked(question, joined(pieces[own + 1 :]), {each: vocabulary.tokenize(each) for each in question.labels})
        for question, pieces in zip(request.questions, chats, strict=True)
    ]
    cells = len(context) + sum(each.cells for each in asked)
    return Job(
        id=request.id,
        prefix=prefix,
        sequences=sum(each.sequences for each in asked),
        cells=cells,
        likely_cells=cells,
        begin=lambda sequences, start: _score(request.id, context, asked, sequences, start),
        fail=lambda error: LabelScores(request.id, error=error),
    )


def _score(id_: str, context: list[int], asked: list[_Asked], sequences: tuple[int, ...], start: int) -> Work:
    """The context belongs to the sequences of all questions and labels, so one pass answers everything."""
    after = start + len(context)
    feeds = [Feed(context, start, sequences)]
    free = iter(sequences)
    for each in asked:
        own = tuple(next(free) for _ in range(each.sequences))
        feeds.append(Feed(each.tokens, after, own, read=_reader({label: t[0] for label, t in each.labels.items()})))
        for (label, tokens), fork in zip(each.long_labels.items(), own[1:], strict=True):
            position = after + len(each.tokens)
            feeds += [
                Feed([token], position + n, (fork,), read=_reader({label: tokens[n + 1]}))
                for n, token in enumerate(tokens[:-1])
            ]
    read = iter((yield feeds))
    scored: dict[str, dict[str, float]] = {}
    for each in asked:
        scores = scored[each.question.id] = next(read)
        for label, tokens in each.long_labels.items():
            scores[label] += sum(next(read)[label] for _ in tokens[1:])
    return LabelScores(id_, scored, Usage(after + sum(each.cells for each in asked)))


def _reader(tokens: Mapping[str, int]) -> Callable[[Logits], dict[str, float]]:
    def read(logits: Logits) -> dict[str, float]:
        log_probabilities = log_softmax(logits)
        return {label: float(log_probabilities[token]) for label, token in tokens.items()}

    return read


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits to log-probabilities (natural log)."""
    wide = logits.astype(np.float64)
    wide -= wide.max()
    return wide - np.log(np.exp(wide).sum())
